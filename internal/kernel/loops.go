package kernel

import "github.com/layernoise/layernoise/internal/cpu"

// loops are the inner loops over slices that exist for several sets of
// instructions, for one element type. The plain ones define the results; all
// others give the same bits.
//
// The slices of a loop have the same length; rows of pixels of which two make a
// window have twice that. Those of clipRows hold rows, one or more, of the same width, each
// a stride from the one before. low clips from below: zero for a rectifier, minus
// infinity for none. What is added last is not -0.
type loops[T Float] struct {
	addClip            func(y, x []T, v, low T)
	clipRows           func(y []T, yStride int, x []T, xStride, width, rows int, v, low T)
	sumClip            func(z, x, y []T, low T)
	lineClip           func(y, x []T, a, b, low T)
	joinClip           func(y, x, residual []T, a, b, low T)
	gateLine           func(g, x, dy []T, a, b T)
	combine            func(dx, g, x []T, a, p, q T)
	maxHalves          func(y []T, picks []uint32, x []T, width, rows int, keep uint32)
	unpoolHalves       func(dx []T, picks []uint32, dy []T, width, rows int)
	sum                func(x []T) T
	sumSquares         func(x []T, mean T) T
	sumMoment          func(g, x []T, mean T) (total, moment T)
	sgd                func(w, g []T, rate, decay T)
	momentum, nesterov func(w, g, v []T, rate, momentum, decay T)
	adam               func(w, g, m, v []T, s *AdamStep[T])
	toRows             func(dst []T, places []int, src []T, plane, channels int)
	fromRows           func(dst []T, plane, channels int, src []T, places []int)
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
		addClip: addClip[T], clipRows: clipRows[T], sumClip: sumClip[T], lineClip: lineClip[T], joinClip: joinClip[T],
		gateLine: gateLine[T], combine: combine[T],
		maxHalves: maxHalves[T], unpoolHalves: unpoolHalves[T],
		sum: sum[T], sumSquares: sumSquares[T], sumMoment: sumMoment[T],
		sgd: sgd[T], momentum: sgdMomentum[T], nesterov: sgdNesterov[T], adam: adam[T],
		toRows: toRows[T], fromRows: fromRows[T],
	}
}
