package optim

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestDroppedSolver: a program that makes a new solver each epoch, in the carried protocol, and never calls Restore. The
// next solver removes the noise of the dropped one, however it was injected.
func TestDroppedSolver(t *testing.T) {
	whole := make([]float32, 6)
	nets := map[string]func() *net{
		"pointed":  func() *net { return newNet(t, tensor.Float32, 1, 3, 4, 5, 2) },
		"in place": func() *net { return sharedWeights(t, over(whole), over(whole)) },
	}
	meets := map[string]func(n *net) error{
		"Bind": func(n *net) error { return perturbed(t, bases["sgd"](), 0.1).Bind(n.model) },
		"Guard": func(n *net) error {
			_, err := perturbed(t, bases["sgd"](), 0.1).Guard(n.vm, n.learnables...)
			return err
		},
		"Step": func(n *net) error { return perturbed(t, ours(NewSGD(0)), 0).Step(n.model) },
		"base": func(n *net) error { return ours(NewSGD(0)).Step(n.model) },
		"adam": func(n *net) error { return ours(NewAdam(0)).Step(n.model) },
	}
	for way, make := range nets {
		for what, meet := range meets {
			n := make()
			clean := n.weights()
			for range 3 {
				n.loop(t, n.vm, perturbed(t, ours(NewSGD(0)), 0.1, WithSelection(All())), 2)
				if slices.Equal(n.weights(), clean) {
					t.Fatalf("%s: no noise", way)
				}
				runtime.GC()
			}
			if err := meet(n); err != nil {
				t.Fatalf("%s, %s: %v", way, what, err)
			}
			if !slices.Equal(n.weights(), clean) {
				t.Errorf("%s, %s: noise of a dropped solver stays in the weights", way, what)
			}
		}
	}
}

// TestTwoCarried: two solvers that train the same weights in turn, each with its noise, step from clean ones. A solver whose
// noise was removed by the other does not remove it again.
func TestTwoCarried(t *testing.T) {
	for name, weights := range map[string]*net{"pointed": sharedWeights(t, over(make([]float32, 6)), nil), "in place": func() *net {
		w := make([]float32, 6)
		return sharedWeights(t, over(w), over(w))
	}()} {
		n := weights
		var clean []uint64
		base := func() G.Solver {
			return stepFunc(func(model []G.ValueGrad) error {
				if clean != nil && !slices.Equal(n.weights(), clean) {
					t.Errorf("%s: a step from noisy weights", name)
				}
				v := must(vecOf(model[0].Value()))(t)
				v.f32[0]++
				clean = n.weights()
				return nil
			})
		}
		a, b := perturbed(t, base(), 0.5), perturbed(t, base(), 0.5, WithSeed(1))
		for range 3 {
			n.loop(t, n.vm, a, 1)
			n.loop(t, n.vm, b, 1)
		}
		n.loop(t, n.vm, b, 1)
		for _, s := range []*PerturbedSolver{a, b} {
			if err := s.Restore(); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(n.weights(), clean) {
			t.Errorf("%s: noise stays, or a step was undone", name)
		}
	}
}

// TestRegisterForgets: the register drops tensors that are gone, together with the solver that had noise in them.
func TestRegisterForgets(t *testing.T) {
	before, most := noisy.size.Load(), int32(0)
	for i := range 500 {
		n := sharedWeights(t, over(make([]float32, 6)), nil)
		n.loop(t, n.vm, perturbed(t, bases["sgd"](), 0.1), 1)
		most = max(most, noisy.size.Load())
		if i%20 == 0 {
			runtime.GC()
		}
	}
	if most-before > 250 {
		t.Errorf("%d tensors of 500 in the register", most-before)
	}
}

// TestParametersByMemory: which tensors are the same parameter, which are another, and which cannot be told apart.
func TestParametersByMemory(t *testing.T) {
	node := func(g *G.ExprGraph, name string, w *tensor.Dense) G.ValueGrad {
		return G.NodeFromAny(g, w, G.WithName(name))
	}
	matrix := func() *tensor.Dense { return denseOf(tensor.Float32, []float64{1, 2, 3, 4, 5, 6}, 2, 3) }
	a, b := matrix(), matrix()
	var s paramSet
	index := func(model ...G.ValueGrad) (places []int) {
		t.Helper()
		params, err := s.resolve(model)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			places = append(places, p.index)
		}
		return places
	}
	want := func(got []int, want ...int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("parameters %v, want %v", got, want)
		}
	}
	g := G.NewGraph()
	first, second := node(g, "a", a), node(g, "b", b)
	want(index(first, second), 0, 1)
	want(index(second), 1)
	want(index(node(G.NewGraph(), "b", a), node(G.NewGraph(), "a", b)), 0, 1) // names do not matter

	// Gorgonia reuses the node for the other weight.
	G.ReturnNode(first.(*G.Node))
	again := node(G.NewGraph(), "b", b)
	want(index(again), 1)

	// And for a new one, whose value is not that of the weight the node stood for before.
	G.ReturnNode(again.(*G.Node))
	again = node(G.NewGraph(), "c", matrix())
	want(index(again), 2)

	// The value of a live node is replaced.
	moved := matrix()
	if err := G.Let(again.(*G.Node), moved); err != nil {
		t.Fatal(err)
	}
	want(index(again), 2)
	want(index(node(G.NewGraph(), "b", moved), node(G.NewGraph(), "b2", a)), 2, 0)

	want(index(node(G.NewGraph(), "w", matrix())), 3)
	if _, err := s.resolve([]G.ValueGrad{node(G.NewGraph(), "w", matrix())}); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "parameter w (2, 3) is new, but") {
		t.Errorf("error %v for a tensor that may be one that has moved", err)
	}
	want(index(node(G.NewGraph(), "w", denseOf(tensor.Float32, []float64{1, 2}, 2))), 4)
}

