package layers_test

import (
	"testing"
	"time"

	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// repeated serves one batch for as long as a benchmark runs. The first steps are not timed: they allocate the memory of the
// graph and, tensor by tensor, that of the noise. It also reports the processor time per step, which other programs on the
// machine disturb less.
type repeated struct {
	b      *testing.B
	images *tensor.Dense
	labels []int
	warm   int // steps before the timing
	given  int
	cpu    time.Duration // of the process when the timing began
}

func (r *repeated) Start(int) error       { return nil }
func (r *repeated) Images() *tensor.Dense { return r.images }
func (r *repeated) Labels() []int         { return r.labels }
func (r *repeated) Err() error            { return nil }
func (r *repeated) Len() int              { return r.b.N }

func (r *repeated) Next() bool {
	if r.given++; r.given <= r.warm {
		return true
	}
	if r.given == r.warm+1 {
		r.cpu = cpuTime()
	}
	if r.b.Loop() {
		return true
	}
	r.b.ReportMetric(1e3*(cpuTime()-r.cpu).Seconds()/float64(r.given-r.warm-1), "cpu-ms/op")
	return false
}

// BenchmarkStep measures a training step of each network, noise, forward and backward pass, restoring and SGD with momentum
// 0.9 and weight decay 5e-4, on batches of 128 (the residual networks: 32); of the transformers with Adam, a ViT on 32
// images and a GPT on 16 sequences of 64.
func BenchmarkStep(b *testing.B) {
	for _, n := range networks {
		batch := 128
		solver := newSolver
		switch n.name {
		case "resnet18", "resnet34":
			batch = 32
		case "vit", "vit_token":
			batch, solver = 32, newNoisyAdam
		}
		for _, noise := range []string{"none", "layer", "all"} {
			b.Run(n.name+"/"+noise, func(b *testing.B) { benchmarkStep(b, n, batch, solver(b, noise)) })
		}
	}
	for _, noise := range []string{"none", "layer", "all"} {
		b.Run("gpt/"+noise, func(b *testing.B) { benchmarkGPT(b, newNoisyAdam(b, noise)) })
	}
}

// benchmarkGPT measures a training step of a GPT on 16 sequences.
func benchmarkGPT(b *testing.B, solver G.Solver) {
	c := layers.GPTConfig{Transformer: layers.Transformer{Width: 128, Heads: 4, Depth: 4}, Vocabulary: 98, Context: 64, Untied: true}
	net := layers.NewGPT(c, layers.Init{Seed: 1})
	l := newLanguage(b, net, layers.Training, 16, 64, 98)
	vm, model := l.vm, G.NodesToValueGrads(l.learnables)
	if s, ok := solver.(*optim.PerturbedSolver); ok {
		var err error
		if vm, err = s.Guard(vm, l.learnables...); err != nil {
			b.Fatal(err)
		}
	}
	step := func() {
		if err := vm.RunAll(); err != nil {
			b.Fatal(err)
		}
		if err := solver.Step(model); err != nil {
			b.Fatal(err)
		}
		vm.Reset()
	}
	for range len(l.learnables) {
		step()
	}
	b.ReportAllocs()
	cpu := cpuTime()
	b.ResetTimer()
	for b.Loop() {
		step()
	}
	b.ReportMetric(1e3*(cpuTime()-cpu).Seconds()/float64(b.N), "cpu-ms/op")
}

func benchmarkStep(b *testing.B, n network, batch int, solver G.Solver) {
	model, err := layers.NewClassifier(n.make(layers.Init{Seed: 1}), batch, n.image...)
	if err != nil {
		b.Fatal(err)
	}
	images := random(1, tensor.Float32, append([]int{batch}, n.image...)...)
	labels := make([]int, batch)
	for i := range labels {
		labels[i] = i % n.classes
	}
	warm := 2
	if !n.large() {
		warm = n.tensors
	}
	b.ReportAllocs()
	if _, err := model.Fit(ctx, &repeated{b: b, images: images, labels: labels, warm: warm}, solver, layers.FitConfig{}); err != nil {
		b.Fatal(err)
	}
}

// newSolver makes the benchmarks' SGD, with noise.
func newSolver(tb testing.TB, noise string) G.Solver {
	tb.Helper()
	sgd, err := optim.NewSGD(0.01, optim.WithMomentum(0.9), optim.WithWeightDecay(5e-4))
	if err != nil {
		tb.Fatal(err)
	}
	return withNoise(tb, sgd, noise)
}

// newNoisyAdam makes Adam, for the transformers, with noise.
func newNoisyAdam(tb testing.TB, noise string) G.Solver {
	tb.Helper()
	adam, err := optim.NewAdam(1e-3)
	if err != nil {
		tb.Fatal(err)
	}
	return withNoise(tb, adam, noise)
}

// withNoise adds noise to a solver.
func withNoise(tb testing.TB, base G.Solver, noise string) G.Solver {
	tb.Helper()
	if noise == "none" {
		return base
	}
	selection := optim.Cyclic()
	if noise == "all" {
		selection = optim.All()
	}
	solver, err := optim.NewPerturbedSolver(base, 0.03, optim.WithSelection(selection))
	if err != nil {
		tb.Fatal(err)
	}
	return solver
}
