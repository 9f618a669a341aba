package kernel

import "github.com/layernoise/layernoise/internal/cpu"

// loops are the inner loops over slices that exist for several sets of instructions, for one element type. The plain ones
// define the results; all others give the same bits.
//
// The slices of a loop have the same length; rows of pixels of which two make a window have twice that. Those of clipRows
// hold rows, one or more, of the same width, each a stride from the one before; those with planes begin with the first one.
// low clips from below: zero for a rectifier, minus infinity for none. What is added last is not -0.
type loops[T Float] struct {
	addClip            func(y, x []T, v, low T)
	clipRows           func(y []T, yStride int, x []T, xStride, width, rows int, v, low T)
	sumClip            func(z, x, y []T, low T)
	maxHalves          func(y []T, picks []uint32, x []T, width, pitch int, p pooled, v T, keep uint32)
	unpoolHalves       func(dx []T, picks []uint32, dy []T, width, pitch int, p pooled)
	dropout            func(y, x []T, words []uint32, threshold uint32, scale T)
	sum                func(x []T) T
	gatedSums          func(s []float64, dy, y []T, width int)
	moments            func(x []T, p planes, pivot T) (total, square float64)
	normForward        func(y, x []T, p planes, mean, a, b, low T)
	normJoin           func(y, x, residual []T, p planes, mean, a, b, low T)
	normSums           func(dy, x []T, p planes, mean, a, b T, keep uint32) (total, moment float64)
	normGrad           func(dx, dy, x []T, p planes, mean, a, b, dyMean, slope T, keep uint32)
	rowNorm            func(y, x, gain, bias []T, mean, a, c T)
	rowNormSums        func(dy, x, gain []T, mean, a, c T) (total, moment float64)
	rowNormGrad        func(dx, dy, x, gain, dgain, dbias []T, mean, a, c, mean1, mean2 T)
	top                func(x []T) T
	times              func(y, x []T, a T)
	timesRows          func(y []T, stride, cols int, a []T)
	dotRows            func(d, x []T, xStride int, y []T, yStride, cols int)
	slopeRows          func(p, dp, e []T, pitch, cols int, inverse, d []T, scale T)
	sgd                func(w, g []T, rate, decay T)
	momentum, nesterov func(w, g, v []T, rate, momentum, decay T)
	adam               func(w, g, m, v []T, s *AdamStep[T])
	toChannelsLast     func(dst []T, pixels []int, src []T, plane, channels int)
	fromChannelsLast   func(dst []T, plane, channels int, src []T, pixels []int)
}

var (
	loops32 = loopsOf(cpu.Best())
	loops64 = plainLoops[float64]()
)

// loopsFor are the loops in use for an element type.
func loopsFor[T Float]() *loops[T] {
	if l, ok := any(&loops32).(*loops[T]); ok {
		return l
	}
	return any(&loops64).(*loops[T])
}

// plainLoops are the loops in Go.
func plainLoops[T Float]() loops[T] {
	return loops[T]{
		addClip: addClip[T], clipRows: clipRows[T], sumClip: sumClip[T],
		maxHalves: maxHalves[T], unpoolHalves: unpoolHalves[T],
		dropout: dropout[T],
		sum:     sum[T], gatedSums: gatedSums[T], moments: moments[T],
		normForward: normForward[T], normJoin: normJoin[T], normSums: normSums[T], normGrad: normGrad[T],
		rowNorm: rowNorm[T], rowNormSums: rowNormSums[T], rowNormGrad: rowNormGrad[T],
		top: top[T], times: times[T], timesRows: timesRows[T], dotRows: dotRows[T], slopeRows: slopeRows[T],
		sgd: sgd[T], momentum: sgdMomentum[T], nesterov: sgdNesterov[T], adam: adam[T],
		toChannelsLast: toChannelsLast[T], fromChannelsLast: fromChannelsLast[T],
	}
}
