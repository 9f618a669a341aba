package layers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Weights go to a file that NumPy and PyTorch read, and into another network of the same layers.
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

// A file of other shapes is refused, and the network is as it was.
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

// A training that is interrupted, here after three steps, goes on from its checkpoint, in another process too, and ends with
// the same bits as one that was not.
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

// Predict names the class of any number of images.
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

// scale is a layer of one's own: y = x * s, a number for each column.
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

// A type with Params and Forward is a layer: it is trained, takes noise, and is saved, like those of this package.
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

// graph.UseBLAS puts this module's kernels below the products of Gorgonia's own operations, such as those of a layer of
// one's own.
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
