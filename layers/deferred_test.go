package layers_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// whole is an SGD in a type of its own, which gets whole gradients.
type whole struct{ *optim.SGD }

// finisher is an SGD that records which gradients were left to its last step.
type finisher struct {
	*optim.SGD
	left []string
}

func (s *finisher) FinishesGradients() G.Solver { return s }

func (s *finisher) Step(model []G.ValueGrad) error {
	s.left = nil
	for _, n := range model {
		if deferred.Waiting(n) != nil {
			s.left = append(s.left, n.(*G.Node).Name())
		}
	}
	return s.SGD.Step(model)
}

func newMomentum(t *testing.T, opts ...optim.SGDOpt) *optim.SGD {
	t.Helper()
	sgd, err := optim.NewSGD(0.05, append([]optim.SGDOpt{optim.WithMomentum(0.9), optim.WithWeightDecay(1e-3)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return sgd
}

// alike expects the same numbers under the same names.
func alike(t *testing.T, first map[string][]float64, others ...map[string][]float64) {
	t.Helper()
	for _, other := range others {
		for name, want := range first {
			if !slices.Equal(other[name], want) {
				t.Errorf("%s differs", name)
			}
		}
	}
}

// newDenseNet has dense layers of all kinds, and one whose weights two share.
func newDenseNet(init layers.Init) *layers.Sequential {
	shared := layers.NewDense("shared", 40, 40, init)
	return layers.NewSequential(layers.NewFlatten(),
		layers.NewDense("fc1", 6, 70, init), layers.NewReLU(), layers.NewDropout(0.2, 3),
		layers.NewDense("fc2", 70, 50, init), layers.NewReLU(),
		layers.NewDense("fc3", 50, 40, init), layers.NewGELU(),
		shared, layers.NewTanh(), shared,
		layers.NewBatchNorm("bn", 40, init),
		layers.NewDense("fc4", 40, 33, init), layers.NewTanh(), layers.NewDense("fc5", 33, 4, init),
	)
}

// TestDeferredGradients: trainings whose large gradients are computed in the solver's step give the bits of others.
func TestDeferredGradients(t *testing.T) {
	train := func(t *testing.T, dtype tensor.Dtype, solver G.Solver, config layers.FitConfig) map[string][]float64 {
		t.Helper()
		net := newDenseNet(layers.Init{Seed: 1, Dtype: dtype})
		model, err := layers.NewClassifier(net, 41, 1, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		config.Epochs = 3
		if _, err := model.Fit(ctx, newBatches(dtype, 41, 41, 41), solver, config); err != nil {
			t.Fatal(err)
		}
		return values(net)
	}
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		want := train(t, dtype, whole{newMomentum(t)}, layers.FitConfig{})
		noisy := train(t, dtype, perturbed(t, whole{newMomentum(t)}, 0.02), layers.FitConfig{})
		for _, test := range []struct {
			name   string
			solver G.Solver
			config layers.FitConfig
			want   map[string][]float64
		}{
			{"SGD", newMomentum(t), layers.FitConfig{}, want},
			{"SGD, clipped to infinity", newMomentum(t), layers.FitConfig{ClipNorm: math.Inf(1)}, want},
			{"noise", perturbed(t, newMomentum(t), 0.02), layers.FitConfig{}, noisy},
			{"SGD, clipped", newMomentum(t), layers.FitConfig{ClipNorm: 0.1}, train(t, dtype, whole{newMomentum(t)}, layers.FitConfig{ClipNorm: 0.1})},
			{"recorded", &finisher{SGD: newMomentum(t)}, layers.FitConfig{}, want},
		} {
			t.Run(fmt.Sprint(test.name, ", ", dtype), func(t *testing.T) {
				alike(t, train(t, dtype, test.solver, test.config), test.want)
				if s, ok := test.solver.(*finisher); ok {
					var left []string
					if dtype == tensor.Float32 && kernel.DenseDescends[float32](kernel.Dense{N: 41, In: 50, Out: 40}) {
						left = []string{"fc2.weight", "fc3.weight", "fc4.weight"}
					}
					if !slices.Equal(s.left, left) {
						t.Errorf("gradients of %v are left to the solver, want %v", s.left, left)
					}
				}
			})
		}
	}
}

// TestDeferredTransformer is TestDeferredGradients for a vision transformer, whose dense layers lie between norms, sums and
// attention.
func TestDeferredTransformer(t *testing.T) {
	var results []map[string][]float64
	s := &finisher{SGD: newMomentum(t)}
	for _, solver := range []G.Solver{whole{newMomentum(t)}, newMomentum(t), s} {
		net := newSmallViT(layers.Init{Seed: 2})
		model, err := layers.NewClassifier(net, 3, 3, 32, 32)
		if err != nil {
			t.Fatal(err)
		}
		batches := &list{images: []*tensor.Dense{random(5, tensor.Float32, 3, 3, 32, 32)}, labels: [][]int{{1, 7, 4}}}
		if _, err := model.Fit(ctx, batches, solver, layers.FitConfig{Epochs: 4}); err != nil {
			t.Fatal(err)
		}
		results = append(results, values(net))
	}
	alike(t, results[0], results[1:]...)
	if kernel.DenseDescends[float32](kernel.Dense{N: 195, In: 36, Out: 36}) && len(s.left) < 6 {
		t.Errorf("only the gradients of %v are left to the solver", s.left)
	}
}

// TestFinishesGradients: only steps that make nothing else of a gradient finish it.
func TestFinishesGradients(t *testing.T) {
	plain, err := optim.NewSGD(0.1)
	if err != nil {
		t.Fatal(err)
	}
	sam, err := optim.NewSAM(newMomentum(t), 0.1)
	if err != nil {
		t.Fatal(err)
	}
	adam, err := optim.NewAdam(1e-3)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		solver G.Solver
		want   bool
	}{
		{"momentum", newMomentum(t), true},
		{"noise", perturbed(t, newMomentum(t), 0.1), true},
		{"no momentum", plain, false},
		{"Nesterov", newMomentum(t, optim.WithNesterov()), false},
		{"factors of the rate", newMomentum(t, optim.WithLearnRateFactor(func(*optim.Param) float64 { return 1 })), false},
		{"embedded", whole{newMomentum(t)}, false},
		{"noise over an embedded one", perturbed(t, whole{newMomentum(t)}, 0.1), false},
		{"two samples", perturbed(t, newMomentum(t), 0.1, optim.WithSamples(2)), false},
		{"mixing", perturbed(t, newMomentum(t), 0.1, optim.WithMixing(0.5)), false},
		{"SAM", sam, false},
		{"Adam", adam, false},
		{"Gorgonia's", G.NewVanillaSolver(), false},
	} {
		if got := deferred.Finishes(test.solver); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestDeferredNested: a Fit within another's callback takes nothing from it, nor leaves anything to it.
func TestDeferredNested(t *testing.T) {
	adam := func() (G.Solver, error) { return optim.NewAdam(1e-2) }
	plain := func() (G.Solver, error) { return optim.NewSGD(0.05) }
	momentum := func() (G.Solver, error) { return newMomentum(t), nil }
	for _, test := range []struct {
		name  string
		outer func() (G.Solver, error)
		clip  float64
	}{
		{"in Adam's", adam, 0},
		{"in one without momentum", plain, 0},
		{"in one with clipping", momentum, 0.01},
		{"in one of its kind", momentum, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var results []map[string][]float64
			for _, inner := range []G.Solver{newMomentum(t), whole{newMomentum(t)}} {
				net := newDenseNet(layers.Init{Seed: 1})
				model, err := layers.NewClassifier(net, 41, 1, 2, 3)
				if err != nil {
					t.Fatal(err)
				}
				outer, err := test.outer()
				if err != nil {
					t.Fatal(err)
				}
				nested := func(s layers.Step) error {
					if s.Number != 1 {
						return nil
					}
					_, err := model.Fit(ctx, newBatches(tensor.Float32, 41), inner, layers.FitConfig{})
					return err
				}
				config := layers.FitConfig{Epochs: 2, ClipNorm: test.clip, OnStep: nested}
				if _, err := model.Fit(ctx, newBatches(tensor.Float32, 41, 41, 41), outer, config); err != nil {
					t.Fatal(err)
				}
				results = append(results, values(net))
			}
			alike(t, results[0], results[1:]...)
		})
	}
}

// stopped adds to its input a dense layer of a parameter's value without its gradient, and the parameter itself.
type stopped struct{ value, weight *layers.Param }

func (l *stopped) Params() []*layers.Param { return []*layers.Param{l.value, l.weight} }

func (l *stopped) Forward(b *layers.Builder, x *G.Node) (*G.Node, error) {
	shape := l.value.Value.Shape()
	leaf := G.NewTensor(x.Graph(), tensor.Float32, 2, G.WithShape(shape...), G.WithName("stopped"), G.WithValue(l.value.Value))
	w, err := b.Node(l.weight)
	if err != nil {
		return nil, err
	}
	y, err := graph.Dense(leaf, w, nil)
	if err != nil {
		return nil, err
	}
	if x, err = graph.Add(x, y); err != nil {
		return nil, err
	}
	v, err := b.Node(l.value)
	if err != nil {
		return nil, err
	}
	return graph.Add(x, v)
}

// TestDeferredInputs: gradients of what a step changes are not left to it.
func TestDeferredInputs(t *testing.T) {
	var results []map[string][]float64
	for _, solver := range []G.Solver{newMomentum(t), whole{newMomentum(t)}} {
		init := layers.Init{Seed: 1}
		net := layers.NewSequential(layers.NewFlatten(), layers.NewDense("fc1", 6, 40, init), &stopped{
			&layers.Param{Name: "value", Value: random(3, tensor.Float32, 41, 40)},
			&layers.Param{Name: "weight", Value: random(4, tensor.Float32, 40, 40)},
		}, layers.NewDense("fc2", 40, 4, init))
		model, err := layers.NewClassifier(net, 41, 1, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := model.Fit(ctx, newBatches(tensor.Float32, 41, 41), solver, layers.FitConfig{}); err != nil {
			t.Fatal(err)
		}
		results = append(results, values(net))
	}
	alike(t, results[0], results[1:]...)
}

// claimer says that it finishes gradients, and does not.
type claimer struct{ G.Solver }

func (s *claimer) FinishesGradients() G.Solver { return s }

// TestDeferredToOther: a solver of package optim returns an error, and changes nothing, rather than take a gradient for zero.
func TestDeferredToOther(t *testing.T) {
	if !kernel.DenseDescends[float32](kernel.Dense{N: 41, In: 50, Out: 40}) {
		t.Skip("this processor's kernels compute all gradients by themselves")
	}
	adam, err := optim.NewAdam(1e-2)
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []G.Solver{adam, newMomentum(t, optim.WithNesterov())} {
		net := newDenseNet(layers.Init{Seed: 1})
		model, err := layers.NewClassifier(net, 41, 1, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		before := values(net)
		if _, err := model.Fit(ctx, newBatches(tensor.Float32, 41), &claimer{base}, layers.FitConfig{}); !errors.Is(err, optim.ErrNoGradient) {
			t.Errorf("%T: error %v", base, err)
		}
		for _, p := range net.Params() {
			if !slices.Equal(values(net)[p.Name], before[p.Name]) {
				t.Errorf("%T: %s has changed", base, p.Name)
			}
		}
	}
}

// TestDeferredThenWhole: after a Fit with gradients left to its solver, another solver gets whole ones.
func TestDeferredThenWhole(t *testing.T) {
	var results []map[string][]float64
	for _, first := range []G.Solver{newMomentum(t), whole{newMomentum(t)}} {
		net := newDenseNet(layers.Init{Seed: 1})
		model, err := layers.NewClassifier(net, 41, 1, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		adam, err := optim.NewAdam(1e-2)
		if err != nil {
			t.Fatal(err)
		}
		for _, solver := range []G.Solver{first, adam, first} {
			if _, err := model.Fit(ctx, newBatches(tensor.Float32, 41, 41), solver, layers.FitConfig{}); err != nil {
				t.Fatal(err)
			}
		}
		results = append(results, values(net))
	}
	alike(t, results[0], results[1:]...)
}
