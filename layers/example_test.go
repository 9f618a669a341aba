package layers_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// must stops an example at an error.
func must(errs ...error) {
	for _, err := range errs {
		if err != nil {
			log.Fatal(err)
		}
	}
}

// From images to a network that is trained with layer-wise noise and evaluated on other images.
func ExampleClassifier() {
	ctx := context.Background()
	train, err1 := datasets.Digits(2000, 1).Loader(datasets.LoaderConfig{Batch: 100, Shuffle: true, Seed: 1})
	test, err2 := datasets.Digits(500, 2).Loader(datasets.LoaderConfig{Batch: 100})
	model, err3 := layers.NewClassifier(layers.NewMLP(layers.Init{Seed: 1}, 784, 100, 10), 100, 784)
	sgd, err4 := optim.NewSGD(0.05, optim.WithMomentum(0.9))
	solver, err5 := optim.NewPerturbedSolver(sgd, 0.01)
	must(err1, err2, err3, err4, err5)
	_, err1 = model.Fit(ctx, train, solver, layers.FitConfig{Epochs: 5})
	result, err2 := model.Evaluate(ctx, test)
	must(err1, err2)
	fmt.Println(result.Images, "images, more than 80% right:", result.Accuracy > 0.8)
	// Output: 500 images, more than 80% right: true
}

func ExampleSequential() {
	init := layers.Init{Seed: 1}
	net := layers.NewSequential(
		layers.NewConv2D("conv1", 3, 8, layers.ConvConfig{Kernel: layers.Square(3), Padding: layers.Square(1)}, init),
		layers.NewBatchNorm("bn1", 8, init),
		layers.NewReLU(),
		layers.NewGlobalAvgPool(),
		layers.NewDense("fc", 8, 10, init),
	)
	for _, p := range net.Params() {
		fmt.Println(p.Name, p.Value.Shape())
	}
	fmt.Println(layers.NumParams(net), "parameters")
	// Output:
	// conv1.weight (8, 3, 3, 3)
	// conv1.bias (8)
	// bn1.weight (8)
	// bn1.bias (8)
	// bn1.running_mean (8)
	// bn1.running_var (8)
	// fc.weight (10, 8)
	// fc.bias (10)
	// 330 parameters
}

// One layer in a training graph and in an evaluation graph with another batch size.
func ExampleBuilder() {
	net := layers.NewMLP1(layers.Init{Seed: 1})
	for _, mode := range []layers.Mode{layers.Training, layers.Evaluation} {
		batch := 128
		if mode == layers.Evaluation {
			batch = 1000
		}
		g := G.NewGraph()
		x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 784))
		b := layers.NewBuilder(g, mode)
		logits, err := net.Forward(b, x)
		must(err)
		learnables, err := b.Learnables(net)
		must(err)
		fmt.Println(logits.Shape(), len(learnables))
	}
	// Output:
	// (128, 10) 8
	// (1000, 10) 8
}

func ExampleNewDense() {
	fc := layers.NewDense("fc", 784, 10, layers.Init{Seed: 1, Scheme: layers.GlorotUniform})
	fmt.Println(fc.Err(), layers.NumParams(fc))
	fmt.Println(layers.NewDense("fc", 0, 10, layers.Init{}).Err())
	// Output:
	// <nil> 7850
	// layers: fc.weight [10 0], want sizes of at least 1: shape or element type does not fit
}

func ExampleNewResidual() {
	init := layers.Init{Seed: 1}
	kernel := layers.ConvConfig{Kernel: layers.Square(3), Padding: layers.Square(1), NoBias: true}
	block := layers.NewSequential(
		layers.NewResidual(layers.NewSequential(
			layers.NewConv2D("conv1", 64, 64, kernel, init), layers.NewBatchNorm("bn1", 64, init), layers.NewReLU(),
			layers.NewConv2D("conv2", 64, 64, kernel, init), layers.NewBatchNorm("bn2", 64, init),
		), nil),
		layers.NewReLU(), // fused with the addition
	)
	fmt.Println(block.Err(), layers.NumParams(block))
	// Output: <nil> 73984
}

