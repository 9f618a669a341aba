package kernel

import (
	"math"
	"unsafe"

	"github.com/layernoise/layernoise/internal/elementary"
)

// Tanh writes the hyperbolic tangent of x to y.
func Tanh[T Float](y, x []T) { unary(elementary.LoopsFor[T]().Tanh, y, x) }

// TanhGrad writes dy times the slope of [Tanh] where its value is y to dx.
func TanhGrad[T Float](dx, y, dy []T) { binary(elementary.LoopsFor[T]().TanhGrad, dx, y, dy) }

// Sigmoid writes 1/(1 + e^-x) to y.
func Sigmoid[T Float](y, x []T) { unary(elementary.LoopsFor[T]().Sigmoid, y, x) }

// SigmoidGrad writes dy times the slope of [Sigmoid] where its value is y to dx.
func SigmoidGrad[T Float](dx, y, dy []T) { binary(elementary.LoopsFor[T]().SigmoidGrad, dx, y, dy) }

// GELU writes x Phi(x) to y, where Phi is the standard normal distribution function, and unless slope is nil its slope at x to
// slope.
func GELU[T Float](y, slope, x []T) {
	l := elementary.LoopsFor[T]()
	withSlope(l.GELU, l.GELUSlope, y, slope, x)
}

// GELUTanh is GELU for x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
func GELUTanh[T Float](y, slope, x []T) {
	l := elementary.LoopsFor[T]()
	withSlope(l.GELUTanh, l.GELUTanhSlope, y, slope, x)
}

// SiLU is GELU for x/(1 + e^-x).
func SiLU[T Float](y, slope, x []T) {
	l := elementary.LoopsFor[T]()
	withSlope(l.SiLU, l.SiLUSlope, y, slope, x)
}

// withSlope writes the value of a function and unless slope is nil its slope.
func withSlope[T Float](value func(y, x []T), both func(y, slope, x []T), y, slope, x []T) {
	if slope == nil {
		unary(value, y, x)
		return
	}
	elements(len(x), func(lo, hi int) { both(y[lo:hi], slope[lo:hi], x[lo:hi]) })
}

// Multiply writes x times y to z.
func Multiply[T Float](z, x, y []T) { binary(elementary.LoopsFor[T]().Product, z, x, y) }

// LeakyReLU writes x where it is positive and slope*x elsewhere to y.
func LeakyReLU[T Float](y, x []T, slope T) {
	elements(len(x), func(lo, hi int) {
		for i, v := range x[lo:hi] {
			if !(v > 0) {
				v *= slope
			}
			y[lo+i] = v
		}
	})
}

// LeakyReLUGrad writes dy times the slope of [LeakyReLU] at x to dx.
func LeakyReLUGrad[T Float](dx, x, dy []T, slope T) {
	elements(len(x), func(lo, hi int) {
		for i, v := range x[lo:hi] {
			g := dy[lo+i]
			if !(v > 0) {
				g *= slope
			}
			dx[lo+i] = g
		}
	})
}

func unary[T Float](f func(y, x []T), y, x []T) {
	elements(len(x), func(lo, hi int) { f(y[lo:hi], x[lo:hi]) })
}

func binary[T Float](f func(dx, x, dy []T), dx, x, dy []T) {
	elements(len(x), func(lo, hi int) { f(dx[lo:hi], x[lo:hi], dy[lo:hi]) })
}

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
