package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gradientGraphs make a cost from x (6, 4) and the learnables w (4, 4) and b (4), and say which of these keep their
// gradients.
var gradientGraphs = []struct {
	name string
	keep []bool
	cost func(x, w, b *G.Node) *G.Node
	more func(w, b *G.Node) // nodes added after the gradients
}{
	{name: "own operations", keep: []bool{true, true}, cost: func(x, w, b *G.Node) *G.Node {
		return costOf(G.Must(graph.DenseReLU(x, w, b)))
	}},
	{name: "weight used twice", keep: []bool{false, true}, cost: func(x, w, b *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.DenseReLU(x, w, nil)), w, b)))
	}},
	{name: "stock operations", keep: []bool{false, true}, cost: func(x, w, b *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(G.Tanh(G.Must(G.Mul(x, w)))), G.Must(G.Square(w)), b)))
	}},
	{name: "stock operation on a gradient", keep: []bool{false, true}, cost: func(x, w, b *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(x, w, b)))
	}, more: func(w, _ *G.Node) { G.Must(G.Neg(w.Deriv())) }},
	{name: "gradient shared by two", keep: []bool{true, true}, cost: func(x, w, b *G.Node) *G.Node {
		return costOf(G.Must(graph.Add(G.Must(graph.ReLU(w)), w2(b))))
	}},
}

// costOf is the cross entropy of logits (N, 4).
func costOf(logits *G.Node) *G.Node {
	labels := make([]int, logits.Shape()[0])
	for i := range labels {
		labels[i] = i % 4
	}
	return G.Must(graph.CrossEntropy(logits, G.NodeFromAny(logits.Graph(), tensor.New(tensor.WithBacking(labels)), G.WithName("labels"))))
}

// w2 is a matrix (4, 4) made from b.
func w2(b *G.Node) *G.Node {
	column := G.NodeFromAny(b.Graph(), gradcheck.Random(5, tensor.Float32, 4, 1), G.WithName("column"))
	return G.Must(graph.Dense(column, G.Must(graph.Flatten(b)), nil))
}

