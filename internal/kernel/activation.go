package kernel

import "math"

// Activation is a smooth or piecewise smooth function of one variable. Slope is
// its derivative at x, where it has the value y.
type Activation struct {
	Value func(x float64) float64
	Slope func(x, y float64) float64
}

// The activations that take no parameter.
var (
	Tanh = Activation{
		Value: math.Tanh,
		Slope: func(_, y float64) float64 { return 1 - y*y },
	}
	Sigmoid = Activation{
		Value: sigmoid,
		Slope: func(_, y float64) float64 { return y * (1 - y) },
	}
	GELU = Activation{
		Value: func(x float64) float64 { return x * normalCDF(x) },
		Slope: func(x, _ float64) float64 { return normalCDF(x) + x*normalDensity(x) },
	}
	SiLU = Activation{
		Value: func(x float64) float64 { return x * sigmoid(x) },
		Slope: func(x, y float64) float64 { s := sigmoid(x); return s + y*(1-s) },
	}
)

// LeakyReLU is x for positive x and slope*x elsewhere.
func LeakyReLU(slope float64) Activation {
	return Activation{
		Value: func(x float64) float64 {
			if x > 0 {
				return x
			}
			return slope * x
		},
		Slope: func(x, _ float64) float64 {
			if x > 0 {
				return 1
			}
			return slope
		},
	}
}

// Apply writes a's value at each element of x to y, computed in float64.
func Apply[T Float](a Activation, y, x []T) {
	elements(len(x), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = T(a.Value(float64(x[i])))
		}
	})
}

// ApplyGrad writes dy times a's slope to dx; y is a's value at x.
func ApplyGrad[T Float](a Activation, dx, x, y, dy []T) {
	elements(len(x), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dx[i] = T(float64(dy[i]) * a.Slope(float64(x[i]), float64(y[i])))
		}
	})
}

// sigmoid does not overflow for any x: exp is taken of a negative number only.
func sigmoid(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func normalDensity(x float64) float64 {
	return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
}