func ExampleLanguageModel() {
	text, err := datasets.Characters("rhyme", strings.Repeat("row, row, row your boat, gently down the stream. ", 20))
	must(err)
	sequences, err := text.Sequences(16)
	must(err)
	train, err := sequences.Loader(datasets.SequenceConfig{Batch: 8, Shuffle: true, Seed: 1})
	must(err)
	gpt := layers.GPTConfig{Transformer: layers.Transformer{Width: 16, Heads: 2, Depth: 1}, Vocabulary: text.Vocabulary().Size(), Context: 16}
	model, err := layers.NewLanguageModel(layers.NewGPT(gpt, layers.Init{Seed: 1}), 8, 16)
	must(err)
	adam, err := optim.NewAdamW(0.02)
	must(err)
	solver, err := optim.NewPerturbedSolver(adam, 0.01)
	must(err)
	_, err = model.Fit(context.Background(), train, solver, layers.FitConfig{Epochs: 20, ClipNorm: 1})
	must(err)
	metrics, err := model.Evaluate(context.Background(), train)
	must(err)
	fmt.Printf("perplexity %.2f over %d characters\n", metrics.Perplexity(), metrics.Tokens)
	prompt, err := text.Vocabulary().Encode("row, ")
	must(err)
	ids, err := model.Sample(ctx, prompt, 40, layers.SampleConfig{TopK: 1})
	must(err)
	sample, err := text.Vocabulary().Decode(ids)
	must(err)
	fmt.Println(sample)
	// Output:
	// perplexity 1.20 over 979 characters
	// row your boat, gently down the stream. r
}

// Weights are saved to a file that NumPy and PyTorch read, and loaded into another network with the same layers.
func ExampleSave() {
	dir, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "weights.npz")

	net := layers.NewMLP(layers.Init{Seed: 1}, 4, 3, 2)
	must(layers.Save(file, net))

	other := layers.NewMLP(layers.Init{Seed: 2}, 4, 3, 2)
	must(layers.Load(file, other))
	fmt.Println(net.Params()[0].Value.Data().([]float32)[0] == other.Params()[0].Value.Data().([]float32)[0])
	// Output: true
}

// A file with other shapes is an error, and the network is unchanged.
func ExampleLoad() {
	dir, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "weights.npz")
	must(layers.Save(file, layers.NewMLP(layers.Init{Seed: 1}, 4, 3, 2)))

	err = layers.Load(file, layers.NewMLP(layers.Init{Seed: 1}, 4, 5, 2))
	fmt.Println(errors.Is(err, layers.ErrParams))
	// Output: true
}

// A training interrupted after three steps continues from its checkpoint, here or in another process, and ends with the same
// bits as without the interruption.
func ExampleClassifier_Fit_resume() {
	dir, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(dir)

	fit := func(checkpoint string, onStep func(layers.Step) error) (layers.Layer, error) {
		net := layers.NewMLP(layers.Init{Seed: 1}, 784, 10, 10)
		model, err1 := layers.NewClassifier(net, 20, 784)
		batches, err2 := datasets.Digits(100, 1).Loader(datasets.LoaderConfig{Batch: 20, Shuffle: true, Seed: 1})
		sgd, err3 := optim.NewSGD(0.1, optim.WithMomentum(0.9))
		solver, err4 := optim.NewPerturbedSolver(sgd, 0.05, optim.WithSeed(1))
		must(err1, err2, err3, err4)
		_, err := model.Fit(context.Background(), batches, solver, layers.FitConfig{
			Epochs: 2, Checkpoint: checkpoint, CheckpointEvery: 1, Resume: true, OnStep: onStep,
		})
		return net, err
	}

	file := filepath.Join(dir, "training.checkpoint")
	_, err = fit(file, func(s layers.Step) error {
		if s.Number == 3 {
			return errors.New("the power fails")
		}
		return nil
	})
	fmt.Println(err)
	resumed, err := fit(file, nil)
	must(err)
	whole, err := fit(filepath.Join(dir, "other.checkpoint"), nil)
	must(err)
	for i, p := range resumed.Params() {
		fmt.Println(p, p.Value.Eq(whole.Params()[i].Value))
	}
	// Output:
	// the power fails
	// fc1.weight (10, 784) true
	// fc1.bias (10) true
	// fc2.weight (10, 10) true
	// fc2.bias (10) true
}

