package closedform

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// problems are small, not square, and have more coefficients than observations or more hidden units than rank.
func problems(t *testing.T) map[string]*Planted {
	t.Helper()
	must := func(p *Planted, err error) *Planted {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	return map[string]*Planted{
		"sparse":  must(PlantGroups(15, 24, 1, 3, 0.2, 1)),
		"groups":  must(PlantGroups(15, 8, 3, 2, 0.2, 1)),
		"nuclear": must(PlantLowRank(7, 5, 2, 9, 0.6, 1)),
	}
}

// modes are the two kinds of noise: how to make a solver that injects it with standard deviation sigma, what it adds to the
// loss, and the strength of the penalty that training then minimises.
var modes = map[string]struct {
	factor    float64 // of sigma: All divides it by the square root of the number of tensors
	selection func() optim.Selection
	extra     func(p Problem, weights [2][]float64, sigma float64) float64
	strength  func(sigma float64) float64
}{
	"all":   {math.Sqrt2, optim.All, ExtraAll, func(sigma float64) float64 { return sigma * sigma }},
	"layer": {1, optim.Uniform, ExtraLayer, func(sigma float64) float64 { return sigma * sigma / 2 }},
}

func perturbed(t *testing.T, sigma float64, mode string, seed uint64, rate float64, opts ...optim.SGDOpt) *optim.PerturbedSolver {
	t.Helper()
	base, err := optim.NewSGD(rate, opts...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := optim.NewPerturbedSolver(base, sigma*modes[mode].factor, optim.WithSelection(modes[mode].selection()), optim.WithSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newModel(t *testing.T, p *Planted) *Model {
	t.Helper()
	m, err := NewModel(p, [2][]float64{append([]float64(nil), p.Initial[0]...), append([]float64(nil), p.Initial[1]...)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The graphs compute R and its gradient.
func TestGraphs(t *testing.T) {
	for name, p := range problems(t) {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, p)
			if err := m.VM.RunAll(); err != nil {
				t.Fatal(err)
			}
			if want := p.Loss(p.Solution(m.Weights)); math.Abs(m.Loss()-want) > 1e-12*want {
				t.Errorf("the graph's loss is %v, R is %v", m.Loss(), want)
			}
			for k, node := range m.Learnables {
				grad, err := node.Grad()
				if err != nil {
					t.Fatal(err)
				}
				got := grad.Data().([]float64)
				want := fd.Gradient(nil, func(x []float64) float64 {
					w := m.Weights
					w[k] = x
					return p.Loss(p.Solution(w))
				}, append([]float64(nil), m.Weights[k]...), &fd.Settings{Formula: fd.Central})
				if !floats.EqualApprox(got, want, 1e-6*floats.Norm(want, math.Inf(1))) {
					t.Errorf("gradient of %s is %v, by differences %v", node.Name(), got, want)
				}
			}
		})
	}
}

// The mean loss under noise is the closed form, within five standard errors.
func TestExpectedLoss(t *testing.T) {
	const sigma, draws = 0.5, 8000
	for name, p := range problems(t) {
		for mode, noise := range modes {
			t.Run(name+"/"+mode, func(t *testing.T) {
				m := newModel(t, p)
				losses := make([]float64, 0, draws)
				err := m.Train(context.Background(), perturbed(t, sigma, mode, 7, 0), draws, func(step int) error {
					if step > 0 {
						losses = append(losses, m.Loss())
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				mean, std := stat.MeanStdDev(losses, nil)
				se := std / math.Sqrt(draws)
				extra := noise.extra(p, m.Weights, sigma)
				want := p.Loss(p.Solution(m.Weights)) + extra
				t.Logf("mean %.4f +- %.4f, closed form %.4f, of which the noise %.4f", mean, se, want, extra)
				if math.Abs(mean-want) > 5*se {
					t.Errorf("mean loss %v, closed form %v, standard error %v", mean, want, se)
				}
				if fourth := math.Pow(sigma, 4) * p.Fourth(); fourth < 15*se {
					t.Errorf("the fourth-order term %v would not be missed at a standard error of %v", fourth, se)
				}
			})
		}
	}
}

// P is the smallest S over all weights that give a solution.
func TestPenaltyIsLeastSquares(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for name, p := range problems(t) {
		t.Run(name, func(t *testing.T) {
			w := p.Initial
			if s, least := p.Squares(w), p.Penalty(p.Solution(w)); s <= least {
				t.Errorf("S is %v at generic weights, P %v", s, least)
			}
			w = balanced(p.Problem, gaussian(random, p.Sizes()[0], 1, 1).RawMatrix().Data)
			if s, least := p.Squares(w), p.Penalty(p.Solution(w)); math.Abs(s-least) > 1e-9*least {
				t.Errorf("S is %v at balanced weights, P %v", s, least)
			}
		})
	}
}

// balanced returns the weights with the smallest S for their solution, from a given first factor.
func balanced(p Problem, first []float64) [2][]float64 {
	switch p := p.(type) {
	case *Regression:
		v := make([]float64, p.Sizes()[1])
		for i := range v {
			v[i] = first[i/p.K]
		}
		return [2][]float64{first, v} // |v_g| = sqrt(K) |u_g|
	case *Factorisation:
		d0, d2 := p.dims()
		w1 := mat.NewDense(p.Width, d0, first)
		for i := range p.Width { // orthogonal rows, the first min(d0, d2) of them nonzero
			for j := range d0 {
				w1.Set(i, j, 0)
			}
			if i < min(d0, d2) {
				w1.Set(i, i, first[i]+2)
			}
		}
		w2 := mat.NewDense(d2, p.Width, nil)
		for i := range min(d0, d2) { // d2 |row of W1|^2 = d0 |column of W2|^2
			w2.Set(i, i, w1.At(i, i)*math.Sqrt(float64(d2)/float64(d0)))
		}
		return [2][]float64{w1.RawMatrix().Data, w2.RawMatrix().Data}
	}
	panic("a problem without balanced weights")
}

// Nothing near a minimiser is lower, and for a large strength zero is the minimiser.
func TestMinimiser(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	for name, p := range problems(t) {
		t.Run(name, func(t *testing.T) {
			const strength = 0.05
			best, err := p.Minimiser(strength)
			if err != nil {
				t.Fatal(err)
			}
			objective := func(x []float64) float64 { return p.Loss(x) + strength*p.Penalty(x) }
			least := objective(best)
			near := make([]float64, len(best))
			for range 2000 {
				size := math.Pow(10, -4*random.Float64())
				for i := range near {
					near[i] = best[i] * (1 + size*random.NormFloat64())
					if random.IntN(len(near)) == 0 {
						near[i] += size * random.NormFloat64()
					}
				}
				if o := objective(near); o < least-1e-12 {
					t.Fatalf("objective %v at a distance of %v from the minimiser, where it is %v", o, floats.Distance(near, best, 2), least)
				}
			}
			zero, err := p.Minimiser(100)
			if err != nil {
				t.Fatal(err)
			}
			if norm := floats.Norm(zero, math.Inf(1)); norm > 1e-12 {
				t.Errorf("the minimiser at a large strength has the norm %v", norm)
			}
		})
	}
}

// Training with noise and a decaying learning rate leads to the minimiser of R + strength*P, gradient descent does not. The
// test takes the median over seeds: in some trainings noise moves both factors of a small coefficient to zero, a saddle point
// that they leave slowly.
func TestTrainingMinimises(t *testing.T) {
	if testing.Short() {
		t.Skip("21 trainings of 12,000 steps")
	}
	const (
		tolerance = 0.05 // relative distance from the minimiser
		steps     = 12_000
		seeds     = 3
	)
	settings := map[string]struct{ sigma, rate float64 }{
		"sparse":  {0.4, 0.05},
		"groups":  {0.4, 0.05},
		"nuclear": {0.6, 0.01},
	}
	decay := optim.WithLearnRateSchedule(optim.Cosine(steps))
	for name, p := range problems(t) {
		set := settings[name]
		descent, err := optim.NewSGD(set.rate, decay)
		if err != nil {
			t.Fatal(err)
		}
		plain := newModel(t, p)
		if err := plain.Train(context.Background(), descent, steps, nil); err != nil {
			t.Fatal(err)
		}
		for mode, noise := range modes {
			t.Run(name+"/"+mode, func(t *testing.T) {
				best, err := p.Minimiser(noise.strength(set.sigma))
				if err != nil {
					t.Fatal(err)
				}
				distance := func(m *Model) float64 {
					return floats.Distance(p.Solution(m.Weights), best, 2) / floats.Norm(best, 2)
				}
				var distances []float64
				for seed := range uint64(seeds) {
					noisy := newModel(t, p)
					if err := noisy.Train(context.Background(), perturbed(t, set.sigma, mode, seed+1, set.rate, decay), steps, nil); err != nil {
						t.Fatal(err)
					}
					distances = append(distances, distance(noisy))
				}
				slices.Sort(distances)
				t.Logf("relative distance to the minimiser: %.4f with noise, %.4f without", distances, distance(plain))
				if distances[seeds/2] > tolerance {
					t.Errorf("trainings with noise end at relative distances of %v from the minimiser", distances)
				}
				if d := distance(plain); d < 4*tolerance {
					t.Errorf("gradient descent ends at a relative distance of %v from the minimiser", d)
				}
			})
		}
	}
}
