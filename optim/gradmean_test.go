package optim

import (
	"fmt"
	"math"
	"testing"

	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gradientOf evaluates the network once at the current weights and returns the gradients.
func (n *net) gradientOf(t *testing.T) [][]float64 {
	t.Helper()
	if err := n.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	n.vm.Reset()
	out := n.gradients(t)
	n.zeroGradients(t)
	return out
}

// TestSamplesAreTheMean: the gradient of m draws is the mean of the gradients of each, computed one by one from the
// generator's own numbers; the next step uses other draws.
func TestSamplesAreTheMean(t *testing.T) {
	const m, sigma, seed = 3, 0.3, 8
	for _, antithetic := range []bool{false, true} {
		n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
		opts := []PerturbOpt{WithSamples(m), WithSeed(seed), WithSelection(All())}
		signs := []float64{1}
		if antithetic {
			opts = append(opts, WithAntithetic())
			signs = []float64{1, -1}
		}
		s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), sigma, opts...)
		vm := must(s.Guard(n.vm, n.learnables...))(t)
		for step := range 2 {
			want := make([][]float64, len(n.learnables))
			for sample := range m {
				for _, sign := range signs {
					clean := n.weights()
					for i, node := range n.learnables {
						w := node.Value().Data().([]float64)
						noise.Add(noise.Gaussian, noise.Stream{Seed: seed, Step: uint32(step), Sample: uint32(sample), Tensor: uint32(i)},
							w, w, sign*sigma*(1/math.Sqrt(float64(len(n.learnables)))))
					}
					for i, g := range n.gradientOf(t) {
						if want[i] == nil {
							want[i] = make([]float64, len(g))
						}
						for j := range g {
							want[i][j] += g[j] / float64(m*len(signs))
						}
					}
					for _, node := range n.learnables {
						w := node.Value().Data().([]float64)
						for i := range w {
							w[i] = math.Float64frombits(clean[i])
						}
						clean = clean[len(w):]
					}
				}
			}
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			for i, g := range n.gradients(t) {
				for j := range g {
					if math.Abs(g[j]-want[i][j]) > 1e-14 {
						t.Fatalf("antithetic %v, step %d: gradient %d[%d] is %v, want %v", antithetic, step, i, j, g[j], want[i][j])
					}
				}
			}
			if err := s.Step(n.model); err != nil {
				t.Fatal(err)
			}
			n.zeroGradients(t)
			vm.Reset()
		}
	}
}

// TestAntitheticCubic: on R(w) = w^3 the gradient 3(w + s)^2 has the odd order 6ws, which a pair of signs cancels.
func TestAntitheticCubic(t *testing.T) {
	for _, bind := range []bool{true, false} {
		g := G.NewGraph()
		w := G.NewScalar(g, tensor.Float64, G.WithName("w"), G.WithValue(2.0))
		cost := G.Must(G.Mul(G.Must(G.Mul(w, w)), w))
		if _, err := G.Grad(cost, w); err != nil {
			t.Fatal(err)
		}
		var opts []G.VMOpt
		if bind {
			opts = append(opts, G.BindDualValues(w))
		}
		s := perturbed(t, bases["sgd"](), 0.5, WithNoise(Rademacher()), WithAntithetic())
		vm := must(s.Guard(G.NewTapeMachine(g, opts...), w))(t)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		grad, err := w.Grad()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := floatsOf(grad)[0], 3*(2*2+0.5*0.5); got != want {
			t.Errorf("bound dual values %v: gradient %v, want %v", bind, got, want)
		}
	}
}

// TestSamplesAddUp: like a single evaluation, several add their gradient to the existing one if dual values are bound, and
// replace it otherwise.
func TestSamplesAddUp(t *testing.T) {
	for _, bind := range []bool{true, false} {
		n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
		if !bind {
			n.vm = G.NewTapeMachine(n.g)
		}
		s := perturbed(t, bases["sgd"](), 0, WithSamples(4)) // without noise, so that the mean is the gradient
		vm := must(s.Guard(n.vm, n.learnables...))(t)
		for run := 1; run <= 3; run++ {
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			vm.Reset()
			if run == 1 {
				continue
			}
			got := n.gradients(t)
			want := newNet(t, tensor.Float64, 1, 3, 4, 5, 2).gradientOf(t)
			times := 1.0
			if bind {
				times = float64(run)
			}
			for i := range got {
				for j := range got[i] {
					if math.Abs(got[i][j]-times*want[i][j]) > 1e-14 {
						t.Fatalf("bound dual values %v: after %d runs gradient %d[%d] is %v, want %v times %v",
							bind, run, i, j, got[i][j], times, want[i][j])
					}
				}
			}
		}
	}
}

