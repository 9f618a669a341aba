package graph_test

import (
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An ignored sample counts as absent; if all are ignored, there is no mean.
func TestIgnoredLabels(t *testing.T) {
	logits := gradcheck.Random(1, tensor.Float64, 4, 3)
	rows := func(rows ...int) *tensor.Dense {
		var data []float64
		for _, i := range rows {
			data = append(data, logits.Float64s()[3*i:3*i+3]...)
		}
		return tensor.New(tensor.WithShape(len(rows), 3), tensor.WithBacking(data))
	}
	cost := func(labels ...int) gradcheck.Function {
		return func(in []*G.Node) (*G.Node, error) {
			return graph.CrossEntropyIgnoring(in[0], whole(in[0].Graph(), "labels", labels, len(labels)), 1)
		}
	}
	some, all := pass(t, cost(2, 1, 0, 1), rows(0, 1, 2, 3)), pass(t, cost(2, 0), rows(0, 2))
	if some[0][0] != all[0][0] {
		t.Errorf("loss %v with ignored samples, %v without", some[0][0], all[0][0])
	}
	want := slices.Concat(all[1][:3], []float64{0, 0, 0}, all[1][3:], []float64{0, 0, 0})
	if !slices.Equal(some[1], want) {
		t.Errorf("gradient %v, want %v", some[1], want)
	}
	if none := pass(t, cost(1, 1), rows(0, 1)); !math.IsNaN(none[0][0]) {
		t.Errorf("loss %v of no sample at all", none[0][0])
	}
	for _, c := range []struct {
		labels []int
		want   float64
	}{{[]int{0, 1, 2, 1}, 0.5}, {[]int{0, 1, 1, 1}, 1}} {
		right := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking([]float64{9, 1, 2, 9, 1, 2, 9, 1, 2, 9, 1, 2}))
		g := G.NewGraph()
		a := G.Must(graph.AccuracyIgnoring(G.NodeFromAny(g, right, G.WithName("x")), whole(g, "labels", c.labels, 4), 1))
		vm := G.NewTapeMachine(g)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if got := a.Value().Data().(float64); got != c.want {
			t.Errorf("labels %v: accuracy %v, want %v", c.labels, got, c.want)
		}
	}
}

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
