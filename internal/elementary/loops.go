package elementary

import (
	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/elementary/coef"
)

// Float is the element type of a loop's slices.
type Float interface{ float32 | float64 }

// Loops are loops over slices of equal length, for one element type. They write the function's value at x to y. The results may
// overwrite the arguments.
type Loops[T Float] struct {
	Tanh, Sigmoid func(y, x []T)

	// TanhGrad and SigmoidGrad write dy times the slope where the value is y to dx.
	TanhGrad, SigmoidGrad func(dx, y, dy []T)

	GELU, SiLU func(y, x []T) // x NormalCDF(x), x Sigmoid(x)

	// GELUTanh is x Sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), which is x/2 (1 + tanh(half of that)) without cancellation.
	GELUTanh func(y, x []T)

	// GELUSlope, SiLUSlope and GELUTanhSlope also write the slope at x, which costs little more than the value alone.
	GELUSlope, SiLUSlope, GELUTanhSlope func(y, slope, x []T)

	Product func(z, x, y []T) // x times y, to z

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

		GELU:          eachUnary(func(x T) T { y, _ := gelu(x, f.normal); return y }),
		SiLU:          eachUnary(func(x T) T { y, _ := silu(x, f.sigmoids); return y }),
		GELUTanh:      eachUnary(func(x T) T { y, _ := geluTanh(x, f.sigmoids); return y }),
		GELUSlope:     eachTwo(func(x T) (T, T) { return gelu(x, f.normal) }),
		SiLUSlope:     eachTwo(func(x T) (T, T) { return silu(x, f.sigmoids) }),
		GELUTanhSlope: eachTwo(func(x T) (T, T) { return geluTanh(x, f.sigmoids) }),

		Product: eachBinary(func(x, y T) T { return x * y }),

		ExpSum: func(y, x []T, top, scale T) float64 {
			var sums [8]float64
			expSum(y, x, top, scale, &sums, f.fall)
			return fold(&sums)
		},
	}
}

// gelu is x Phi(x) and its slope.
func gelu[T Float](x T, normal func(T) (T, T)) (y, slope T) {
	phi, density := normal(x)
	return x * phi, phi + T(x*density)
}

// silu is x Sigmoid(x) and its slope.
func silu[T Float](x T, sigmoids func(T) (T, T)) (y, slope T) {
	s, c := sigmoids(x)
	return x * s, s * (1 + T(x*c))
}

// geluTanh is x Sigmoid(u) and its slope, for
//
//	u = 2 sqrt(2/pi) (x + 0.044715 x^3)
//
// with x in u no larger than where the result ceases to change: the cube would be infinite.
func geluTanh[T Float](x T, sigmoids func(T) (T, T)) (y, slope T) {
	v := min(max(x, -coef.CubicMax), coef.CubicMax)
	square := T(v * v)
	s, c := sigmoids(T(v * (T(square*coef.Cubic3) + coef.Cubic1)))
	lift := T(v * (T(square*(3*coef.Cubic3)) + coef.Cubic1)) // v times the slope of u
	return x * s, s + T(T(lift*s)*c)
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

func eachTwo[T Float](f func(x T) (T, T)) func(y, slope, x []T) {
	return func(y, slope, x []T) {
		y, slope = y[:len(x)], slope[:len(x)]
		for i, v := range x {
			y[i], slope[i] = f(v)
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
