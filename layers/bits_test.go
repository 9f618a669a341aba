package layers_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"hash"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The tests below compare digests with testdata/bits.json, and write them there with -update, which is for a change of a
// definition only. If pathsVariable is set, they include the large networks on every path of the kernels.
var update = flag.Bool("update", false, "write the digests of TestBits, TestBitsGPT and TestBitsSharpness to testdata/bits.json")

const (
	bitsFile      = "testdata/bits.json"
	pathsVariable = "LAYERNOISE_TEST_PATHS"
)

// bitsTraining is a short training whose losses, norms of the noise, weights and running statistics have a pinned digest, on
// any machine and with any number of threads.
type bitsTraining struct {
	name   string
	make   func(layers.Init) *layers.Sequential
	init   layers.Init
	image  []int
	batch  int
	steps  int
	solver func(t *testing.T) G.Solver
	large  bool // not in the short test
}

var bitsTrainings = []bitsTraining{
	{
		name: "mlp1", make: layers.NewMLP1, image: []int{784}, batch: 9, steps: 3,
		solver: sgdBits(optim.WithSelection(optim.Cyclic())),
	}, {
		name: "mlp1, momentum", make: layers.NewMLP1, image: []int{784}, batch: 41, steps: 3, solver: momentumBits(),
	}, {
		name: "small", make: newSmallNet, image: []int{1, 28, 28}, batch: 6, steps: 6,
		init: layers.Init{Seed: 3, Scheme: layers.HeNormal}, solver: adamBits(optim.WithNoise(optim.Rademacher())),
	}, {
		name: "small, float64", make: newSmallNet, image: []int{1, 28, 28}, batch: 6, steps: 6,
		init: layers.Init{Seed: 4, Scheme: layers.GlorotNormal, Dtype: tensor.Float64}, solver: adamBits(optim.WithSelection(optim.All())),
	}, {
		name: "cnn1", make: layers.NewCNN1, image: []int{3, 32, 32}, batch: 5, steps: 3,
		solver: sgdBits(optim.WithScaling(optim.RelativeRMS()), optim.WithSamples(2), optim.WithAntithetic()),
	}, {
		name: "cnn2", make: layers.NewCNN2, image: []int{3, 32, 32}, batch: 2, steps: 2,
		solver: adamBits(optim.WithSelection(optim.Shuffled()), optim.WithSchedule(optim.Cosine(5))),
	}, {
		name: "resnet18", make: forClasses(10, layers.NewResNet18), image: []int{3, 32, 32}, batch: 2, steps: 2, large: true,
		init: layers.Init{Seed: 5, Scheme: layers.HeNormal}, solver: sgdBits(optim.WithSelection(optim.Uniform())),
	}, {
		name: "vgg11", make: forClasses(100, layers.NewVGG11), image: []int{3, 32, 32}, batch: 2, steps: 2, large: true,
		solver: adamBits(optim.WithNoise(optim.UniformNoise()), optim.WithSelection(optim.All())),
	}, {
		name: "vit", make: newSmallViT, image: []int{3, 32, 32}, batch: 4, steps: 3,
		solver: adamBits(optim.WithSelection(optim.Cyclic())),
	}, {
		name: "small, SAM", make: newSmallNet, image: []int{1, 28, 28}, batch: 6, steps: 4,
		init: layers.Init{Seed: 6, Scheme: layers.HeNormal}, solver: samBits(0.1),
	}, {
		name: "small, ASAM by layer", make: newSmallNet, image: []int{1, 28, 28}, batch: 6, steps: 4,
		init: layers.Init{Seed: 6, Scheme: layers.HeNormal}, solver: samBits(0.5, optim.WithAdaptive(0.01), optim.WithSelection(optim.Cyclic())),
	},
}

// newSmallViT has heads smaller than a vector register.
func newSmallViT(init layers.Init) *layers.Sequential {
	t := layers.Transformer{Width: 36, Heads: 3, Depth: 1, Dropout: 0.1, Seed: 8, Separate: true}
	return layers.NewViT(layers.ViTConfig{Transformer: t, Channels: 3, Height: 32, Width: 32, Patch: 4, Classes: 10}, init)
}

