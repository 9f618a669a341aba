package layers

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// clipNorm scales the gradients of a model down to the given norm, of all of them together, if they have a larger one. It
// returns the norm that they had. One that is not finite is an error and changes nothing.
func clipNorm(model []G.ValueGrad, most float64) (norm float64, err error) {
	sum := 0.0
	grads := make([]interface{}, len(model))
	for i, m := range model {
		grad, err := m.Grad()
		if err != nil {
			return 0, errors.Wrap(err, "layers: gradient to clip")
		}
		grads[i] = grad.Data()
		sum += squares(grads[i])
	}
	norm = math.Sqrt(sum)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm, errors.Wrapf(ErrNotFinite, "norm of the gradient %v", norm)
	}
	if norm > most {
		for _, grad := range grads {
			scale(grad, most/norm)
		}
	}
	return norm, nil
}

// squares returns the sum of the squares of a []float32 or []float64, in float64.
func squares(x interface{}) float64 {
	if x, ok := x.([]float32); ok {
		return sumOfSquares(x)
	}
	return sumOfSquares(x.([]float64))
}

// sumOfSquares has four sums, of every fourth element each, so that no addition waits for the one before it.
func sumOfSquares[T float32 | float64](x []T) float64 {
	var sums [4]float64
	n := len(x) &^ 3
	for i := 0; i < n; i += 4 {
		for lane, v := range x[i : i+4 : i+4] {
			sums[lane] += float64(float64(v) * float64(v))
		}
	}
	for lane, v := range x[n:] {
		sums[lane] += float64(float64(v) * float64(v))
	}
	return (sums[0] + sums[1]) + (sums[2] + sums[3])
}

// scale multiplies a []float32 or []float64 by a factor.
func scale(x interface{}, factor float64) {
	switch x := x.(type) {
	case []float32:
		for i := range x {
			x[i] *= float32(factor)
		}
	case []float64:
		for i := range x {
			x[i] *= factor
		}
	}
}
