package closedform

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// The variances agree with those of the graph's loss and gradient, for which Gauss-Hermite quadrature is exact up to rounding.
func TestVariances(t *testing.T) {
	const sigma = 0.7
	for _, c := range []struct{ d0, d2, width int }{{2, 3, 1}, {3, 1, 2}, {1, 3, 2}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			p, err := PlantLowRank(c.d0, c.d2, 1, c.width, 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			f := &Factorisation{Width: c.width, Y: mat.NewDense(c.d2, c.d0, p.Solution(p.Initial))} // W2 W1 = Y
			p.Problem = f
			m := newModel(t, p)
			w1, w2 := m.Weights[0], m.Weights[1]
			first, second, both := expect(t, m, sigma, w1), expect(t, m, sigma, w2), expect(t, m, sigma, w1, w2)
			either := first.mean(second)
			for what, v := range map[string]struct{ got, want float64 }{
				"extra loss, layer":            {ExtraLayer(f, m.Weights, sigma), either.loss},
				"extra loss, all":              {ExtraAll(f, m.Weights, sigma), both.loss},
				"variance of loss, layer":      {f.LossVarianceLayer(m.Weights, sigma), either.lossVariance()},
				"variance of loss, all":        {f.LossVarianceAll(m.Weights, sigma), both.lossVariance()},
				"variance of gradients, layer": {f.GradientVarianceLayer(m.Weights, sigma), either.gradientVariance()},
				"variance of gradients, all":   {f.GradientVarianceAll(m.Weights, sigma), both.gradientVariance()},
			} {
				if math.Abs(v.got-v.want) > 1e-12*v.want {
					t.Errorf("%s: closed form %v, quadrature %v", what, v.got, v.want)
				}
			}
		})
	}
}

// expectations are means over the noise.
type expectations struct {
	loss, lossSquare float64
	gradient         []float64
	gradientSquare   float64 // of its norm
}

func (e *expectations) add(weight, loss float64, gradient []float64) {
	e.loss += weight * loss
	e.lossSquare += weight * loss * loss
	floats.AddScaled(e.gradient, weight, gradient)
	e.gradientSquare += weight * floats.Dot(gradient, gradient)
}

// mean returns the expectations if each noise has probability one half.
func (e *expectations) mean(other *expectations) *expectations {
	gradient := append([]float64(nil), e.gradient...)
	floats.Add(gradient, other.gradient)
	floats.Scale(0.5, gradient)
	return &expectations{(e.loss + other.loss) / 2, (e.lossSquare + other.lossSquare) / 2, gradient, (e.gradientSquare + other.gradientSquare) / 2}
}

func (e *expectations) lossVariance() float64 { return e.lossSquare - e.loss*e.loss }
func (e *expectations) gradientVariance() float64 {
	return e.gradientSquare - floats.Dot(e.gradient, e.gradient)
}

// expect returns the expectations under Gaussian noise in the factors. Squares of loss and gradient are polynomials of degree
// four in each element of the factors, so the rule with three points, 0 and ±sqrt(3) sigma, is exact.
func expect(t *testing.T, m *Model, sigma float64, factors ...[]float64) *expectations {
	t.Helper()
	e := &expectations{gradient: make([]float64, len(m.Weights[0])+len(m.Weights[1]))}
	var numbers []*float64
	for _, factor := range factors {
		for i := range factor {
			numbers = append(numbers, &factor[i])
		}
	}
	var over func(k int, weight float64)
	over = func(k int, weight float64) {
		if k == len(numbers) {
			loss, gradient := evaluate(t, m)
			e.add(weight, loss, gradient)
			return
		}
		x, clean := numbers[k], *numbers[k]
		defer func() { *x = clean }()
		step := math.Sqrt(3) * sigma
		over(k+1, weight*2/3)
		*x = clean + step
		over(k+1, weight/6)
		*x = clean - step
		over(k+1, weight/6)
	}
	over(0, 1)
	return e
}

// evaluate returns loss and gradient at the model's weights.
func evaluate(t *testing.T, m *Model) (loss float64, gradient []float64) {
	t.Helper()
	defer m.VM.Reset()
	if err := m.VM.RunAll(); err != nil {
		t.Fatal(err)
	}
	for _, v := range m.model {
		grad, err := v.Grad()
		if err != nil {
			t.Fatal(err)
		}
		g := grad.Data().([]float64)
		gradient = append(gradient, g...)
		floats.Scale(0, g) // the next pass adds to it
	}
	return m.Loss(), gradient
}
