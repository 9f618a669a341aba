package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
)

// testViews compares kernels with their twins, for arguments that follow from seed.
func testViews(t *testing.T, k kernels, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 5))
	n := slidingGroup * r.IntN(10)
	stride := n + r.IntN(9)
	x := framed(r, finite(r, n+100)).data
	offsets := make([]int, 4+r.IntN(20))
	for i := range offsets {
		offsets[i] = r.IntN(100)
	}
	w := framed(r, finite(r, slidingRows*len(offsets))).data
	rows := finite(r, (slidingRows-1)*stride+n)
	both(t, r, "weighViews", rows,
		func(y []float32) { k.weighViews(y, stride, x, offsets, w, n) },
		func(y []float32) { weighViews(y, stride, x, offsets, w, n) })
	if n == 0 {
		return
	}
	y, four := framed(r, rows).data, (*[slidingDots]int)(offsets)
	both(t, r, "dotViews", finite(r, slidingRows*slidingDots*slidingGroup),
		func(sums []float32) { k.dotViews(sums, y, stride, x, four, n) },
		func(sums []float32) { dotViews(sums, y, stride, x, four, n) })
}

func TestViews(t *testing.T) {
	eachLevel(t, func(t *testing.T, k kernels) {
		for seed := range uint64(300) {
			testViews(t, k, seed)
		}
	})
}

func FuzzViews(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { testViews(t, use, seed) })
}

var slidingShapes = []Conv{
	{Window: Window{H: 32, W: 32, KH: 5, KW: 5}, N: 3, C: 3, Out: 6},
	{Window: Window{H: 14, W: 14, KH: 5, KW: 5}, N: 10, C: 6, Out: 16},
	{Window: Window{H: 9, W: 12, KH: 3, KW: 2}, N: 23, C: 2, Out: 3},
	{Window: Window{H: 11, W: 9, KH: 3, KW: 3, PH: 2, PW: 2}, N: 5, C: 4, Out: 2},
	{Window: Window{H: 8, W: 13, KH: 1, KW: 4, PW: 1}, N: 40, C: 1, Out: 5},
	{Window: Window{H: 7, W: 7, KH: 3, KW: 3, PH: 1, PW: 1}, N: 9, C: 7, Out: 13},
	{Window: Window{H: 6, W: 7, KH: 2, KW: 1, PH: 4, PW: 1}, N: 1, C: 2, Out: 4},
}

// TestSliding compares with the columns of im2col in float64, and holds the results to the same bits for any number of
// processors and every level.
func TestSliding(t *testing.T) {
	defer func(k kernels) { use = k }(use)
	for _, c := range slidingShapes {
		c.SH, c.SW = 1, 1
		t.Run(fmt.Sprintf("%dx%dx%dx%d-%d,%dx%d", c.N, c.C, c.H, c.W, c.Out, c.KH, c.KW), func(t *testing.T) {
			s := newSample(c)
			run := func() [3][]float32 {
				y, dx, dw := slices.Clone(s.y), slices.Clone(s.dx), slices.Clone(s.dw)
				slidingForward(newSliding(c), target{y: y, b: s.b, relu: true}, source{x: s.x}, s.w)
				slidingGradX(newSliding(c), dx, source{x: s.dy}, s.w)
				slidingGradW(newSliding(c), dw, source{x: s.dy}, source{x: s.x})
				return [3][]float32{y, dx, dw}
			}
			use = plainKernels()
			got := run()
			use = kernelsOf(cpu.Best())
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
			for i, again := range run() {
				if !slices.Equal(again, got[i]) {
					t.Errorf("result %d: other bits with three processors and %v", i, cpu.Best())
				}
			}
			y, dx, dw := doubles(s.y), doubles(s.dx), doubles(s.dw)
			columnsForward(c, y, doubles(s.x), doubles(s.w), doubles(s.b), true)
			columnsGradX(c, dx, doubles(s.dy), doubles(s.w))
			columnsGradW(c, dw, doubles(s.dy), doubles(s.x))
			checkRMS(t, "output", got[0], y)
			checkRMS(t, "gradient of the images", got[1], dx)
			checkRMS(t, "gradient of the weights", got[2], dw)
		})
	}
}

