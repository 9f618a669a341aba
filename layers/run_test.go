package layers_test

import (
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// run is a layer in its own graph, with the cost sum(output * upstream).
type run struct {
	b          *layers.Builder
	x          *G.Node
	learnables G.Nodes // x, unless it holds tokens, and the parameters
	output     G.Value
	cost       G.Value
	vm         G.VM
}

// newRun builds the layer on x, with the gradients of the cost with respect to x and the parameters.
func newRun(t testing.TB, l layers.Layer, mode layers.Mode, x *tensor.Dense, upstream func(shape tensor.Shape) *tensor.Dense) *run {
	t.Helper()
	g := G.NewGraph()
	r := &run{b: layers.NewBuilder(g, mode), x: G.NodeFromAny(g, x, G.WithName("x"))}
	y, err := l.Forward(r.b, r.x)
	if err != nil {
		t.Fatal(err)
	}
	weights := G.NodeFromAny(g, upstream(y.Shape()), G.WithName("upstream"))
	cost := G.Must(G.Sum(G.Must(G.HadamardProd(y, weights))))
	G.Read(y, &r.output)
	G.Read(cost, &r.cost)
	params, err := r.b.Learnables(l)
	if err != nil {
		t.Fatal(err)
	}
	if r.learnables = params; x.Dtype() != tensor.Int {
		r.learnables = append(G.Nodes{r.x}, params...)
	}
	if _, err := G.Grad(cost, r.learnables...); err != nil {
		t.Fatal(err)
	}
	r.vm = G.NewTapeMachine(g, G.BindDualValues(r.learnables...))
	return r
}

// pass runs the graph once and returns a copy of the output.
func (r *run) pass(t testing.TB) []float64 {
	t.Helper()
	if err := r.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	r.vm.Reset()
	return floats(r.output)
}

// grads returns copies of the gradients of the learnables, by name.
func (r *run) grads(t testing.TB) map[string][]float64 {
	t.Helper()
	grads := make(map[string][]float64)
	for _, n := range r.learnables {
		grad, err := n.Grad()
		if err != nil {
			t.Fatalf("%s: %v", n.Name(), err)
		}
		grads[n.Name()] = floats(grad)
	}
	return grads
}

// floats returns a copy of the elements of a value in float64.
func floats(v G.Value) []float64 {
	switch data := v.Data().(type) {
	case []float32:
		f := make([]float64, len(data))
		for i := range data {
			f[i] = float64(data[i])
		}
		return f
	case []float64:
		return append([]float64(nil), data...)
	case float32:
		return []float64{float64(data)}
	}
	return []float64{v.Data().(float64)}
}

// values returns copies of the layer's parameters and running statistics, by name.
func values(l layers.Layer) map[string][]float64 {
	v := make(map[string][]float64)
	for _, p := range l.Params() {
		v[p.Name] = floats(p.Value)
	}
	return v
}

// random returns a tensor of standard normal numbers that are a function of seed and shape.
func random(seed uint64, dtype tensor.Dtype, shape ...int) *tensor.Dense {
	r := rand.New(rand.NewPCG(seed, uint64(tensor.Shape(shape).TotalSize())))
	t := tensor.New(tensor.Of(dtype), tensor.WithShape(shape...))
	fill(t, r.NormFloat64)
	return t
}

// fill sets each element of t to the result of next.
func fill(t *tensor.Dense, next func() float64) {
	switch data := t.Data().(type) {
	case []float32:
		for i := range data {
			data[i] = float32(next())
		}
	case []float64:
		for i := range data {
			data[i] = next()
		}
	}
}

// set copies numbers into a tensor.
func set(t *tensor.Dense, v []float64) {
	i := -1
	fill(t, func() float64 { i++; return v[i] })
}
