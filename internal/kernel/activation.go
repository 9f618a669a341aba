package kernel

import "github.com/layernoise/layernoise/internal/elementary"

// Tanh writes the hyperbolic tangent of x to y.
func Tanh[T Float](y, x []T) { unary(elementary.LoopsFor[T]().Tanh, y, x) }

// TanhGrad writes dy times the slope of [Tanh] where its value is y to dx.
func TanhGrad[T Float](dx, y, dy []T) { binary(elementary.LoopsFor[T]().TanhGrad, dx, y, dy) }

// Sigmoid writes 1/(1 + e^-x) to y.
func Sigmoid[T Float](y, x []T) { unary(elementary.LoopsFor[T]().Sigmoid, y, x) }

// SigmoidGrad writes dy times the slope of [Sigmoid] where its value is y to dx.
func SigmoidGrad[T Float](dx, y, dy []T) { binary(elementary.LoopsFor[T]().SigmoidGrad, dx, y, dy) }

// GELU writes x Phi(x) to y, where Phi is the standard normal distribution function.
func GELU[T Float](y, x []T) { unary(elementary.LoopsFor[T]().GELU, y, x) }

// GELUGrad writes dy times the slope of [GELU] at x to dx.
func GELUGrad[T Float](dx, x, dy []T) { binary(elementary.LoopsFor[T]().GELUGrad, dx, x, dy) }

// GELUTanh writes x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) to y.
func GELUTanh[T Float](y, x []T) { unary(elementary.LoopsFor[T]().GELUTanh, y, x) }

// GELUTanhGrad writes dy times the slope of [GELUTanh] at x to dx.
func GELUTanhGrad[T Float](dx, x, dy []T) {
	binary(elementary.LoopsFor[T]().GELUTanhGrad, dx, x, dy)
}

// SiLU writes x/(1 + e^-x) to y.
func SiLU[T Float](y, x []T) { unary(elementary.LoopsFor[T]().SiLU, y, x) }

// SiLUGrad writes dy times the slope of [SiLU] at x to dx.
func SiLUGrad[T Float](dx, x, dy []T) { binary(elementary.LoopsFor[T]().SiLUGrad, dx, x, dy) }

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