// TestSlidingBadValues puts one NaN into an argument. It reaches whatever it has a part in by the definition, and of the
// output and of the gradient of the images nothing else, unless it is in the weights.
func TestSlidingBadValues(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range slidingShapes {
		c.SH, c.SW = 1, 1
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 9))
			for range 20 {
				s := newSample(c)
				inX, inDy, inW := r.IntN(len(s.x)), r.IntN(len(s.dy)), r.IntN(len(s.w))
				yOfX, dwOfX, dxOfDy, dwOfDy, yOfW, dxOfW := reached{}, reached{}, reached{}, reached{}, reached{}, reached{}
				eachTerm(c, func(o, i, k int) {
					if i == inX {
						yOfX[o], dwOfX[k] = true, true
					}
					if o == inDy {
						dxOfDy[i], dwOfDy[k] = true, true
					}
					if k == inW {
						yOfW[o], dxOfW[i] = true, true
					}
				})
				forward := func() { slidingForward(newSliding(c), target{y: s.y, b: s.b, relu: true}, source{x: s.x}, s.w) }
				gradX := func() { slidingGradX(newSliding(c), s.dx, source{x: s.dy}, s.w) }
				gradW := func() { slidingGradW(newSliding(c), s.dw, source{x: s.dy}, source{x: s.x}) }
				with := func(arg []float32, at int, passes ...func()) {
					was := arg[at]
					arg[at] = nan
					for _, pass := range passes {
						pass()
					}
					arg[at] = was
				}
				with(s.x, inX, forward, gradW)
				yOfX.check(t, "output, of an image", s.y, true)
				dwOfX.check(t, "gradient of the weights, of an image", s.dw, false)
				with(s.dy, inDy, gradX, gradW)
				dxOfDy.check(t, "gradient of the images, of that of the output", s.dx, true)
				dwOfDy.check(t, "gradient of the weights, of that of the output", s.dw, false)
				with(s.w, inW, forward, gradX)
				yOfW.check(t, "output, of the weights", s.y, false)
				dxOfW.check(t, "gradient of the images, of the weights", s.dx, false)
			}
		})
	}
}

// reached are the elements of a result that a NaN has a part in.
type reached map[int]bool

// check wants NaN in these elements, and nowhere else if they are to be all.
func (r reached) check(t *testing.T, what string, result []float32, all bool) {
	t.Helper()
	for i, v := range result {
		if bad := v != v; bad != r[i] && (all || !bad) {
			t.Fatalf("%s: element %d is %v, in the sum of the definition %v", what, i, v, r[i])
		}
	}
}

// TestSlides pins which convolutions are computed as sums of views.
func TestSlides(t *testing.T) {
	base := Conv{Window: Window{H: 32, W: 32, KH: 5, KW: 5, SH: 1, SW: 1}, N: 1, C: 3, Out: 6}
	for _, test := range []struct {
		name       string
		change     func(c *Conv)
		want, back bool
	}{
		{"base", func(*Conv) {}, true, true},
		{"two channels", func(c *Conv) { c.C = 2 }, true, false},
		{"1 x 1", func(c *Conv) { c.KH, c.KW = 1, 1 }, false, false},
		{"stride 2 of rows", func(c *Conv) { c.SH = 2 }, false, false},
		{"stride 2 of columns", func(c *Conv) { c.SW = 2 }, false, false},
		{"narrow", func(c *Conv) { c.W = 11 }, false, false},
		{"large images", func(c *Conv) { c.H = 100 }, false, false},
		{"many weights", func(c *Conv) { c.Out = 300 }, false, false},
	} {
		c := base
		test.change(&c)
		if got, back := c.slides(), c.slidesBack(); got != test.want || back != test.back {
			t.Errorf("%s: %v and %v, want %v and %v", test.name, got, back, test.want, test.back)
		}
	}
}
