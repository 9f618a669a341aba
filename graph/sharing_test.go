package graph_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	"github.com/layernoise/layernoise/internal/race"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// weights are the parameters of a small network, and its running statistics.
type weights struct{ filter, scale, shift, mean, variance, w, b *tensor.Dense }

func newWeights() weights {
	r := func(seed uint64, shape ...int) *tensor.Dense {
		return gradcheck.Random(seed, tensor.Float32, shape...)
	}
	return weights{r(1, 8, 3, 3, 3), r(2, 8), r(3, 8), filled(tensor.Float32, 0, 8), filled(tensor.Float32, 1, 8), r(4, 5, 8*4*4), r(5, 5)}
}

// model is the network in a graph of its own, for a batch of n images of 8x8.
type model struct {
	vm         G.VM
	learnables G.Nodes
	logits     G.Value
}

func newModel(t testing.TB, p weights, n int, training bool) *model {
	t.Helper()
	g := G.NewGraph()
	m := new(model)
	param := func(v *tensor.Dense, name string) *G.Node {
		node := G.NodeFromAny(g, v, G.WithName(name))
		m.learnables = append(m.learnables, node)
		return node
	}
	x := G.NodeFromAny(g, gradcheck.Random(9, tensor.Float32, n, 3, 8, 8), G.WithName("x"))
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i % 5
	}
	h := G.Must(graph.Conv2D(x, param(p.filter, "filter"), nil, graph.ConvConfig{Padding: [2]int{1, 1}}))
	h = G.Must(graph.BatchNorm(h, param(p.scale, "scale"), param(p.shift, "shift"),
		graph.BatchNormConfig{Mean: p.mean, Var: p.variance, Training: training, ReLU: true}))
	h = G.Must(graph.Flatten(G.Must(graph.MaxPool2D(h, graph.PoolConfig{Kernel: [2]int{2, 2}}))))
	if training {
		h = G.Must(graph.Dropout(h, 0.25, graph.DropoutConfig{Seed: 1}))
	}
	logits := G.Must(graph.Dense(h, param(p.w, "w"), param(p.b, "b")))
	G.Read(logits, &m.logits)
	if !training {
		m.vm = G.NewTapeMachine(g)
		t.Cleanup(func() { m.vm.Close() })
		return m
	}
	cost := G.Must(graph.CrossEntropy(logits, G.NodeFromAny(g, tensor.New(tensor.WithBacking(labels)), G.WithName("labels"))))
	if _, err := G.Grad(cost, m.learnables...); err != nil {
		t.Fatal(err)
	}
	m.vm = G.NewTapeMachine(g, G.BindDualValues(m.learnables...))
	t.Cleanup(func() { m.vm.Close() })
	return m
}

func (m *model) run(t testing.TB) {
	if err := m.vm.RunAll(); err != nil {
		t.Error(err)
	}
	m.vm.Reset()
}

// step runs the model and changes the weights by its gradients.
func (m *model) step(t testing.TB, solver G.Solver) {
	m.run(t)
	if err := solver.Step(G.NodesToValueGrads(m.learnables)); err != nil {
		t.Error(err)
	}
}

func TestTwoGraphsShareTensors(t *testing.T) {
	p := newWeights()
	train, eval := newModel(t, p, 10, true), newModel(t, p, 3, false)
	eval.run(t)
	before := gradcheck.Floats(eval.logits)
	eval.run(t)
	if !slices.Equal(before, gradcheck.Floats(eval.logits)) {
		t.Error("two evaluations differ")
	}
	mean := slices.Clone(p.mean.Data().([]float32))
	eval.run(t)
	if !slices.Equal(mean, p.mean.Data().([]float32)) {
		t.Error("an evaluation has changed the running mean")
	}
	train.step(t, G.NewVanillaSolver())
	if slices.Equal(mean, p.mean.Data().([]float32)) {
		t.Error("training has not changed the running mean")
	}
	eval.run(t)
	if slices.Equal(before, gradcheck.Floats(eval.logits)) {
		t.Error("the evaluation does not see the step")
	}
}

// Two models that train concurrently reach the weights that each reaches alone.
func TestModelsTrainAtOnce(t *testing.T) {
	train := func(p weights) {
		m, solver := newModel(t, p, 10, true), G.NewVanillaSolver()
		for range 5 {
			m.step(t, solver)
		}
	}
	alone := newWeights()
	train(alone)
	var wg sync.WaitGroup
	all := []weights{newWeights(), newWeights(), newWeights()}
	for _, p := range all {
		wg.Go(func() { train(p) })
	}
	wg.Wait()
	for i, p := range all {
		if !slices.Equal(p.w.Data().([]float32), alone.w.Data().([]float32)) {
			t.Errorf("model %d has other weights than one that trained alone", i)
		}
	}
}

// TestStepsDoNotAllocate expects a step in the steady state to allocate what Gorgonia's machine does and no buffers: the
// same number of bytes for any batch size. The smallest buffer, that of the logits, has 5 numbers per example.
func TestStepsDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates, too")
	}
	allocated := func(batch int) int {
		m, solver := newModel(t, newWeights(), batch, true), G.NewVanillaSolver()
		for range 3 {
			m.step(t, solver)
		}
		const steps = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range steps {
			m.step(t, solver)
		}
		runtime.ReadMemStats(&after)
		return int(after.TotalAlloc-before.TotalAlloc) / steps
	}
	small, large := allocated(64), allocated(128)
	if grew, logits := large-small, 64*5*4; grew > logits/2 {
		t.Errorf("%d bytes a step with a batch of 64, %d with 128", small, large)
	}
}
