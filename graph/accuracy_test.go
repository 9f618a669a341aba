package graph_test

import (
	"math"
	"testing"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestAccuracy(t *testing.T) {
	logits := tensor.New(tensor.WithShape(5, 3), tensor.WithBacking([]float64{
		1, 2, 3,
		3, 2, 1,
		2, 2, 1, // the first of two
		1, math.NaN(), 5,
		math.Inf(-1), math.Inf(1), 0,
	}))
	classes := []int{2, 1, 0, 2, 1}
	oneHot := tensor.New(tensor.WithShape(5, 3), tensor.Of(tensor.Float64))
	for i, c := range classes {
		if err := oneHot.SetAt(1.0, i, c); err != nil {
			t.Fatal(err)
		}
	}
	for name, labels := range map[string]*tensor.Dense{"labels": tensor.New(tensor.WithBacking(classes)), "one-hot": oneHot} {
		t.Run(name, func(t *testing.T) {
			g := G.NewGraph()
			y, err := graph.Accuracy(G.NodeFromAny(g, logits, G.WithName("logits")), G.NodeFromAny(g, labels, G.WithName("labels")))
			if err != nil {
				t.Fatal(err)
			}
			vm := G.NewTapeMachine(g)
			defer vm.Close()
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			if got := y.Value().Data().(float64); got != 0.6 {
				t.Errorf("%v, want 3 of 5", got)
			}
		})
	}
}
