package elementary

import (
	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/elementary/coef"
)

// Float is the element type of a loop's slices.
type Float interface{ float32 | float64 }

// Loops are loops over slices of equal length, for one element type. Those of a gradient multiply dy by the slope and write
// the product to dx; y is the function's value at x. The result may overwrite any argument.
type Loops[T Float] struct {
	Tanh, Sigmoid         func(y, x []T)
	TanhGrad, SigmoidGrad func(dx, y, dy []T)

	GELU, SiLU         func(y, x []T) // x NormalCDF(x), x Sigmoid(x)
	GELUGrad, SiLUGrad func(dx, x, dy []T)

	// GELUTanh is x Sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), which is x/2 (1 + tanh(half of that)) without cancellation.
	GELUTanh     func(y, x []T)
	GELUTanhGrad func(dx, x, dy []T)

	// ExpSum writes e^((x - top) scale) to y, zero where that would be (nearly) denormal, and returns the sum. It has eight
	// partial sums in float64, with element i in sum i modulo 8, added up pairwise. No x may be larger than top.
	ExpSum func(y, x []T, top, scale T) float64
}

var (
	loops32 = loopsOf(cpu.Best())
	loops64 = plainLoops[float64]()
)

// LoopsFor returns the loops in use for an element type.
func LoopsFor[T Float]() *Loops[T] {
	if l, ok := any(&loops32).(*Loops[T]); ok {
		return l
	}
	return any(&loops64).(*Loops[T])
}

// functions are the scalar functions that the plain loops call.
type functions[T Float] struct {
	fall, tanh       func(T) T
	sigmoids, normal func(T) (T, T)
}

func functionsFor[T Float]() functions[T] {
	if f, ok := any(functions[float32]{fall32, Tanh32, sigmoids32, normal32}).(functions[T]); ok {
		return f
	}
	return any(functions[float64]{fall, Tanh, sigmoids, normal}).(functions[T])
}

// plainLoops are the loops in Go.
func plainLoops[T Float]() Loops[T] {
	f := functionsFor[T]()
	return Loops[T]{
		Tanh:        eachUnary(f.tanh),
		Sigmoid:     eachUnary(func(x T) T { s, _ := f.sigmoids(x); return s }),
		TanhGrad:    eachBinary(func(y, dy T) T { return dy * ((1 - y) * (1 + y)) }),
		SigmoidGrad: eachBinary(func(y, dy T) T { return dy * (y * (1 - y)) }),

		GELU: eachUnary(func(x T) T { phi, _ := f.normal(x); return x * phi }),
		SiLU: eachUnary(func(x T) T { s, _ := f.sigmoids(x); return x * s }),
		GELUGrad: eachBinary(func(x, dy T) T {
			phi, density := f.normal(x)
			return dy * (phi + T(x*density))
		}),
		GELUTanh: eachUnary(func(x T) T { s, _, _ := geluTanh(x, f.sigmoids); return x * s }),
		GELUTanhGrad: eachBinary(func(x, dy T) T {
			s, c, lift := geluTanh(x, f.sigmoids)
			return dy * (s + T(T(lift*s)*c))
		}),
		SiLUGrad: eachBinary(func(x, dy T) T {
			s, c := f.sigmoids(x)
			return dy * (s * (1 + T(x*c)))
		}),

		ExpSum: func(y, x []T, top, scale T) float64 {
			var sums [8]float64
			expSum(y, x, top, scale, &sums, f.fall)
			return fold(&sums)
		},
	}
}

// geluTanh returns the logistic function of u and of -u, and x times the slope of u, for
//
//	u = 2 sqrt(2/pi) (x + 0.044715 x^3)
//
// for x no larger than where the result ceases to change: the cube would be infinite.
func geluTanh[T Float](x T, sigmoids func(T) (T, T)) (s, c, lift T) {
	x = min(max(x, -coef.CubicMax), coef.CubicMax)
	square := T(x * x)
	s, c = sigmoids(T(x * (T(square*coef.Cubic3) + coef.Cubic1)))
	return s, c, T(x * (T(square*(3*coef.Cubic3)) + coef.Cubic1))
}

func eachUnary[T Float](f func(T) T) func(y, x []T) {
	return func(y, x []T) {
		x = x[:len(y)]
		for i, v := range x {
			y[i] = f(v)
		}
	}
}

func eachBinary[T Float](f func(x, dy T) T) func(dx, x, dy []T) {
	return func(dx, x, dy []T) {
		x, dy = x[:len(dx)], dy[:len(dx)]
		for i, v := range x {
			dx[i] = f(v, dy[i])
		}
	}
}

// expSum writes e^((x - top) scale) to y and adds the elements to the sums.
func expSum[T Float](y, x []T, top, scale T, sums *[8]float64, fall func(T) T) {
	for i, v := range x {
		e := fall(T((v - top) * scale))
		y[i] = e
		sums[i%8] += float64(e)
	}
}

// fold adds up the eight sums.
func fold(s *[8]float64) float64 {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}
