package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// directShapes have strides and sizes of all kinds, with several images in a product and several products an image, and
// random ones.
func directShapes() []Conv {
	shapes := []Conv{
		{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 3, C: 3, Out: 5},
		{Window: Window{H: 6, W: 10, KH: 3, KW: 5, SH: 2, SW: 2, PH: 0, PW: 3}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 60, W: 58, KH: 4, KW: 2, SH: 2, SW: 2, PH: 2, PW: 0}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 7, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 8, W: 8, KH: 1, KW: 1, SH: 2, SW: 2}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 1, SW: 2, PH: 1, PW: 1}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 9, W: 12, KH: 3, KW: 2, SH: 3, SW: 3, PH: 2, PW: 1}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 5, W: 4, KH: 3, KW: 3, SH: 1, SW: 1, PH: 1, PW: 1}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 2, W: 2, KH: 3, KW: 3, SH: 1, SW: 1, PH: 1, PW: 1}, N: 71, C: 5, Out: 130},
		{Window: Window{H: 2, W: 3, KH: 5, KW: 4, SH: 3, SW: 1, PH: 3, PW: 5}, N: 2, C: 2, Out: 3},
		{Window: Window{H: 1, W: 1, KH: 3, KW: 3, SH: 1, SW: 1, PH: 1, PW: 1}, N: 5, C: 2, Out: 3},
		{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 159, C: 2, Out: 3},
	}
	r := rand.New(rand.NewPCG(1, 8))
	for range 60 {
		c := Conv{N: 1 + r.IntN(20), C: 1 + r.IntN(20), Out: 1 + r.IntN(20)}
		c.KH, c.KW, c.SH, c.SW = 1+r.IntN(4), 1+r.IntN(4), 1+r.IntN(3), 1+r.IntN(3)
		c.PH, c.PW = r.IntN(c.KH), r.IntN(3)
		c.H, c.W = max(c.KH, c.SH)+r.IntN(9), max(c.KW, c.SW)+r.IntN(9)
		shapes = append(shapes, c)
	}
	return shapes
}

// TestDirect compares the direct paths with the sums of the definition.
func TestDirect(t *testing.T) {
	for _, c := range directShapes() {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s := newSample(c)
			y, dx, dw := make([]float64, len(s.y)), make([]float64, len(s.dx)), make([]float64, len(s.dw))
			eachTerm(c, func(o, i, k int) {
				y[o] += float64(s.x[i]) * float64(s.w[k])
				dx[i] += float64(s.dy[o]) * float64(s.w[k])
				dw[k] += float64(s.dy[o]) * float64(s.x[i])
			})
			for i := range y {
				y[i] = max(y[i]+float64(s.b[i/c.pixels()%c.Out]), 0)
			}
			check := func(path string) {
				checkRMS(t, path+": output", s.y, y)
				checkRMS(t, path+": gradient of the images", s.dx, dx)
				checkRMS(t, path+": gradient of the weights", s.dw, dw)
			}
			columnsForward(c, s.y, s.x, s.w, s.b, true)
			columnsGradX(c, s.dx, s.dy, s.w)
			columnsGradW(c, s.dw, s.dy, s.x)
			check("columns")
			if c.PH >= c.KH {
				return
			}
			spoil(s.y, s.dx, s.dw)
			spoilScratch()
			shiftedForward(c, s.y, s.x, s.w, s.b, true)
			spoilScratch()
			shiftedGradX(c, s.dx, s.dy, s.w)
			spoilScratch()
			shiftedGradW(c, s.dw, s.dy, s.x)
			check("shifted GEMM")
		})
	}
}

// spoilScratch overwrites the work space that is not in use.
func spoilScratch() {
	scratch32.mu.Lock()
	defer scratch32.mu.Unlock()
	for _, f := range scratch32.free {
		spoil(f.buf)
	}
}

// TestShiftedThreads holds the sums of products to the same bits for any number of processors.
func TestShiftedThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	c := Conv{Window: Window{H: 9, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 159, C: 9, Out: 20}
	var one *sample
	for _, n := range []int{1, 2, 3, 7} {
		runtime.GOMAXPROCS(n)
		s := newSample(c)
		shiftedForward(c, s.y, s.x, s.w, s.b, true)
		shiftedGradX(c, s.dx, s.dy, s.w)
		shiftedGradW(c, s.dw, s.dy, s.x)
		if one == nil {
			one = s
		}
		if !slices.Equal(s.y, one.y) || !slices.Equal(s.dx, one.dx) || !slices.Equal(s.dw, one.dw) {
			t.Errorf("%d threads: other results than with one", n)
		}
	}
}