// TestBindGradients expects the gradients of BindDualValues, in the operations' own buffers if possible.
func TestBindGradients(t *testing.T) {
	for _, test := range gradientGraphs {
		t.Run(test.name, func(t *testing.T) {
			build := func() (*G.ExprGraph, G.Nodes) {
				g := G.NewGraph()
				node := func(name string, seed uint64, shape ...int) *G.Node {
					return G.NodeFromAny(g, gradcheck.Random(seed, tensor.Float32, shape...), G.WithName(name))
				}
				x, w, b := node("x", 1, 6, 4), node("w", 2, 4, 4), node("b", 3, 4)
				cost := test.cost(x, w, b)
				if _, err := G.Grad(cost, w, b); err != nil {
					t.Fatal(err)
				}
				if test.more != nil {
					test.more(w, b)
				}
				return g, G.Nodes{w, b}
			}
			steps := func(vm G.VM, learnables G.Nodes) (grads [][]float64) {
				defer vm.Close()
				solver := G.NewVanillaSolver()
				for range 3 {
					if err := vm.RunAll(); err != nil {
						t.Fatal(err)
					}
					vm.Reset()
					for _, n := range learnables {
						grads = append(grads, gradcheck.Floats(must(n.Grad())))
					}
					if err := solver.Step(G.NodesToValueGrads(learnables)); err != nil {
						t.Fatal(err)
					}
				}
				return grads
			}
			g, bound := build()
			want := steps(G.NewTapeMachine(g, G.BindDualValues(bound...)), bound)
			h, learnables := build()
			got := steps(G.NewTapeMachine(h, graph.BindGradients(learnables...)), learnables)
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("step %d: gradient of %v is %v, want %v", i/2, learnables[i%2], got[i], want[i])
				}
			}
			for i, n := range learnables {
				if keeps := must(n.Grad()) == n.Deriv().Value(); keeps != test.keep[i] {
					t.Errorf("%v keeps its gradient: %v, want %v", n, keeps, test.keep[i])
				}
			}
			// Copies bound by another machine stay bound.
			again := steps(G.NewTapeMachine(g, graph.BindGradients(bound...)), bound)
			further := steps(G.NewTapeMachine(h, graph.BindGradients(learnables...)), learnables)
			for i := range again {
				if !slices.Equal(again[i], further[i]) {
					t.Errorf("step %d on a second machine: gradient of %v is %v, want %v", i/2, bound[i%2], again[i], further[i])
				}
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestNotifyGradients: each gradient that stays in its operation's buffer is announced once per pass, when it is final, and
// no other is.
func TestNotifyGradients(t *testing.T) {
	for _, bind := range []bool{true, false} {
		g := G.NewGraph()
		node := func(name string, seed uint64, shape ...int) *G.Node {
			return G.NodeFromAny(g, gradcheck.Random(seed, tensor.Float32, shape...), G.WithName(name))
		}
		x, v, w, b := node("x", 1, 6, 4), node("v", 2, 4, 4), node("w", 3, 4, 4), node("b", 4, 4)
		learnables := G.Nodes{v, w, b}
		hidden := G.Must(graph.DenseReLU(x, v, nil))
		if _, err := G.Grad(costOf(G.Must(graph.Dense(G.Must(graph.Dense(hidden, w, b)), w, nil))), learnables...); err != nil {
			t.Fatal(err)
		}
		option, want := G.BindDualValues(learnables...), []bool{false, false, false}
		if bind {
			option, want = graph.BindGradients(learnables...), []bool{true, false, true} // w is used twice
		}
		vm := G.NewTapeMachine(g, option)
		defer vm.Close()
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
		told := make([][]float64, len(learnables))
		got := graph.NotifyGradients(func(i int) {
			if told[i] != nil {
				t.Errorf("bound to the operations %v: gradient %d is told twice", bind, i)
			}
			told[i] = gradcheck.Floats(must(learnables[i].Grad()))
		}, learnables...)
		if !slices.Equal(got, want) {
			t.Errorf("bound to the operations %v: told are %v, want %v", bind, got, want)
		}
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		for i, n := range learnables {
			if got[i] && !slices.Equal(told[i], gradcheck.Floats(must(n.Grad()))) {
				t.Errorf("gradient %d changed after it was told", i)
			}
			if !got[i] && told[i] != nil {
				t.Errorf("bound to the operations %v: gradient %d is told", bind, i)
			}
		}
	}
}

// TestSumAroundNorm: the backward pass of a norm adds the gradient that a sum leads around it, so that Gorgonia adds none.
func TestSumAroundNorm(t *testing.T) {
	r := gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) {
		y, err := aroundNorm(graph.Add)(in)
		if err != nil {
			return nil, err
		}
		return aroundNorm(graph.Add)([]*G.Node{y, in[1], in[2]})
	}, gradcheck.Random(1, tensor.Float32, 4, 6), gradcheck.Random(2, tensor.Float32, 6), gradcheck.Random(3, tensor.Float32, 6))
	for _, n := range r.Cost.Graph().AllNodes() {
		if n.Op() != nil && strings.HasPrefix(n.Op().String(), "+") && n.Dims() == 2 {
			t.Errorf("Gorgonia adds gradients: %v", n)
		}
	}
}

// TestTwoCosts: a cost has the gradients that it has alone, whatever the gradients of another cost have left in the graph.
func TestTwoCosts(t *testing.T) {
	gradients := func(costs ...int) (values [][]float64) {
		g := G.NewGraph()
		node := func(name string, seed uint64, shape ...int) *G.Node {
			return G.NodeFromAny(g, gradcheck.Random(seed, tensor.Float64, shape...), G.WithName(name))
		}
		x, w, v := node("x", 1, 6, 5), node("w", 2, 5, 5), node("v", 3, 5, 5)
		hidden := G.Must(graph.Dense(x, w, nil))
		norm := G.Must(graph.LayerNorm(hidden, node("gain", 4, 5), node("bias", 5, 5), 1e-5))
		sum := G.Must(graph.Add(hidden, G.Must(graph.GELU(G.Must(graph.Dense(norm, v, nil))))))
		of := [2]*G.Node{costOf(sum), costOf(norm)}
		to := [2]*G.Node{v, w} // the way from the sum to v does not lead through the norm
		read := make([]G.Value, len(costs))
		for i, c := range costs {
			G.Read(must(G.Grad(of[c], to[c]))[0], &read[i])
		}
		vm := G.NewTapeMachine(g)
		defer vm.Close()
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		for _, v := range read {
			values = append(values, gradcheck.Floats(v))
		}
		return values
	}
	want := [2][]float64{gradients(0)[0], gradients(1)[0]}
	for _, costs := range [][]int{{0, 1}, {1, 0}} {
		for i, got := range gradients(costs...) {
			if !slices.Equal(got, want[costs[i]]) {
				t.Errorf("costs %v: gradient %d is %v, want %v", costs, i, got, want[costs[i]])
			}
		}
	}
}
