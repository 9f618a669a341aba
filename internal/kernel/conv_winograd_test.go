package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// winogradShapes have odd sizes, all paddings, one chunk and several, and blocks of output channels that do not come out
// even.
var winogradShapes = []Conv{
	{Window: Window{H: 4, W: 4}, N: 2, C: 16, Out: 16},
	{Window: Window{H: 4, W: 4}, N: 3, C: 700, Out: 100},
	{Window: Window{H: 8, W: 8}, N: 3, C: 48, Out: 35},
	{Window: Window{H: 9, W: 7}, N: 2, C: 16, Out: 19},
	{Window: Window{H: 5, W: 23}, N: 33, C: 18, Out: 16},
	{Window: Window{H: 3, W: 3}, N: 40, C: 16, Out: 16},
	{Window: Window{H: 13, W: 6}, N: 41, C: 16, Out: 21},
	{Window: Window{H: 37, W: 38}, N: 5, C: 16, Out: 24},
}

func forWinograd(t *testing.T, f func(t *testing.T, c Conv)) {
	for _, c := range winogradShapes {
		for p := range 9 {
			c.KH, c.KW, c.SH, c.SW, c.PH, c.PW = 3, 3, 1, 1, p/3, p%3
			t.Run(fmt.Sprintf("%dx%dx%dx%d-%d,pad%d,%d", c.N, c.C, c.H, c.W, c.Out, c.PH, c.PW), func(t *testing.T) { f(t, c) })
		}
	}
}

func randomFloats(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func doubles(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// checkRMS fails if the root mean square of got - want is more than 1e-5 of want's.
func checkRMS(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	checkError(t, what, got, want, 1e-5)
}

// checkError is checkRMS for any tolerance.
func checkError(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	var d, s float64
	for i, v := range want {
		d += (float64(got[i]) - v) * (float64(got[i]) - v)
		s += v * v
	}
	if e := math.Sqrt(d / s); !(e <= tolerance) {
		t.Errorf("%s: relative error %.2g", what, e)
	}
}

// sample is a convolution with random arguments.
type sample struct {
	c           Conv
	x, w, b, dy []float32
	y, dx, dw   []float32
}

func newSample(c Conv) *sample {
	r := rand.New(rand.NewPCG(1, 2))
	s := &sample{c: c, x: randomFloats(r, c.N*c.C*c.H*c.W), w: randomFloats(r, c.Out*c.depth()), b: randomFloats(r, c.Out)}
	s.dy = randomFloats(r, c.N*c.Out*c.pixels())
	s.y, s.dx, s.dw = randomFloats(r, len(s.dy)), randomFloats(r, len(s.x)), randomFloats(r, len(s.w))
	return s
}

func (s *sample) run() {
	winogradForward(s.c, target{y: s.y, b: s.b, relu: true}, source{x: s.x}, s.w)
	winogradGradX(s.c, s.dx, source{x: s.dy}, s.w)
	winogradGradW(s.c, s.dw, source{x: s.dy}, source{x: s.x})
}

// TestConvChoice pins which convolutions take Winograd's algorithm.
func TestConvChoice(t *testing.T) {
	base := Conv{Window: Window{H: 8, W: 8, KH: 3, KW: 3, SH: 1, SW: 1, PH: 1, PW: 1}, N: 1, C: 16, Out: 16}
	if convDirect {
		t.Skip(ConvVariable + " is direct")
	}
	checkChoices(t, base, Conv.winograd, []choice{
		{"base", func(*Conv) {}, true},
		{"few inputs", func(c *Conv) { c.C = 15 }, false},
		{"few outputs", func(c *Conv) { c.Out = 15 }, false},
		{"5 x 3", func(c *Conv) { c.KH = 5 }, false},
		{"3 x 1", func(c *Conv) { c.KW = 1 }, false},
		{"stride 2 of rows", func(c *Conv) { c.SH = 2 }, false},
		{"stride 2 of columns", func(c *Conv) { c.SW = 2 }, false},
		{"wide padding", func(c *Conv) { c.PW = 3 }, false},
		{"4 x 4", func(c *Conv) { c.H, c.W = 4, 4 }, true},
		{"3 x 3", func(c *Conv) { c.H, c.W = 3, 3 }, true},
		{"2 x 2", func(c *Conv) { c.H, c.W = 2, 2 }, false},
		{"6 x 6", func(c *Conv) { c.H, c.W = 6, 6 }, true},
		{"5 x 5", func(c *Conv) { c.H, c.W = 5, 5 }, false},
	})
}

// choice is a change of a convolution, and whether it is then computed in a certain way.
type choice struct {
	name   string
	change func(c *Conv)
	want   bool
}

func checkChoices(t *testing.T, base Conv, way func(Conv) bool, choices []choice) {
	t.Helper()
	for _, choice := range choices {
		c := base
		choice.change(&c)
		if got := way(c); got != choice.want {
			t.Errorf("%s: %v, want %v", choice.name, got, choice.want)
		}
	}
}

// TestWinograd compares with the convolution in float64, which does not use Winograd's algorithm.
func TestWinograd(t *testing.T) {
	forWinograd(t, func(t *testing.T, c Conv) {
		s := newSample(c)
		s.run()
		y, dx, dw := make([]float64, len(s.y)), make([]float64, len(s.dx)), make([]float64, len(s.dw))
		columnsForward(c, y, doubles(s.x), doubles(s.w), doubles(s.b), true)
		columnsGradX(c, dx, doubles(s.dy), doubles(s.w))
		columnsGradW(c, dw, doubles(s.dy), doubles(s.x))
		checkRMS(t, "output", s.y, y)
		checkRMS(t, "gradient of the images", s.dx, dx)
		checkRMS(t, "gradient of the weights", s.dw, dw)
	})
}

// TestWinogradThreads holds the results to the same bits for any number of processors.
func TestWinogradThreads(t *testing.T) {
	forWinograd(t, func(t *testing.T, c Conv) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		one := newSample(c)
		one.run()
		threads := []int{2, 3, 7}
		if testing.Short() {
			threads = []int{3}
		}
		for _, n := range threads {
			runtime.GOMAXPROCS(n)
			s := newSample(c)
			s.run()
			if !slices.Equal(s.y, one.y) || !slices.Equal(s.dx, one.dx) || !slices.Equal(s.dw, one.dw) {
				t.Errorf("%d threads: other results than with one", n)
			}
		}
	})
}
