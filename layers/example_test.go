package layers_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// must is how the examples treat errors.
func must(errs ...error) {
	for _, err := range errs {
		if err != nil {
			log.Fatal(err)
		}
	}
}

// From images to a network that was trained with layer-wise noise and evaluated on other images.
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

// One layer in a graph that trains and in one that evaluates other numbers of images.
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
		layers.NewReLU(), // behind the addition, and computed with it
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
