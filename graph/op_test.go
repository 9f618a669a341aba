package graph

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/internal/parallel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// leafOp returns an op on a leaf of shape (2, 3) that calls run.
func leafOp(t *testing.T, run func(dst []float64, in []operand[float64]) error) (*op[float64], *G.Node) {
	t.Helper()
	x := G.NewMatrix(G.NewGraph(), tensor.Float64, G.WithShape(2, 3), G.WithName("x"))
	o := &op[float64]{name: "Test", shape: x.Shape(), run: run}
	n, err := apply(o, x)
	if err != nil {
		t.Fatal(err)
	}
	return o, n
}

func TestPanicBecomesAnError(t *testing.T) {
	o, _ := leafOp(t, func([]float64, []operand[float64]) error { panic("no such thing") })
	v, err := o.Do(tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float64)))
	if v != nil || err == nil || !strings.Contains(err.Error(), "Test: no such thing") {
		t.Errorf("%v, %v", v, err)
	}
}

// TestPanicKeepsItsStack: %+v of the error, wrapped or not, shows where a panic began, whether on the op's own goroutine or
// on one that helps its loop.
func TestPanicKeepsItsStack(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for name, run := range map[string]func([]float64, []operand[float64]) error{
		"in the op": func([]float64, []operand[float64]) error { indexOutOfRange(nil); return nil },
		"in its loop": func([]float64, []operand[float64]) error {
			parallel.For(2, 1, func(lo, hi int) { indexOutOfRange(nil) })
			return nil
		},
	} {
		o, _ := leafOp(t, run)
		_, err := o.Do(tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float64)))
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "graph: Test: runtime error: index out of range") {
			t.Errorf("%s: error %v", name, err)
		}
		for _, printed := range []string{fmt.Sprintf("%+v", err), fmt.Sprintf("%+v", errors.Wrap(err, "wrapped"))} {
			if !strings.Contains(printed, "graph.indexOutOfRange(") {
				t.Errorf("%s: the stack is not there: %s", name, printed)
			}
		}
		var cause runtime.Error
		if !errors.As(err, &cause) {
			t.Errorf("%s: %v is no runtime.Error", name, err)
		}
	}
}

//go:noinline
func indexOutOfRange(x []int) int { return x[len(x)] }

func TestDoChecksItsInputs(t *testing.T) {
	o, _ := leafOp(t, copyRun[float64])
	for name, in := range map[string][]G.Value{
		"none":         {},
		"too small":    {tensor.New(tensor.WithShape(2, 2), tensor.Of(tensor.Float64))},
		"other type":   {tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float32))},
		"a scalar":     {G.NewF64(1)},
		"column order": {tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float64), tensor.AsFortran(nil))},
		"integers":     {tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Int32))},
	} {
		t.Run(name, func(t *testing.T) {
			if v, err := o.Do(in...); v != nil || err == nil {
				t.Errorf("%v, %v, want an error", v, err)
			}
		})
	}
}

// A view is copied before it is used as a contiguous slice.
func TestViewsAreRead(t *testing.T) {
	o, _ := leafOp(t, copyRun[float64])
	whole := tensor.New(tensor.WithShape(3, 4), tensor.WithBacking(tensor.Range(tensor.Float64, 0, 12)))
	slice, err := whole.Slice(tensor.S(1, 3), tensor.S(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	transposed := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float64{0, 3, 1, 4, 2, 5}))
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		v    G.Value
		want [6]float64
	}{
		"slice":     {slice, [6]float64{4, 5, 6, 8, 9, 10}},
		"transpose": {transposed, [6]float64{0, 1, 2, 3, 4, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := o.Do(c.v)
			if err != nil {
				t.Fatal(err)
			}
			if got := [6]float64(v.Data().([]float64)); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// Gorgonia merges operations of equal hash.
func TestHashesDiffer(t *testing.T) {
	seen := map[uint32]bool{}
	for range 1000 {
		o := &op[float64]{name: "Test"}
		x := G.NewVector(G.NewGraph(), tensor.Float64, G.WithShape(1))
		if _, err := apply(o, x); err != nil {
			t.Fatal(err)
		}
		if seen[o.Hashcode()] {
			t.Fatalf("op %d has the hash of another", o.id)
		}
		seen[o.Hashcode()] = true
	}
}

func TestSymDiffOfAnOpWithoutGradient(t *testing.T) {
	o, n := leafOp(t, copyRun[float64])
	if wrt := o.DiffWRT(1); len(wrt) != 1 || wrt[0] {
		t.Errorf("differentiable: %v", wrt)
	}
	if _, err := o.SymDiff(nil, n, n); err == nil {
		t.Error("no error")
	}
}
