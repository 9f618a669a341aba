package kernel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
)

// pooledShapes are convolutions of all algorithms, with outputs of even sides: by Winograd's in one and in many chunks, with
// whole tiles and with halves, an image in several chunks and several images in one; sliding, with a gradient of the images
// that slides and one that does not; shifted and im2col.
var pooledShapes = []Conv{
	{Window: Window{H: 16, W: 16, KH: 3, KW: 3, PH: 1, PW: 1}, N: 9, C: 16, Out: 20},
	{Window: Window{H: 40, W: 36, KH: 3, KW: 3, PH: 1, PW: 1}, N: 2, C: 17, Out: 16},
	{Window: Window{H: 10, W: 14, KH: 3, KW: 3, PH: 1, PW: 1}, N: 20, C: 16, Out: 16},
	{Window: Window{H: 8, W: 8, KH: 3, KW: 3, PH: 2, PW: 2}, N: 30, C: 18, Out: 16},
	{Window: Window{H: 26, W: 26, KH: 3, KW: 3}, N: 3, C: 16, Out: 16},
	{Window: Window{H: 8, W: 8, KH: 3, KW: 3, PH: 1, PW: 1}, N: 1, C: 64, Out: 64},
	{Window: Window{H: 32, W: 32, KH: 3, KW: 3, PH: 1, PW: 1}, N: 3, C: 3, Out: 7},
	{Window: Window{H: 28, W: 28, KH: 5, KW: 5}, N: 9, C: 1, Out: 6},
	{Window: Window{H: 14, W: 14, KH: 5, KW: 5}, N: 4, C: 6, Out: 16},
	{Window: Window{H: 9, W: 9, KH: 2, KW: 2}, N: 4, C: 16, Out: 16},
	{Window: Window{H: 12, W: 8, KH: 3, KW: 3, SH: 2, SW: 2, PH: 1, PW: 1}, N: 2, C: 3, Out: 5},
}

// TestConvPool compares with a convolution and a pool apart: the same bits, for any number of processors, every level, and
// values that are not numbers.
func TestConvPool(t *testing.T) {
	for _, c := range pooledShapes {
		c.SH, c.SW = max(1, c.SH), max(1, c.SW)
		for _, relu := range []bool{false, true} {
			t.Run(fmt.Sprintf("%dx%dx%dx%d-%d,%dx%d,%v", c.N, c.C, c.H, c.W, c.Out, c.KH, c.KW, relu), func(t *testing.T) {
				s := newSample(c)
				testConvPool(t, c, relu, s.x, s.w, s.b, s.dy)
				testConvPool(t, c, relu, wide(s.x), wide(s.w), wide(s.b), wide(s.dy))
				s.x[len(s.x)/2], s.x[len(s.x)/3] = float32(math.NaN()), float32(math.Inf(1))
				testConvPool(t, c, relu, s.x, s.w, s.b, s.dy)
			})
		}
	}
}

func testConvPool[T Float](t *testing.T, c Conv, relu bool, x, w, b, dy []T) {
	defer func(k kernels, l loops[float32]) { use, loops32 = k, l }(use, loops32)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	dy = dy[:len(dy)/4]
	conv, y := make([]T, c.N*c.Out*c.pixels()), make([]T, len(dy))
	want := [4][]T{y, make([]T, len(x)), make([]T, len(w)), make([]T, c.Out)}
	pool := (&ConvPool[T]{Conv: c, ReLU: relu}).maxPool()
	ConvForward(c, conv, x, w, b, false)
	pool.Forward(y, conv)
	pool.Backward(conv, nil, nil, dy)
	ConvGradX(c, want[1], conv, w)
	ConvGradW(c, want[2], conv, x)
	passed := slices.Clone(dy)
	if relu {
		Gate(passed, y, dy)
	}
	ConvGradB(want[3], passed, nil, c.pixels()/4)
	for l := cpu.Plain; l <= cpu.Best(); l++ {
		use, loops32 = kernelsOf(l), loopsOf(l)
		for _, threads := range []int{1, 3} {
			runtime.GOMAXPROCS(threads)
			p := ConvPool[T]{Conv: c, ReLU: relu}
			got := [4][]T{make([]T, len(y)), make([]T, len(x)), make([]T, len(w)), make([]T, c.Out)}
			p.Forward(got[0], x, w, b)
			p.GradX(got[1], dy, w)
			p.GradW(got[2], dy, x)
			p.GradB(got[3], dy, y)
			for i, name := range []string{"result", "gradient of the images", "gradient of the weights", "gradient of the bias"} {
				if !sameNumbers(got[i], want[i]) {
					t.Errorf("%v, %d threads: another %s", l, threads, name)
				}
			}
		}
	}
}

// sameNumbers reports whether x and y have the same bits, or are both not numbers.
func sameNumbers[T Float](x, y []T) bool {
	return slices.EqualFunc(x, y, func(a, b T) bool {
		return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) || a != a && b != b
	})
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
