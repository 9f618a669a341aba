package graph_test

import (
	"runtime"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	"github.com/layernoise/layernoise/internal/race"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// smooth are the operations that keep slopes for their gradients.
var smooth = map[string]func(x *G.Node) (*G.Node, error){"GELU": graph.GELU, "GELUTanh": graph.GELUTanh, "SiLU": graph.SiLU}

// TestSlopesOfThisPass: the gradient of a pass is that at the x of this pass, not at the x of one before.
func TestSlopesOfThisPass(t *testing.T) {
	for name, f := range smooth {
		build := func(in []*G.Node) (*G.Node, error) { return f(in[0]) }
		x := gradcheck.Random(1, tensor.Float32, 9, 31)
		gradient := func(r *gradcheck.Run) []float64 {
			if err := r.Pass(); err != nil {
				t.Fatal(err)
			}
			return r.Gradient(t, 0)
		}
		r := gradcheck.NewRun(t, build, x)
		first := slices.Clone(gradient(r))
		copy(x.Data().([]float32), gradcheck.Random(2, tensor.Float32, 9, 31).Data().([]float32))
		second := gradient(r) // plus the first
		for i, want := range gradient(gradcheck.NewRun(t, build, x)) {
			if got := second[i]; float32(got) != float32(first[i])+float32(want) {
				t.Fatalf("%s, element %d: %v in two passes, want %v and %v", name, i, got, first[i], want)
			}
		}
	}
}

// TestSlopesTakeNoMemory: slopes wait in the buffer of the gradient.
func TestSlopesTakeNoMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates, too")
	}
	const n = 1 << 16
	allocated := func(f func(x *G.Node) (*G.Node, error), grad bool) int {
		g := G.NewGraph()
		x := G.NodeFromAny(g, gradcheck.Random(1, tensor.Float32, n), G.WithName("x"))
		cost := G.Must(G.Sum(G.Must(f(x))))
		if grad {
			if _, err := G.Grad(cost, x); err != nil {
				t.Fatal(err)
			}
		}
		vm := G.NewTapeMachine(g)
		defer vm.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return int(after.TotalAlloc - before.TotalAlloc)
	}
	for name, f := range smooth {
		for _, grad := range []bool{false, true} {
			if more := allocated(f, grad) - allocated(graph.Tanh, grad); more > n {
				t.Errorf("%s, with a gradient %t: %d bytes more than Tanh, for %d elements", name, grad, more, n)
			}
		}
	}
}

// TestSecondGradient: a node has one gradient, because there is one buffer for the slopes.
func TestSecondGradient(t *testing.T) {
	g := G.NewGraph()
	x := G.NodeFromAny(g, gradcheck.Random(1, tensor.Float32, 4), G.WithName("x"))
	y := G.Must(graph.GELU(x))
	for i, ok := range []bool{true, false} {
		if _, err := y.Op().(G.SDOp).SymDiff(G.Nodes{x}, y, x); (err == nil) != ok {
			t.Errorf("gradient %d: error %v", i, err)
		}
	}
}

// TestDenseGELU: the fused operation has the bits of its parts.
func TestDenseGELU(t *testing.T) {
	apart := func(x, w, b *G.Node) (*G.Node, error) { return graph.GELU(G.Must(graph.Dense(x, w, b))) }
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, s := range [][3]int{{1, 1, 1}, {5, 7, 3}, {33, 20, 130}, {600, 9, 70}} {
			in := []*tensor.Dense{gradcheck.Random(1, dtype, s[0], s[1]), gradcheck.Random(2, dtype, s[2], s[1]), gradcheck.Random(3, dtype, s[2])}
			pass := func(op func(x, w, b *G.Node) (*G.Node, error)) (all [][]float64) {
				r := gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) { return op(in[0], in[1], in[2]) }, in...)
				if err := r.Pass(); err != nil {
					t.Fatal(err)
				}
				all = append(all, r.Result())
				for i := range in {
					all = append(all, r.Gradient(t, i))
				}
				return all
			}
			want := pass(apart)
			for i, got := range pass(graph.DenseGELU) {
				if !slices.Equal(got, want[i]) {
					t.Errorf("%v, %v: result or gradient %d differs", dtype, s, i)
				}
			}
		}
	}
}