// newSmallNet has what the paper's networks lack: smooth activations, average pools, convolutions with a stride and with an
// even kernel, dropout, a residual block.
func newSmallNet(init layers.Init) *layers.Sequential {
	conv := func(name string, in, out, size, stride int) layers.Layer {
		return layers.NewConv2D(name, in, out, layers.ConvConfig{Kernel: layers.Square(size), Stride: layers.Square(stride), Padding: layers.Square(1)}, init)
	}
	return layers.NewSequential(
		conv("conv1", 1, 8, 4, 1), layers.NewBatchNorm("bn1", 8, init), layers.NewGELU(),
		layers.NewAvgPool2D(layers.PoolConfig{Kernel: layers.Square(3), Stride: layers.Square(2)}),
		layers.NewResidual(layers.NewSequential(conv("conv2", 8, 8, 3, 1), layers.NewBatchNorm("bn2", 8, init), layers.NewSiLU()), nil),
		conv("conv3", 8, 20, 3, 2), layers.NewLeakyReLU(0.1), layers.NewDropout(0.3, 7),
		layers.NewMaxPool2D(layers.PoolConfig{Kernel: layers.Square(2)}), layers.NewFlatten(),
		layers.NewDense("fc1", 180, 33, init), layers.NewTanh(),
		layers.NewDense("fc2", 33, 21, init), layers.NewSigmoid(),
		layers.NewDense("fc3", 21, 10, init),
	)
}

func sgdBits(opts ...optim.PerturbOpt) func(*testing.T) G.Solver {
	return func(t *testing.T) G.Solver {
		base, err := optim.NewSGD(0.05, optim.WithMomentum(0.9), optim.WithNesterov(), optim.WithWeightDecay(5e-4))
		if err != nil {
			t.Fatal(err)
		}
		return perturbed(t, base, 0.02, opts...)
	}
}

// momentumBits is SGD in its plainest form, whose steps compute gradients.
func momentumBits() func(*testing.T) G.Solver {
	return func(t *testing.T) G.Solver { return perturbed(t, newMomentum(t), 0.02) }
}

func adamBits(opts ...optim.PerturbOpt) func(*testing.T) G.Solver {
	return func(t *testing.T) G.Solver {
		base, err := optim.NewAdamW(1e-3)
		if err != nil {
			t.Fatal(err)
		}
		return perturbed(t, base, 0.02, opts...)
	}
}