// TestSeveralModels: one solver steps models in turn. Each has its groups and cycles through them by its own steps; the
// draws of all steps differ.
func TestSeveralModels(t *testing.T) {
	n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
	s := perturbed(t, bases["sgd momentum"](), 0.1)
	front, back := n.learnables[:2], n.learnables[2:]
	vms := []G.VM{must(s.Guard(n.vm, front...))(t), must(s.Guard(n.vm, back...))(t)}
	var layers []string
	norms := map[float64]bool{}
	for i := range 8 {
		vm, model := vms[i%2], G.NodesToValueGrads([]G.Nodes{front, back}[i%2])
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		layers = append(layers, s.Last().Layers...)
		norms[s.Last().NoiseNorm] = true
		if err := s.Step(model); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
	}
	want := []string{"fc1.weight", "fc2.weight", "fc1.bias", "fc2.bias"}
	if !slices.Equal(layers, append(want, want...)) {
		t.Errorf("noise in %v", layers)
	}
	if len(norms) != 8 {
		t.Errorf("%d different draws of 8", len(norms))
	}
	if err := s.Step(n.model); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "is new: it is not in the model whose machine is guarded") {
		t.Errorf("error %v for a model whose machine is not guarded", err)
	}
	if err := s.Step(G.NodesToValueGrads(front)); !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v for a model whose machine has not run, want %v", err, ErrProtocol)
	}
}

// TestModelsInTurn: in the carried protocol, models that alternate at every step would never see their noise. That is an
// error; alternating in phases is not.
func TestModelsInTurn(t *testing.T) {
	n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
	s := perturbed(t, bases["sgd"](), 0.1)
	step := func(learnables G.Nodes) error {
		if err := n.vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		defer n.vm.Reset()
		return s.Step(G.NodesToValueGrads(learnables))
	}
	front, back := n.learnables[:2], n.learnables[2:]
	for i, model := range []G.Nodes{front, front, back, back, front} {
		if err := step(model); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if err := s.Restore(); err != nil {
		t.Fatal(err)
	}
	clean := n.weights()
	if err := s.Perturb(); err != nil {
		t.Fatal(err)
	}
	if err := step(back); !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v, want %v", err, ErrProtocol)
	}
	if err := s.Restore(); err != nil || !slices.Equal(n.weights(), clean) {
		t.Errorf("weights changed by the step that was refused (%v)", err)
	}
}

// TestSelectionSeeds: the selections of two models of one solver have different seeds; the first model has the solver's.
func TestSelectionSeeds(t *testing.T) {
	n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
	var seeds seedSpy
	s := perturbed(t, bases["sgd"](), 0.1, WithSeed(7), WithSelection(&seeds))
	for _, model := range []G.Nodes{n.learnables[:2], n.learnables[2:], n.learnables[:3]} {
		if err := s.Bind(G.NodesToValueGrads(model)); err != nil {
			t.Fatal(err)
		}
		if err := s.Perturb(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seeds) != 3 || seeds[0] != 7 || seeds[1] == 7 || seeds[2] == 7 || seeds[1] == seeds[2] {
		t.Errorf("seeds %v", seeds)
	}
}

type seedSpy []uint64

func (s *seedSpy) Select(seed, _ uint64, _ []Group) ([]int, float64) {
	*s = append(*s, seed)
	return []int{0}, 1
}

// TestLayouts: every solver rejects weights and gradients that are not row-major, and changes nothing.
func TestLayouts(t *testing.T) {
	row := func() *tensor.Dense { return denseOf(tensor.Float64, []float64{1, 2, 3, 4, 5, 6}, 3, 2) }
	column := func() *tensor.Dense {
		w := tensor.New(tensor.WithShape(3, 2), tensor.AsFortran(nil), tensor.Of(tensor.Float64))
		copy(w.Float64s(), []float64{1, 3, 5, 2, 4, 6})
		return w
	}
	lazy := func() *tensor.Dense {
		w := denseOf(tensor.Float64, []float64{1, 3, 5, 2, 4, 6}, 2, 3)
		if err := w.T(); err != nil {
			t.Fatal(err)
		}
		return w
	}
	moved := func() *tensor.Dense {
		w := lazy()
		if err := w.Transpose(); err != nil {
			t.Fatal(err)
		}
		return w
	}
	solvers := map[string]func() G.Solver{"perturbed": func() G.Solver { return perturbed(t, bases["gorgonia vanilla"](), 0.1) }}
	for _, name := range []string{"sgd momentum", "adam", "adamw"} {
		solvers[name] = bases[name]
	}
	for name, make := range solvers {
		for layout, c := range map[string]struct {
			w, g *tensor.Dense
			want string
		}{
			"row-major":                {row(), row(), ""},
			"transposed and moved":     {moved(), moved(), ""},
			"column-major":             {column(), row(), "(3, 2) is column-major, with strides [1 3]"},
			"gradient in column-major": {row(), column(), "gradient of parameter #0 (3, 2): (3, 2) is column-major"},
			"transposed":               {lazy(), row(), "is a view"},
		} {
			before := slices.Clone(c.w.Float64s())
			err := make().Step([]G.ValueGrad{&valueGrad{c.w, c.g}})
			if c.want == "" && err == nil {
				continue
			}
			if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) || !slices.Equal(before, c.w.Float64s()) {
				t.Errorf("%s, %s: error %v, want one with %q and weights as before", name, layout, err, c.want)
			}
		}
	}
}