// TestSamplesFailHalfWay: an error in the second evaluation leaves the gradients from before the first.
func TestSamplesFailHalfWay(t *testing.T) {
	n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
	if err := n.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	n.vm.Reset()
	before := n.gradients(t)
	runs := 0
	boom := errors.New("boom")
	s := perturbed(t, bases["sgd"](), 0.1, WithSamples(3))
	vm := must(s.Guard(&spyVM{VM: n.vm, look: func() error {
		if runs++; runs == 2 {
			return boom
		}
		return nil
	}}, n.learnables...))(t)
	if err := vm.RunAll(); !errors.Is(err, boom) {
		t.Fatalf("error %v, want boom", err)
	}
	if fmt.Sprint(before) != fmt.Sprint(n.gradients(t)) {
		t.Error("the gradients changed")
	}
}

// TestMixing: the gradient is lambda times the mean of those at noisy weights plus 1-lambda times that at the clean ones.
func TestMixing(t *testing.T) {
	const lambda, sigma = 0.3, 0.5
	for name, opts := range map[string][]PerturbOpt{"one": nil, "antithetic": {WithSamples(2), WithAntithetic()}} {
		gradient := func(opts ...PerturbOpt) (gradients [][]float64, evaluations int) {
			n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
			s := perturbed(t, bases["sgd"](), sigma, opts...)
			vm := must(s.Guard(&spyVM{VM: n.vm, look: func() error { evaluations++; return nil }}, n.learnables...))(t)
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			return n.gradients(t), evaluations
		}
		n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
		clean := n.gradientOf(t)
		noisy, draws := gradient(opts...)
		mixed, evaluations := gradient(append(opts, WithMixing(lambda))...)
		if evaluations != draws+1 {
			t.Errorf("%s: %d evaluations, want %d", name, evaluations, draws+1)
		}
		apart := 0.0
		for i := range mixed {
			for j, got := range mixed[i] {
				want := lambda*noisy[i][j] + (1-lambda)*clean[i][j]
				if math.Abs(got-want) > 1e-12*math.Max(1, math.Abs(want)) {
					t.Fatalf("%s: gradient %d[%d] is %v, want %v", name, i, j, got, want)
				}
				apart += math.Abs(noisy[i][j] - clean[i][j])
			}
		}
		if apart < 1e-3 {
			t.Errorf("%s: noise does not change the gradient", name)
		}
		if whole, _ := gradient(append(opts, WithMixing(1))...); fmt.Sprint(whole) != fmt.Sprint(noisy) {
			t.Errorf("%s: lambda 1 is not the noise alone", name)
		}
	}
	for _, lambda := range []float64{0, -1, 1.5, math.NaN()} {
		if _, err := NewPerturbedSolver(bases["sgd"](), sigma, WithMixing(lambda)); err == nil {
			t.Errorf("no error for lambda %v", lambda)
		}
	}
	n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
	n.train(t, bases["sgd"](), false, 1)
	if err := perturbed(t, bases["sgd"](), sigma, WithMixing(lambda)).Step(n.model); !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v of a Step without a guard, want %v", err, ErrProtocol)
	}
}

// TestSaveIsWhole: if one gradient cannot be saved, those before it are unchanged.
func TestSaveIsWhole(t *testing.T) {
	float32s := func(x ...float32) *tensor.Dense { return tensor.New(tensor.WithBacking(x)) }
	good, bad := float32s(1, 2), tensor.New(tensor.WithBacking([]float64{3, 4}))
	model := []G.ValueGrad{&valueGrad{float32s(5, 6), good}, &valueGrad{float32s(7, 8), bad}}
	params, err := new(paramSet).resolve(model)
	if err != nil {
		t.Fatal(err)
	}
	var s savedGradients
	if err := s.save(params, model); err == nil {
		t.Fatal("a gradient of another type was saved")
	}
	if got := good.Data().([]float32); got[0] != 1 || got[1] != 2 {
		t.Errorf("the gradient before it is %v: want 1 and 2", got)
	}
}
