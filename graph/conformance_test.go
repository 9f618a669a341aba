package graph_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/internal/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// forEachOp runs a test of each operation, at shapes for which finite differences are affordable.
func forEachOp(t *testing.T, f func(t *testing.T, o testOp)) { forEach(t, testOps, f) }

func forEach(t *testing.T, ops []testOp, f func(t *testing.T, o testOp)) {
	for _, o := range ops {
		t.Run(strings.ReplaceAll(o.name, "/", ":"), func(t *testing.T) { f(t, o) })
	}
}

// pass runs an operation once and returns its result and all gradients.
func pass(t *testing.T, f gradcheck.Function, in ...*tensor.Dense) [][]float64 {
	t.Helper()
	r := gradcheck.NewRun(t, f, in...)
	if err := r.Pass(); err != nil {
		t.Fatal(err)
	}
	return results(t, r)
}

func results(t *testing.T, r *gradcheck.Run) [][]float64 {
	all := [][]float64{r.Result()}
	for i := range r.Leaves {
		all = append(all, r.Gradient(t, i))
	}
	return all
}

func TestGradientsAgreeWithDifferences(t *testing.T) {
	forEachOp(t, func(t *testing.T, o testOp) {
		gradcheck.Check(t, o.build(tensor.Float64), o.inputs(tensor.Float64)...)
	})
}

func TestFloat32AgreesWithFloat64(t *testing.T) {
	forEach(t, slices.Concat(testOps, largeOps), func(t *testing.T, o testOp) {
		want := pass(t, o.build(tensor.Float64), o.inputs(tensor.Float64)...)
		got := pass(t, o.build(tensor.Float32), o.inputs(tensor.Float32)...)
		for i := range want {
			if j, ok := gradcheck.Close(got[i], want[i], 2e-5); !ok {
				t.Errorf("vector %d, element %d: %v in float32, %v in float64", i, j, got[i][j], want[i][j])
			}
		}
	})
}

func TestInputsStayAsTheyAre(t *testing.T) {
	forEachOp(t, func(t *testing.T, o testOp) {
		in := o.inputs(tensor.Float32)
		pass(t, o.build(tensor.Float32), in...)
		for i, v := range o.inputs(tensor.Float32) {
			if !slices.Equal(in[i].Data().([]float32), v.Data().([]float32)) {
				t.Errorf("input %d has changed", i)
			}
		}
	})
}

func TestGradientsAccumulateOverPasses(t *testing.T) {
	forEachOp(t, func(t *testing.T, o testOp) {
		r := gradcheck.NewRun(t, o.build(tensor.Float64), o.inputs(tensor.Float64)...)
		if err := r.Pass(); err != nil {
			t.Fatal(err)
		}
		first := results(t, r)
		for range 2 {
			if err := r.Pass(); err != nil {
				t.Fatal(err)
			}
		}
		last := results(t, r)
		for i := 1; i < len(first); i++ {
			for j, v := range first[i] {
				first[i][j] = 3 * v
			}
		}
		for i, want := range first {
			if j, ok := gradcheck.Close(last[i], want, 1e-12); !ok {
				t.Errorf("vector %d, element %d: %v after three passes, want %v", i, j, last[i][j], want[j])
			}
		}
	})
}

// Two nodes of one operation on the same inputs must not be merged, nor share buffers.
func TestUsedTwiceInAGraph(t *testing.T) {
	forEachOp(t, func(t *testing.T, o testOp) {
		f := o.build(tensor.Float64)
		once := pass(t, f, o.inputs(tensor.Float64)...)
		twice := pass(t, func(in []*G.Node) (*G.Node, error) {
			a, err := f(in)
			if err != nil {
				return nil, err
			}
			b, err := f(in)
			if err != nil {
				return nil, err
			}
			return G.Add(a, G.Must(G.Mul(b, G.NewConstant(2.0))))
		}, o.inputs(tensor.Float64)...)
		for i, want := range once {
			for j := range want {
				want[j] *= 3
			}
			if j, ok := gradcheck.Close(twice[i], want, 1e-12); !ok {
				t.Errorf("vector %d, element %d: %v, want %v", i, j, twice[i][j], want[j])
			}
		}
	})
}

func TestSameBitsForAnyNumberOfProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	forEach(t, slices.Concat(testOps, largeOps), func(t *testing.T, o testOp) {
		var want [][]float64
		for _, n := range []int{1, 2, 5} {
			runtime.GOMAXPROCS(n)
			got := pass(t, o.build(tensor.Float32), o.inputs(tensor.Float32)...)
			if want == nil {
				want = got
			}
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("vector %d on %d processors differs from that on one", i, n)
				}
			}
		}
	})
}

// Bad values propagate: they neither vanish nor end the process.
func TestBadValuesPropagate(t *testing.T) {
	forEachOp(t, func(t *testing.T, o testOp) {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			in := o.inputs(tensor.Float64)
			for i := range in[0].Data().([]float64) {
				in[0].Data().([]float64)[i] = bad
			}
			y := pass(t, o.build(tensor.Float64), in...)[0]
			if math.IsNaN(bad) && !slices.ContainsFunc(y, math.IsNaN) {
				t.Errorf("NaN in, %v out", y)
			}
		}
	})
}

// Gradients that were not requested are not computed.
func TestNoGradientsBeyondThoseAskedFor(t *testing.T) {
	forEachOp(t, func(t *testing.T, o testOp) {
		in := o.inputs(tensor.Float64)
		if len(in) < 2 {
			t.Skip("one input only")
		}
		want := pass(t, o.build(tensor.Float64), in...)
		g := G.NewGraph()
		var leaves G.Nodes
		for i, v := range in {
			leaves = append(leaves, G.NodeFromAny(g, v, G.WithName(string(rune('a'+i)))))
		}
		y, err := o.build(tensor.Float64)(leaves)
		if err != nil {
			t.Fatal(err)
		}
		weights := G.NodeFromAny(g, gradcheck.Random(99, tensor.Float64, y.Shape()...), G.WithName("weights"))
		last := leaves[len(leaves)-1]
		if _, err := G.Grad(G.Must(G.Sum(G.Must(G.HadamardProd(y, weights)))), last); err != nil {
			t.Fatal(err)
		}
		vm := G.NewTapeMachine(g)
		defer vm.Close()
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		grad, err := last.Grad()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(gradcheck.Floats(grad), want[len(want)-1]) {
			t.Error("the gradient that was asked for is another one than before")
		}
		for _, n := range g.AllNodes() {
			if n.Op() != nil && strings.HasSuffix(n.Op().String(), "GradX") && o.name != "a network" && n.Value().Size() > 1 {
				t.Errorf("%v has been computed", n.Op())
			}
		}
	})
}
