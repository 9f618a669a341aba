// Package gradcheck compares the gradients of Gorgonia graphs with finite differences, for tests.
package gradcheck

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Random returns a tensor of normal numbers in float32 or float64. Equal seeds give equal numbers, whatever the dtype.
func Random(seed uint64, dtype tensor.Dtype, shape ...int) *tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 0))
	n := tensor.Shape(shape).TotalSize()
	f64, f32 := make([]float64, n), make([]float32, n)
	for i := range f64 {
		f64[i] = rng.NormFloat64()
		f32[i] = float32(f64[i])
	}
	if dtype == tensor.Float32 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f32))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f64))
}

// Function is a function of nodes; its result may have any shape.
type Function func(leaves []*G.Node) (*G.Node, error)

// Run is a function at a point: its result, and the gradients of the sum of the result times a fixed random tensor.
type Run struct {
	Leaves G.Nodes
	Cost   *G.Node

	y, cost G.Value
	vm      G.VM
}

// NewRun builds the graph of f over tensors, all of the same dtype, which its leaves share. The machine is closed at the end
// of the test.
func NewRun(t testing.TB, f Function, at ...*tensor.Dense) *Run {
	t.Helper()
	g := G.NewGraph()
	r := new(Run)
	for i, v := range at {
		r.Leaves = append(r.Leaves, G.NodeFromAny(g, v, G.WithName(string(rune('a'+i)))))
	}
	y, err := f(r.Leaves)
	if err != nil {
		t.Fatal(err)
	}
	r.Cost = y
	if !y.IsScalar() {
		weights := G.NodeFromAny(g, Random(99, y.Dtype(), y.Shape()...), G.WithName("weights"))
		r.Cost = G.Must(G.Sum(G.Must(G.HadamardProd(y, weights))))
	}
	G.Read(y, &r.y)
	G.Read(r.Cost, &r.cost)
	if _, err := G.Grad(r.Cost, r.Leaves...); err != nil {
		t.Fatal(err)
	}
	r.vm = G.NewTapeMachine(g, G.BindDualValues(r.Leaves...))
	t.Cleanup(func() { r.vm.Close() })
	return r
}

// Pass runs the graph once and returns the machine's error.
func (r *Run) Pass() error {
	defer r.vm.Reset()
	return r.vm.RunAll()
}

// Result returns the function's result in the last pass.
func (r *Run) Result() []float64 { return Floats(r.y) }

// Gradient returns the gradient with respect to leaf i, summed over all passes.
func (r *Run) Gradient(t testing.TB, i int) []float64 {
	t.Helper()
	v, err := r.Leaves[i].Grad()
	if err != nil {
		t.Fatal(err)
	}
	return Floats(v)
}

// Floats returns a copy of the numbers in a value.
func Floats(v G.Value) []float64 {
	switch data := v.Data().(type) {
	case float64:
		return []float64{data}
	case float32:
		return []float64{float64(data)}
	case []float64:
		return append([]float64(nil), data...)
	case []float32:
		f := make([]float64, len(data))
		for i, x := range data {
			f[i] = float64(x)
		}
		return f
	}
	panic("gradcheck: not floats")
}

// Check compares the gradients of f with central differences, in float64, and requires them to agree to 1e-6 of the largest.
// f must have a derivative at the point, and give the same result in each pass.
func Check(t testing.TB, f Function, at ...*tensor.Dense) {
	t.Helper()
	r := NewRun(t, f, at...)
	if err := r.Pass(); err != nil {
		t.Fatal(err)
	}
	grads := make([][]float64, len(at))
	for i := range at {
		grads[i] = r.Gradient(t, i)
	}
	for i, v := range at {
		got := grads[i]
		data := v.Data().([]float64)
		point := append([]float64(nil), data...)
		want := fd.Gradient(nil, func(x []float64) float64 {
			copy(data, x)
			if err := r.Pass(); err != nil {
				t.Fatal(err)
			}
			return Floats(r.cost)[0]
		}, point, &fd.Settings{Formula: fd.Central, Step: 1e-5})
		copy(data, point)
		if j, ok := Close(got, want, 1e-6); !ok {
			t.Errorf("gradient with respect to input %d of shape %v: element %d is %v, by differences %v", i, v.Shape(), j, got[j], want[j])
		}
	}
}

// Close reports whether two vectors agree to the given fraction of the second one's largest element, and where they do not.
func Close(got, want []float64, part float64) (at int, ok bool) {
	var largest float64
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	for i, w := range want {
		if d := math.Abs(got[i] - w); !(d <= part*largest) {
			return i, false
		}
	}
	return 0, true
}
