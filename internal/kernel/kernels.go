package kernel

import "github.com/layernoise/layernoise/internal/cpu"

// kernels are the inner loops that exist for several sets of instructions. The plain ones define the results; short of
// overflow, all others give the same bits.
type kernels struct {
	inputRows, gradRows func(dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int)
	inputCols           func(dst []float32, plane int, src []float32, stride int, left, right []uint32)
	gradCols            func(dst []float32, plane int, src []float32, stride, n int)
	outputCols          func(dst []float32, stride int, src []float32, plane, n int)
	outputRows          func(dst []float32, lines []int, src []float32, stride, pitch, n int, bias, low float32)
	windowPlanes        func(u []float32, plane int, w []float32, n int, rotate bool)
	gate32              func(dx, y, dy []uint32)
	fetch               func(x []float32, n, stride, count int) // n elements, one or more, of each of count parts into the cache
	planesWindow        func(dw []float32, n int, u []float32, plane int)

	// weighViews writes six rows of n elements to y, stride apart: sums of the views of x that begin at the offsets, times
	// their weights, six for each view. dotViews adds the dot products of six rows of y with four views of x to sums, 6 x 4
	// of them: each is sixteen, for the elements that leave the same rest when divided by that. n is a multiple of sixteen,
	// and products are added in order, each with one rounding.
	weighViews func(y []float32, stride int, x []float32, offsets []int, w []float32, n int)
	dotViews   func(sums, y []float32, stride int, x []float32, offsets *[slidingDots]int, n int)
}

// use are the kernels in use.
var use = kernelsOf(cpu.Best())

// plainKernels are the kernels in Go.
func plainKernels() kernels {
	return kernels{
		inputRows: inputRows, gradRows: gradRows,
		inputCols: inputCols, gradCols: gradCols,
		outputCols: outputCols, outputRows: outputRows,
		windowPlanes: windowPlanes, planesWindow: planesWindow,
		gate32:     gate32,
		fetch:      func([]float32, int, int, int) {},
		weighViews: weighViews, dotViews: dotViews,
	}
}