// Predict returns the classes of any number of images.
func ExampleClassifier_Predict() {
	ctx := context.Background()
	digits := datasets.Digits(1000, 1)
	train, err1 := digits.Loader(datasets.LoaderConfig{Batch: 50, Shuffle: true, Seed: 1})
	model, err2 := layers.NewClassifier(layers.NewMLP(layers.Init{Seed: 1}, 784, 50, 10), 50, 784)
	sgd, err3 := optim.NewSGD(0.05, optim.WithMomentum(0.9))
	must(err1, err2, err3)
	_, err := model.Fit(ctx, train, sgd, layers.FitConfig{Epochs: 5})
	must(err)

	some, err := datasets.Digits(8, 2).Loader(datasets.LoaderConfig{Batch: 8})
	must(err)
	must(some.Start(0))
	some.Next()
	classes, err := model.Predict(ctx, some.Images())
	must(err)
	fmt.Println("named", classes)
	fmt.Println("are  ", some.Labels())
	// Output:
	// named [0 1 2 3 4 3 6 7]
	// are   [0 1 2 3 4 5 6 7]
}

// A function without parameters is a layer: here the square of each element.
func ExampleNewFunc() {
	square := layers.NewFunc("square", func(x *G.Node) (*G.Node, error) { return G.Square(x) })
	net := layers.NewSequential(layers.NewDense("fc1", 4, 3, layers.Init{}), square, layers.NewDense("fc2", 3, 2, layers.Init{}))
	fmt.Println(net)
	// Output:
	// layer      parameters  tensors
	// Dense fc1          15  weight, bias
	// square
	// Dense fc2           8  weight, bias
	// 23 parameters; noise takes turns over 4 tensors, or by layer over 2 groups
}

// scale is a custom layer: y = x * s, with a number for each column.
type scale struct{ s *layers.Param }

func newScale(name string, width int) *scale {
	ones := make([]float32, width)
	for i := range ones {
		ones[i] = 1
	}
	return &scale{&layers.Param{Name: name + ".scale", Value: tensor.New(tensor.WithShape(width), tensor.WithBacking(ones))}}
}

func (l *scale) Params() []*layers.Param { return []*layers.Param{l.s} }

func (l *scale) Forward(b *layers.Builder, x *G.Node) (*G.Node, error) {
	s, err := b.Node(l.s)
	if err != nil {
		return nil, err
	}
	return G.BroadcastHadamardProd(x, s, nil, []byte{0})
}

// Any type with Params and Forward is a layer. It is trained, perturbed and saved like those of this package.
func ExampleLayer() {
	net := layers.NewSequential(
		layers.NewDense("fc1", 784, 20, layers.Init{Seed: 1}), newScale("own", 20), layers.NewReLU(),
		layers.NewDense("fc2", 20, 10, layers.Init{Seed: 1}))
	fmt.Println(net)
	model, err1 := layers.NewClassifier(net, 50, 784)
	train, err2 := datasets.Digits(200, 1).Loader(datasets.LoaderConfig{Batch: 50, Shuffle: true, Seed: 1})
	sgd, err3 := optim.NewSGD(0.05)
	solver, err4 := optim.NewPerturbedSolver(sgd, 0.02)
	must(err1, err2, err3, err4)
	_, err := model.Fit(context.Background(), train, solver, layers.FitConfig{OnStep: func(s layers.Step) error {
		if s.Number == 2 {
			fmt.Println(solver.Last().Layers)
		}
		return nil
	}})
	must(err)
	// Output:
	// layer      parameters  tensors
	// Dense fc1      15,700  weight, bias
	// scale own          20  scale
	// ReLU
	// Dense fc2         210  weight, bias
	// 15,930 parameters; noise takes turns over 5 tensors, or by layer over 3 groups
	// [own.scale]
}

// graph.UseBLAS makes Gorgonia's own operations, for example in a custom layer, use this module's matrix products.
func Example_useBLAS() {
	graph.UseBLAS()
	net := layers.NewFunc("times itself", func(x *G.Node) (*G.Node, error) { return G.Mul(x, x) })
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float32, G.WithShape(2, 2), G.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 1, 0, 1}))))
	y, err := net.Forward(layers.NewBuilder(g, layers.Evaluation), x)
	must(err)
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	must(vm.RunAll())
	fmt.Println(y.Value())
	// Output:
	// ⎡1  2⎤
	// ⎣0  1⎦
}