func samBits(rho float64, opts ...optim.SAMOpt) func(*testing.T) G.Solver {
	return func(t *testing.T) G.Solver {
		base, err := optim.NewSGD(0.05, optim.WithMomentum(0.9))
		if err != nil {
			t.Fatal(err)
		}
		s, err := optim.NewSAM(base, rho, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// loader serves drawn digits, or coloured noise images, shifted and mirrored at random.
func (b bitsTraining) loader(t *testing.T) layers.Batches {
	t.Helper()
	data := datasets.Digits(b.batch*b.steps, 1)
	if b.image[0] == 3 {
		shape := datasets.Shape{Channels: 3, Height: 32, Width: 32}
		random := rand.New(rand.NewPCG(1, 2))
		labels, pixels := make([]int, b.batch*b.steps), make([]byte, b.batch*b.steps*shape.Size())
		for i := range pixels {
			pixels[i] = byte(random.Uint32())
		}
		for i := range labels {
			labels[i] = i % 10
		}
		var err error
		if data, err = datasets.New("noise", shape, data.Classes(), pixels, labels); err != nil {
			t.Fatal(err)
		}
	}
	dtype := b.init.Dtype
	if dtype.Type == nil {
		dtype = tensor.Float32
	}
	channels := data.Shape().Channels
	mean, std := []float64{0.4, 0.5, 0.6}[:channels], []float64{0.25, 0.3, 0.2}[:channels]
	loader, err := data.Loader(datasets.LoaderConfig{
		Batch: b.batch, Shuffle: true, Seed: 9, Flat: len(b.image) == 1, Dtype: dtype, Mean: mean, Std: std,
		Augment: datasets.Augmentation{Pad: 3, Flip: true}, Workers: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { loader.Close() })
	return loader
}

// digest trains and returns a hash of the results.
func (b bitsTraining) digest(t *testing.T) string {
	t.Helper()
	net := b.make(b.init)
	model, err := layers.NewClassifier(net, b.batch, b.image...)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	solver := b.solver(t)
	_, err = model.Fit(ctx, b.loader(t), solver, layers.FitConfig{OnStep: func(s layers.Step) error {
		last := solver.(interface{ Last() optim.Injection }).Last()
		hashFloats(h, s.Loss, last.Sigma, last.NoiseNorm, last.RelativeNorm)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Params() {
		if err := binary.Write(h, binary.LittleEndian, p.Value.Data()); err != nil {
			t.Fatal(err)
		}
	}
	metrics, err := model.Evaluate(ctx, b.loader(t))
	if err != nil {
		t.Fatal(err)
	}
	hashFloats(h, metrics.Loss, metrics.Accuracy)
	return digestOf(h)
}

func hashFloats(h hash.Hash, x ...float64) {
	for _, v := range x {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		h.Write(b[:])
	}
}

func digestOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:8]) }

// digests are the pinned digests, by name.
type digests map[string]string

func readDigests(t *testing.T) digests {
	t.Helper()
	if os.Getenv(kernel.ConvVariable) != "" {
		t.Skipf("%s chooses another definition", kernel.ConvVariable)
	}
	data, err := os.ReadFile(bitsFile)
	if err != nil {
		t.Fatal(err)
	}
	var d digests
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// check compares a digest with the pinned one, or pins it.
func (d digests) check(t *testing.T, name, got string) {
	t.Helper()
	if want := d[name]; got != want && !*update {
		t.Errorf("%s with %d threads and kernels of %v: digest %s, want %s", name, runtime.GOMAXPROCS(0), cpu.Best(), got, want)
	}
	if !*update {
		return
	}
	d[name] = got
	data, err := json.MarshalIndent(d, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bitsFile, append(data, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
}

// eachThreads calls f with several numbers of threads: fewer for large networks and slow kernels.
func eachThreads(t *testing.T, large bool, f func()) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	numbers := []int{1, 2, 3, 4, 5, 6, 7, 8}
	switch plain := cpu.Best() == cpu.Plain; {
	case *update:
		numbers = []int{1}
	case large && plain:
		numbers = []int{2}
	case testing.Short() || large || plain:
		numbers = []int{1, 3}
	}
	for _, threads := range numbers {
		runtime.GOMAXPROCS(threads)
		f()
	}
}

// TestBits pins trainings to the bit, with any number of threads.
func TestBits(t *testing.T) {
	pinned := readDigests(t)
	t.Logf("%s/%s, kernels of %v", runtime.GOOS, runtime.GOARCH, cpu.Best())
	for _, b := range bitsTrainings {
		t.Run(b.name, func(t *testing.T) {
			if b.large && testing.Short() {
				t.Skip("a large network")
			}
			eachThreads(t, b.large, func() { pinned.check(t, b.name, b.digest(t)) })
			t.Log("digest", pinned[b.name])
		})
	}
}

// TestBitsGPT pins trainings of a GPT on sequences longer than a block of its attention.
func TestBitsGPT(t *testing.T) {
	pinned := readDigests(t)
	for name, init := range map[string]layers.Init{"gpt": {Seed: 7}, "gpt, float64": {Seed: 8, Dtype: tensor.Float64}} {
		t.Run(name, func(t *testing.T) {
			eachThreads(t, false, func() { pinned.check(t, name, gptDigest(t, init)) })
			t.Log("digest", pinned[name])
		})
	}
}

// gptDigest is digest for a GPT.
func gptDigest(t *testing.T, init layers.Init) string {
	t.Helper()
	c := layers.GPTConfig{Transformer: layers.Transformer{Width: 36, Heads: 3, Depth: 2, Dropout: 0.1, Seed: 5}, Vocabulary: 37, Context: 80}
	net := layers.NewGPT(c, init)
	l := newLanguage(t, net, layers.Training, 3, 75, 37)
	solver := adamBits(optim.WithSelection(optim.Shuffled()))(t).(*optim.PerturbedSolver)
	vm, err := solver.Guard(l.vm, l.learnables...)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for range 3 {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
		hashFloats(h, floats(l.logits)...)
		if err := solver.Step(G.NodesToValueGrads(l.learnables)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range net.Params() {
		hashFloats(h, floats(p.Value)...)
	}
	return digestOf(h)
}

// TestBitsSharpness pins a Hessian trace.
func TestBitsSharpness(t *testing.T) {
	pinned := readDigests(t)
	eachThreads(t, false, func() {
		g := G.NewGraph()
		net := newSmallNet(layers.Init{Seed: 1})
		random := rand.New(rand.NewPCG(3, 4))
		images := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, 1, 28, 28))
		fill(images, random.Float64)
		b := layers.NewBuilder(g, layers.Evaluation)
		logits, err := net.Forward(b, G.NodeFromAny(g, images, G.WithName("x")))
		if err != nil {
			t.Fatal(err)
		}
		labels := G.NodeFromAny(g, tensor.New(tensor.WithBacking([]int{3, 1, 4, 1})), G.WithName("labels"))
		cost, err := graph.CrossEntropy(logits, labels)
		if err != nil {
			t.Fatal(err)
		}
		params, err := b.Learnables(net)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := G.Grad(cost, params...); err != nil {
			t.Fatal(err)
		}
		vm := G.NewTapeMachine(g, G.BindDualValues(params...))
		defer vm.Close()
		trace, err := optim.HessianTrace(vm, optim.TraceConfig{Probes: 3}, params...)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		hashFloats(h, trace.Mean, trace.StdErr)
		pinned.check(t, "sharpness", digestOf(h))
	})
}

// TestBitsOnEveryPath runs the tests above with the kernels of every other instruction set that the processor has, each in
// its own process, since the choice is made at start-up.
func TestBitsOnEveryPath(t *testing.T) {
	if os.Getenv(cpu.Variable) != "" || *update {
		t.Skip("one path is asked for")
	}
	paths := map[string][]cpu.Level{"amd64": {cpu.Plain, cpu.AVX2, cpu.AVX512}, "arm64": {cpu.Plain, cpu.NEON}}[runtime.GOARCH]
	for _, level := range paths {
		if level >= cpu.Best() {
			continue
		}
		t.Run(level.String(), func(t *testing.T) {
			args := []string{"-test.run=^TestBits(Sharpness|GPT)?$", "-test.v"}
			if testing.Short() || os.Getenv(pathsVariable) == "" {
				args = append(args, "-test.short")
			}
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%v", cpu.Variable, level))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

// TestBitsOperations lists Gorgonia's operations in the training graphs of the networks: the few that remain round once per
// element, so they cannot differ between machines.
func TestBitsOperations(t *testing.T) {
	for _, b := range bitsTrainings {
		if b.large && testing.Short() {
			continue
		}
		g := G.NewGraph()
		net := b.make(b.init)
		dtype := net.Params()[0].Value.Dtype()
		builder := layers.NewBuilder(g, layers.Training)
		x := G.NewTensor(g, dtype, 1+len(b.image), G.WithShape(append([]int{b.batch}, b.image...)...), G.WithName("x"))
		logits, err := net.Forward(builder, x)
		if err != nil {
			t.Fatal(err)
		}
		cost, err := graph.CrossEntropy(logits, G.NewVector(g, tensor.Int, G.WithShape(b.batch), G.WithName("labels")))
		if err != nil {
			t.Fatal(err)
		}
		params, err := builder.Learnables(net)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := G.Grad(cost, params...); err != nil {
			t.Fatal(err)
		}
		for _, n := range g.AllNodes() {
			op := n.Op()
			if op == nil || strings.HasPrefix(fmt.Sprintf("%T", op), "*graph.op[") {
				continue
			}
			if name := op.String(); !strings.HasPrefix(name, "+ ") && name != "const 1" {
				t.Errorf("%s: operation %v of type %T", b.name, op, op)
			}
		}
	}
}