// TestShiftedLastGroup holds the rows of images that a smaller group lacks to zero, as they take part in the products.
func TestShiftedLastGroup(t *testing.T) {
	s := newSample(Conv{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 1, SW: 1}, N: 31, C: 5, Out: 4})
	joint := newShifted(s.c)
	defer joint.giveBack()
	i0, i1 := joint.group(joint.groups() - 1)
	if i1-i0 == joint.together {
		t.Fatal("the last group is not smaller")
	}
	x, y := make([]float32, joint.sizeX()), make([]float32, joint.sizeY())
	spoil(x, y)
	gatherImages(joint, x, s.x, i0, i1)
	gatherOutputs(joint, y, s.dy, i0, i1)
	for _, v := range append(x, y...) {
		if v != v {
			t.Fatal("something is left of other groups")
		}
	}
}

// TestShiftedDouble compares the sums of products in double precision with the columns of im2col.
func TestShiftedDouble(t *testing.T) {
	for _, c := range directShapes() {
		if c.PH >= c.KH {
			continue
		}
		s := newSample(c)
		x, w, dy := doubles(s.x), doubles(s.w), doubles(s.dy)
		y, dx, dw := doubles(s.y), doubles(s.dx), doubles(s.dw)
		columnsForward(c, y, x, w, nil, true)
		columnsGradX(c, dx, dy, w)
		columnsGradW(c, dw, dy, x)
		y2, dx2, dw2 := doubles(s.y), doubles(s.dx), doubles(s.dw)
		shiftedForward(c, y2, x, w, nil, true)
		shiftedGradX(c, dx2, dy, w)
		shiftedGradW(c, dw2, dy, x)
		for _, got := range [][2][]float64{{y2, y}, {dx2, dx}, {dw2, dw}} {
			for i, want := range got[1] {
				if !(math.Abs(got[0][i]-want) <= 1e-11) {
					t.Fatalf("%v: %v, want %v", c, got[0][i], want)
				}
			}
		}
	}
}

// TestShiftedChoice pins which convolutions are sums of products.
func TestShiftedChoice(t *testing.T) {
	base := Conv{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 4, C: 8, Out: 16}
	checkChoices(t, base, Conv.shiftedGEMM, []choice{
		{"base", func(*Conv) {}, true},
		{"stride 1 of columns", func(c *Conv) { c.SW = 1 }, false},
		{"stride 1 of columns, twice the channels", func(c *Conv) { c.SW, c.C = 1, 16 }, true},
		{"narrow window", func(c *Conv) { c.KW = 1 }, false},
		{"few inputs", func(c *Conv) { c.C = 7 }, false},
		{"few outputs", func(c *Conv) { c.Out = 15 }, false},
		{"few pixels", func(c *Conv) { c.N = 3 }, false},
		{"padding as high as the window", func(c *Conv) { c.PH = 3 }, false},
		{"1 x 1, stride 2 of rows", func(c *Conv) { c.KH, c.KW, c.SW, c.PH, c.PW, c.C = 1, 1, 1, 0, 0, 16 }, true},
		{"1 x 1, large images", func(c *Conv) { c.Window, c.C = Window{H: 32, W: 32, KH: 1, KW: 1, SH: 1, SW: 1}, 16 }, false},
		{"1 x 1, small images", func(c *Conv) { c.Window, c.C = Window{H: 7, W: 7, KH: 1, KW: 1, SH: 1, SW: 1}, 16 }, true},
	})
}

// spoil fills buffers with what no result can hide.
func spoil(buffers ...[]float32) {
	for _, buf := range buffers {
		buf = buf[:cap(buf)]
		for i := range buf {
			buf[i] = float32(math.NaN())
		}
	}
}

// eachTerm calls f for each product in the definition of a convolution, with the elements of its factors.
func eachTerm(c Conv, f func(y, x, w int)) {
	for y := range c.N * c.Out * c.pixels() {
		n, o, p, q := y/c.pixels()/c.Out, y/c.pixels()%c.Out, y%c.pixels()/c.OutW(), y%c.OutW()
		for k := range c.depth() {
			channel, i, j := k/(c.KH*c.KW), p*c.SH+k/c.KW%c.KH-c.PH, q*c.SW+k%c.KW-c.PW
			if 0 <= i && i < c.H && 0 <= j && j < c.W {
				f(y, ((n*c.C+channel)*c.H+i)*c.W+j, o*c.depth()+k)
			}
		}
	}
}