// The layers of a network, the shapes of their results, and the tensors that take noise.
func ExampleSummary() {
	init := layers.Init{Seed: 1}
	same := layers.ConvConfig{Kernel: layers.Square(3), Padding: layers.Square(1), NoBias: true}
	block := layers.NewResidual(layers.NewSequential(
		layers.NewConv2D("block.conv", 8, 8, same, init), layers.NewBatchNorm("block.bn", 8, init)), nil)
	net := layers.NewSequential(
		layers.NewConv2D("conv", 3, 8, same, init), layers.NewBatchNorm("bn", 8, init), layers.NewReLU(),
		block, layers.NewReLU(),
		layers.NewMaxPool2D(layers.PoolConfig{Kernel: layers.Square(2)}),
		layers.NewGlobalAvgPool(),
		layers.NewDense("fc", 8, 10, init),
	)
	text, err := layers.Summary(net, 3, 32, 32)
	must(err)
	fmt.Println(text)
	// Output:
	// layer                 result          parameters  tensors
	// Conv2D conv           (N, 8, 32, 32)         216  weight
	// BatchNorm bn          (N, 8, 32, 32)          16  weight, bias
	// ReLU                  (N, 8, 32, 32)
	// Residual              (N, 8, 32, 32)
	//   Conv2D block.conv   (N, 8, 32, 32)         576  weight
	//   BatchNorm block.bn  (N, 8, 32, 32)          16  weight, bias
	// ReLU                  (N, 8, 32, 32)
	// MaxPool2D             (N, 8, 16, 16)
	// global average pool   (N, 8)
	// Dense fc              (N, 10)                 90  weight, bias
	// 914 parameters, 32 running statistics; noise takes turns over 8 tensors, or by layer over 5 groups
}

// A network on tokens: the shape is the length of a sequence. The output weights are those of the embedding.
func ExampleSummary_tokens() {
	net := layers.NewGPT(layers.GPTConfig{Transformer: layers.Transformer{Width: 16, Heads: 2, Depth: 1}, Vocabulary: 50, Context: 12}, layers.Init{Seed: 1})
	text, err := layers.Summary(net, 12)
	must(err)
	fmt.Println(text)
	// Output:
	// layer                               result       parameters  tensors
	// Embedding tokens                    (N, 12, 16)         800  weight
	// Positions positions                 (N, 12, 16)         192  weight
	// Dropout                             (N, 12, 16)
	// Residual                            (N, 12, 16)
	//   LayerNorm layers.0.norm1          (N, 12, 16)          32  weight, bias
	//   SelfAttention layers.0.self_attn  (N, 12, 16)       1,088  in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias
	//   Dropout                           (N, 12, 16)
	// Residual                            (N, 12, 16)
	//   LayerNorm layers.0.norm2          (N, 12, 16)          32  weight, bias
	//   Dense layers.0.linear1            (N, 12, 64)       1,088  weight, bias
	//   gelu                              (N, 12, 64)
	//   Dropout                           (N, 12, 64)
	//   Dense layers.0.linear2            (N, 12, 16)       1,040  weight, bias
	//   Dropout                           (N, 12, 16)
	// LayerNorm norm                      (N, 12, 16)          32  weight, bias
	// head tokens                         (N, 12, 50)      shared
	// 4,304 parameters; noise takes turns over 16 tensors, or by layer over 9 groups
}

// Networks, metrics and histories print themselves.
func ExampleHistory() {
	ctx := context.Background()
	train, err1 := datasets.Digits(500, 1).Loader(datasets.LoaderConfig{Batch: 50, Shuffle: true, Seed: 1})
	test, err2 := datasets.Digits(500, 2).Loader(datasets.LoaderConfig{Batch: 50})
	net := layers.NewMLP(layers.Init{Seed: 1}, 784, 30, 10)
	fmt.Println(net)
	model, err3 := layers.NewClassifier(net, 50, 784)
	sgd, err4 := optim.NewSGD(0.05, optim.WithMomentum(0.9))
	must(err1, err2, err3, err4)
	history, err := model.Fit(ctx, train, sgd, layers.FitConfig{Epochs: 3, Validation: test})
	must(err)
	fmt.Println(train)
	fmt.Println(history)
	metrics, err := model.Evaluate(ctx, test)
	must(err)
	fmt.Println(metrics)
	// Output:
	// layer      parameters  tensors
	// Dense fc1      23,550  weight, bias
	// ReLU
	// Dense fc2         310  weight, bias
	// 23,860 parameters; noise takes turns over 4 tensors, or by layer over 2 groups
	// Digits: 500 images of 1x28x28, 10 classes; 10 batches of 50, shuffled with seed 1
	// epoch  steps      loss  validation loss  accuracy
	//     0     10    1.8764           1.2060    59.40%
	//     1     10    0.7186           0.8654    74.60%
	//     2     10    0.4627           0.7639    78.00% *
	// 500 images: loss 0.7639, accuracy 78.00%, top 5 99.00%, calibration error 8.06%
}
