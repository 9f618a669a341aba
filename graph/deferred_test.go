package graph_test

import (
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/gradcheck"
	"github.com/layernoise/layernoise/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// deferredGraphs make a cost from x (40, 32) and the weights w and u (32, 32), whose gradient is or is not left undone.
var deferredGraphs = []struct {
	name  string
	w     bool
	dtype tensor.Dtype
	cost  func(x, w, u *G.Node) *G.Node
	more  func(w *G.Node) // after the gradients
	bound bool            // by the machine, which copies it
}{
	{name: "two layers", w: true, cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.DenseReLU(x, w, nil)), u, nil)))
	}},
	{name: "GELU", w: true, cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.DenseGELU(x, w, nil)), u, nil)))
	}},
	{name: "float64", dtype: tensor.Float64, cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.DenseReLU(x, w, nil)), u, nil)))
	}},
	{name: "weight used twice", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.Dense(G.Must(graph.Dense(x, w, nil)), w, nil)), u, nil)))
	}},
	{name: "gradient of a sum", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(x, G.Must(graph.Add(w, u)), nil)))
	}},
	{name: "input that learns", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(u, w, nil)))
	}},
	{name: "stock operation before", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.Dense(G.Must(G.Tanh(x)), w, nil)), u, nil)))
	}},
	{name: "stock operation on the input", cost: func(x, w, u *G.Node) *G.Node {
		G.Must(G.Neg(x))
		return costOf(G.Must(graph.Dense(G.Must(graph.Dense(x, w, nil)), u, nil)))
	}},
	{name: "stock operation behind", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(G.Tanh(G.Must(graph.Dense(x, w, nil)))), u, nil)))
	}},
	{name: "stock operation on the gradient", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.Dense(x, w, nil)), u, nil)))
	}, more: func(w *G.Node) { G.Must(G.Neg(w.Deriv())) }},
	{name: "operation on the gradient", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.Dense(x, w, nil)), u, nil)))
	}, more: func(w *G.Node) { G.Must(graph.ReLU(w.Deriv())) }},
	{name: "gradient bound", bound: true, cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.Dense(x, w, nil)), u, nil)))
	}},
	{name: "gradient read", cost: func(x, w, u *G.Node) *G.Node {
		return costOf(G.Must(graph.Dense(G.Must(graph.Dense(x, w, nil)), u, nil)))
	}, more: func(w *G.Node) { G.Read(w.Deriv(), new(G.Value)) }},
}

// TestDefer: a gradient that is left undone is zero until a step finishes it, which gives the weights of the gradient and the
// step by themselves; gradients that something else may read, or whose inputs something may change, are not left.
func TestDefer(t *testing.T) {
	if !kernel.DenseDescends[float32](kernel.Dense{N: 40, In: 32, Out: 32}) {
		t.Skip("this processor's kernels compute all gradients by themselves")
	}
	for _, test := range deferredGraphs {
		t.Run(test.name, func(t *testing.T) {
			dtype := test.dtype
			if dtype.Type == nil {
				dtype = tensor.Float32
			}
			g := G.NewGraph()
			node := func(name string, seed uint64, shape ...int) *G.Node {
				return G.NodeFromAny(g, gradcheck.Random(seed, dtype, shape...), G.WithName(name))
			}
			x, w, u := node("x", 1, 40, 32), node("w", 2, 32, 32), node("u", 3, 32, 32)
			if _, err := G.Grad(test.cost(x, w, u), w, u); err != nil {
				t.Fatal(err)
			}
			if test.more != nil {
				test.more(w)
			}
			bind := graph.BindGradients(w, u)
			if test.bound {
				bind = G.BindDualValues(w, u)
			}
			vm := G.NewTapeMachine(g, bind)
			defer vm.Close()
			run := func() {
				t.Helper()
				if err := vm.RunAll(); err != nil {
					t.Fatal(err)
				}
				vm.Reset()
			}
			run()
			gradient := gradcheck.Floats(must(w.Grad()))
			d := deferred.Of(w)
			if got := d != nil && d.Deferrable(x); got != test.w {
				t.Fatalf("deferrable: %v, want %v", got, test.w)
			}
			if !test.w {
				return
			}
			if d.Deferrable() {
				t.Error("deferrable though its input may change")
			}
			d.Defer(true)
			run()
			if !d.Waiting() {
				t.Error("nothing waits")
			}
			if left := gradcheck.Floats(must(w.Grad())); slices.ContainsFunc(left, func(v float64) bool { return v != 0 }) {
				t.Errorf("the gradient is %v before it is computed", left)
			}
			weights := w.Value().Data().([]float32)
			want, v, wantV := slices.Clone(weights), make([]float32, 32*32), make([]float32, 32*32)
			whole := make([]float32, 32*32)
			for i, x := range gradient {
				whole[i], v[i], wantV[i] = float32(x), float32(i), float32(i)
			}
			kernel.SGD(want, whole, wantV, 0.1, 0.9, 0.5, false)
			d.Descend(weights, v, gemm.Descent{Rate: 0.1, Momentum: 0.9, Decay: 0.5})
			if !slices.Equal(weights, want) || !slices.Equal(v, wantV) {
				t.Errorf("weights %v and velocities %v, want %v and %v", weights, v, want, wantV)
			}
			if d.Waiting() {
				t.Error("it waits still")
			}
			run()
			d.Defer(false)
			if d.Waiting() {
				t.Error("it waits for a step that does not come")
			}
			run()
			if got := gradcheck.Floats(must(w.Grad())); slices.Equal(got, make([]float64, 32*32)) {
				t.Error("no gradient")
			}
			// Whoever is to be notified gets the gradient, in any order.
			told := 0
			d.Defer(true)
			graph.NotifyGradients(func(int) { told++ }, w)
			run()
			if told != 1 || d.Waiting() || d.Deferrable(x) {
				t.Errorf("told %d times, waits: %v, deferrable: %v", told, d.Waiting(), d.Deferrable(x))
			}
		})
	}
}
