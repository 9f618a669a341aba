package optim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// trainer is a network on one batch, ready to step.
type trainer struct {
	vm     G.VM
	solver G.Solver
	model  []G.ValueGrad
}

func (t *trainer) step(b *testing.B) {
	if err := t.vm.RunAll(); err != nil {
		b.Fatal(err)
	}
	if err := t.solver.Step(t.model); err != nil {
		b.Fatal(err)
	}
	t.vm.Reset()
}

// newTrainer builds net's training graph for batches of the given shape, with SGD as in PyTorch's examples, wrapped by wrap;
// with nil for wrap, SGD alone.
func newTrainer(b *testing.B, net layers.Layer, wrap func(base G.Solver) (wrapper, error), shape ...int) *trainer {
	b.Helper()
	fail := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	g := G.NewGraph()
	pixels := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(tensor.Random(tensor.Float32, tensor.Shape(shape).TotalSize())))
	classes := make([]int, shape[0])
	for i := range classes {
		classes[i] = i % 10
	}
	x := G.NewTensor(g, tensor.Float32, len(shape), G.WithName("x"), G.WithValue(pixels))
	y := G.NewVector(g, tensor.Int, G.WithName("y"), G.WithValue(tensor.New(tensor.WithBacking(classes))))
	builder := layers.NewBuilder(g, layers.Training)
	logits, err := net.Forward(builder, x)
	fail(err)
	cost, err := graph.CrossEntropy(logits, y)
	fail(err)
	learnables, err := builder.Learnables(net)
	fail(err)
	_, err = G.Grad(cost, learnables...)
	fail(err)
	base, err := optim.NewSGD(0.01, optim.WithMomentum(0.9), optim.WithWeightDecay(5e-4))
	fail(err)
	t := &trainer{vm: G.NewTapeMachine(g, G.BindDualValues(learnables...)), solver: base, model: G.NodesToValueGrads(learnables)}
	if wrap != nil {
		noisy, err := wrap(base)
		fail(err)
		t.vm, err = noisy.Guard(t.vm, learnables...)
		fail(err)
		t.solver = noisy
	}
	return t
}

// BenchmarkSolver measures what noise costs: ms/step of the noisy training, and its ratio to the same training without
// noise. An iteration is a cycle in which each tensor takes noise once. The two trainings alternate step by step, in
// changing order, and the ratio is the median over the cycles, so that it holds on a machine whose speed drifts. For one
// core set GOMAXPROCS=1.
func BenchmarkSolver(b *testing.B) {
	nets := []struct {
		name  string
		make  func(layers.Init) *layers.Sequential
		shape []int
	}{
		{"mlp1", layers.NewMLP1, []int{128, 784}},
		{"mlp2", layers.NewMLP2, []int{128, 784}},
		{"mlp3", layers.NewMLP3, []int{128, 784}},
		{"cnn2", layers.NewCNN2, []int{128, 3, 32, 32}},
	}
	noise := func(selection optim.Selection) func(G.Solver) (wrapper, error) {
		return func(base G.Solver) (wrapper, error) {
			return optim.NewPerturbedSolver(base, 0.01, optim.WithSelection(selection))
		}
	}
	modes := map[string]func(G.Solver) (wrapper, error){
		"layer": noise(optim.Cyclic()),
		"all":   noise(optim.All()),
		"SAM":   func(base G.Solver) (wrapper, error) { return optim.NewSAM(base, 0.05) },
		"ASAM":  func(base G.Solver) (wrapper, error) { return optim.NewSAM(base, 0.5, optim.WithAdaptive(0.01)) },
	}
	for _, net := range nets {
		for _, mode := range []string{"layer", "all", "SAM", "ASAM"} {
			b.Run(fmt.Sprintf("%s/%s", net.name, mode), func(b *testing.B) {
				base := newTrainer(b, net.make(layers.Init{Seed: 1}), nil, net.shape...)
				noisy := newTrainer(b, net.make(layers.Init{Seed: 1}), modes[mode], net.shape...)
				cycle := len(noisy.model)
				for range 3 {
					base.step(b)
					noisy.step(b)
				}
				var ratios []float64
				var total time.Duration
				for b.Loop() {
					var spent [2]time.Duration // without noise and with it
					for i := range cycle {
						first := (i + len(ratios)) % 2
						for _, which := range []int{first, 1 - first} {
							started := time.Now()
							[]*trainer{base, noisy}[which].step(b)
							spent[which] += time.Since(started)
						}
					}
					ratios = append(ratios, float64(spent[1])/float64(spent[0]))
					total += spent[1]
				}
				slices.Sort(ratios)
				b.ReportMetric(0, "ns/op") // meaningless: an iteration is a cycle of both
				b.ReportMetric(float64(total.Nanoseconds())/1e6/float64(b.N*cycle), "ms/step")
				n := len(ratios)
				b.ReportMetric((ratios[(n-1)/2]+ratios[n/2])/2, "ratio")
			})
		}
	}
}
