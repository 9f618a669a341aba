package optim

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestConstantOfTheRegulariser checks the constant in the package documentation: for n groups in turn, and for all with
// sigma/sqrt(n), noise adds sigma^2/(2n) tr H to the loss. On R = sum a w^2/2, whose Hessian is diag(a), that is exact for
// each pair of Rademacher draws, whose squares are 1.
func TestConstantOfTheRegulariser(t *testing.T) {
	const sigma = 0.5
	curvature := [][]float64{{1, 2, 3}, {10}, {0.5, 7}, {4, 4, 4, 4}, {6}}
	trace := 0.0
	for _, a := range curvature {
		for _, x := range a {
			trace += x
		}
	}
	for _, c := range []struct {
		name string
		n    int // groups
		opts []PerturbOpt
	}{
		{"one tensor at a time", 5, nil},
		{"all tensors", 5, []PerturbOpt{WithSelection(All())}},
		{"one layer at a time", 3, []PerturbOpt{WithGrouping(ByLayer())}},
		{"all layers", 3, []PerturbOpt{WithGrouping(ByLayer()), WithSelection(All())}},
		{"one tensor at a time in random order", 5, []PerturbOpt{WithSelection(Shuffled())}},
	} {
		g := G.NewGraph()
		var learnables G.Nodes
		var cost *G.Node
		for i, a := range curvature {
			ones := make([]float64, len(a))
			for j := range ones {
				ones[j] = float64(i) - float64(j) + 0.5
			}
			w := G.NewVector(g, tensor.Float64, G.WithName([]string{"a.weight", "a.bias", "b.weight", "b.bias", "c.weight"}[i]),
				G.WithShape(len(a)), G.WithValue(denseOf(tensor.Float64, ones, len(a))))
			learnables = append(learnables, w)
			half := G.NewConstant(denseOf(tensor.Float64, scaled(a, 0.5), len(a)))
			term := G.Must(G.Sum(G.Must(G.HadamardProd(half, G.Must(G.Square(w))))))
			if cost == nil {
				cost = term
			} else {
				cost = G.Must(G.Add(cost, term))
			}
		}
		var loss G.Value
		G.Read(cost, &loss)
		if _, err := G.Grad(cost, learnables...); err != nil {
			t.Fatal(err)
		}
		vm := G.NewTapeMachine(g, G.BindDualValues(learnables...))
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		clean := loss.Data().(float64)
		vm.Reset()
		var extra []float64
		watched := &watchedVM{VM: vm, after: func() { extra = append(extra, loss.Data().(float64)-clean) }}
		s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), sigma, append(c.opts, WithNoise(Rademacher()), WithAntithetic())...)
		guarded := must(s.Guard(watched, learnables...))(t)
		for range c.n {
			if err := guarded.RunAll(); err != nil {
				t.Fatal(err)
			}
			if err := s.Step(G.NodesToValueGrads(learnables)); err != nil {
				t.Fatal(err)
			}
			guarded.Reset()
		}
		if len(extra) != 2*c.n {
			t.Fatalf("%s: %d evaluations of %d", c.name, len(extra), 2*c.n)
		}
		mean := 0.0
		for _, x := range extra {
			mean += x / float64(len(extra))
		}
		if want := sigma * sigma / (2 * float64(c.n)) * trace; math.Abs(mean-want) > 1e-12*want {
			t.Errorf("%s: noise adds %v on average, want %v", c.name, mean, want)
		}
	}
}

// watchedVM calls after once it has run.
type watchedVM struct {
	G.VM
	after func()
}

func (v *watchedVM) RunAll() error {
	err := v.VM.RunAll()
	v.after()
	return err
}

func scaled(a []float64, by float64) []float64 {
	out := make([]float64, len(a))
	for i, x := range a {
		out[i] = by * x
	}
	return out
}
