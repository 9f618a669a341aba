package optim

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestMeasurementsDrawTheirOwn: with the same seed, an estimate shares no draws with a training, nor with the other
// estimate. Otherwise an estimate after a training would use the very noise that the training has fitted, and be biased.
func TestMeasurementsDrawTheirOwn(t *testing.T) {
	const steps, seed = 100, 0
	seen := map[string]string{} // the owner of each draw, by its direction
	for _, dist := range []struct {
		name  string
		noise Noise
	}{{"gaussian", Gaussian()}, {"rademacher", Rademacher()}} {
		n := newNet(t, tensor.Float64, 1, 8, 16, 8, 4)
		clean := weightsOf(n)
		// look records the direction, up to the sign, in which the first weight is moved.
		look := func(whose string) {
			now := weightsOf(n)
			at, size := "", 0.0
			for i, x := range now {
				d := x - clean[i]
				if size == 0 && d != 0 {
					size = d
				}
				if d != 0 {
					at += fmt.Sprintf("%.6f ", d/size)
				}
			}
			if other, drawn := seen[at]; drawn && other != whose {
				t.Errorf("%s: %s and %s draw the same", dist.name, whose, other)
			}
			seen[at] = whose
		}
		spy := func(whose string) G.VM {
			return &spyVM{VM: n.vm, look: func() error { look(whose); return nil }}
		}
		weight := n.learnables[0]
		s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), 1, WithSeed(seed), WithNoise(dist.noise))
		vm := must(s.Guard(spy("training"), weight))(t)
		for range steps {
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			if err := s.Step([]G.ValueGrad{weight}); err != nil {
				t.Fatal(err)
			}
			vm.Reset()
		}
		if dist.name == "gaussian" {
			seen[""] = "regulariser" // which also evaluates at clean weights
			if _, err := NoiseRegulariser(spy("regulariser"), &n.loss, 1, RegulariserConfig{Pairs: steps, Seed: seed}, weight); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, err := HessianTrace(spy("trace"), TraceConfig{Probes: steps, Seed: seed, Step: 1}, weight); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) < 4*steps {
		t.Errorf("%d directions seen, want %d", len(seen), 4*steps)
	}
}

// weightsOf returns the first weight of a network.
func weightsOf(n *net) []float64 { return floatsOf(n.learnables[0].Value()) }

// TestRegulariserAfterTraining measures a loss whose curvature lies along the noise of a training's first hundred steps, the
// worst case of a training fitted to its noise. Measured with that noise itself, the estimate would be more than twice as
// large.
func TestRegulariserAfterTraining(t *testing.T) {
	const n, sigma, steps = 150, 0.5, defaultPairs
	a := mat.NewSymDense(n, nil)
	eps := make([]float64, n)
	for step := range steps {
		if err := Gaussian().Sample(eps, Draw{Step: uint64(step)}); err != nil {
			t.Fatal(err)
		}
		a.SymRankOne(a, 1.0/steps, mat.NewVecDense(n, eps))
	}
	q := newQuadraticForm(t, tensor.Float64, a, make([]float64, n))
	got, err := NoiseRegulariser(q.vm, &q.loss, sigma, RegulariserConfig{}, q.w)
	if err != nil {
		t.Fatal(err)
	}
	if want := sigma * sigma / 2 * mat.Trace(a); math.Abs(got.Mean-want) > 5*got.StdErr || got.StdErr > 0.05*want {
		t.Errorf("extra loss %v, want %v", got, want)
	}
}
