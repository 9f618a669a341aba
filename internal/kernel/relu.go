package kernel

import (
	"math"
	"unsafe"
)

// ReLU writes max(x, 0) to y, which may be x. A NaN stays a NaN.
func ReLU[T Float](y, x []T) {
	elements(len(y), func(lo, hi int) {
		y, x := y[lo:hi], x[lo:hi]
		for i, v := range x {
			y[i] = max(v, 0)
		}
	})
}

// Gate writes to dx the elements of dy where y is not zero, and zero elsewhere: the gradient through a rectifier whose
// output was y. dx may be dy.
func Gate[T Float](dx, y, dy []T) {
	elements(len(y), func(lo, hi int) { gate(dx[lo:hi], y[lo:hi], dy[lo:hi]) })
}

func gate[T Float](dx, y, dy []T) {
	switch y := any(y).(type) {
	case []float32:
		use.gate32(bits[uint32](any(dx).([]float32)), bits[uint32](y), bits[uint32](any(dy).([]float32)))
	case []float64:
		gate64(bits[uint64](any(dx).([]float64)), bits[uint64](y), bits[uint64](any(dy).([]float64)))
	}
}

// gate32 works on the bit patterns, so that it has no branch to mispredict: b|-b has the sign bit set for every b but zero,
// and the negation spreads it.
func gate32(dx, y, dy []uint32) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i, b := range y {
		dx[i] = dy[i] & -((b | -b) >> 31)
	}
}

func gate64(dx, y, dy []uint64) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i, b := range y {
		dx[i] = dy[i] & -((b | -b) >> 63)
	}
}

// keepPositive returns g if x is positive, else zero, without a branch: the sign bit of b|(b-1) is set for negative x and
// for both zeros.
func keepPositive[T Float](g, x T) T {
	if unsafe.Sizeof(x) == 4 {
		b := math.Float32bits(float32(x))
		return T(math.Float32frombits(math.Float32bits(float32(g)) & ((b|(b-1))>>31 - 1)))
	}
	b := math.Float64bits(float64(x))
	return T(math.Float64frombits(math.Float64bits(float64(g)) & ((b|(b-1))>>63 - 1)))
}
