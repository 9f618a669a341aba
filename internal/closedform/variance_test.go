package closedform

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// The variances are the measured ones, within five standard errors of the means of independent parts.
func TestVariances(t *testing.T) {
	const sigma, parts, draws = 0.5, 20, 400
	p, err := PlantLowRank(7, 5, 2, 9, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, factor := range p.Initial {
		floats.Scale(4, factor) // so that no term of the variances is small
	}
	f := &Factorisation{Width: 9, Y: mat.NewDense(5, 7, nil)}
	copy(f.Y.RawMatrix().Data, f.Solution(p.Initial)) // W2 W1 = Y
	p.Problem = f
	for name, c := range map[string]struct {
		loss, gradient func([2][]float64, float64) float64
	}{
		"all":   {f.LossVarianceAll, nil},
		"layer": {f.LossVarianceLayer, f.GradientVarianceLayer},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, p)
			solver := perturbed(t, sigma, name, 0)
			vm, err := solver.Guard(m.VM, m.Learnables...)
			if err != nil {
				t.Fatal(err)
			}
			var lossVariance, gradientVariance []float64
			for range parts {
				losses, squares, sum := []float64{}, 0.0, make([]float64, 7*9+9*5)
				for range draws {
					if err := vm.RunAll(); err != nil {
						t.Fatal(err)
					}
					var g []float64
					for _, node := range m.Learnables {
						v, err := node.Grad()
						if err != nil {
							t.Fatal(err)
						}
						g = append(g, v.Data().([]float64)...)
					}
					losses = append(losses, m.Loss())
					squares += floats.Dot(g, g)
					floats.Add(sum, g)
					if err := solver.Step(m.model); err != nil {
						t.Fatal(err)
					}
					vm.Reset()
				}
				lossVariance = append(lossVariance, stat.Variance(losses, nil))
				gradientVariance = append(gradientVariance, (squares-floats.Dot(sum, sum)/draws)/(draws-1))
			}
			compare := func(what string, measured []float64, want float64) {
				mean, std := stat.MeanStdDev(measured, nil)
				se := std / math.Sqrt(parts)
				t.Logf("variance of the %s: %.4f +- %.4f, closed form %.4f", what, mean, se, want)
				if math.Abs(mean-want) > 5*se || se > 0.05*want {
					t.Errorf("variance of the %s is %v, closed form %v, standard error %v", what, mean, want, se)
				}
			}
			compare("loss", lossVariance, c.loss(m.Weights, sigma))
			if c.gradient != nil {
				compare("gradient", gradientVariance, c.gradient(m.Weights, sigma))
			}
		})
	}
}
