package graph_test

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A perceptron of two layers, trained for a step with one of Gorgonia's solvers.
func Example() {
	g := G.NewGraph()
	param := func(name string, values []float32, shape ...int) *G.Node {
		return G.NodeFromAny(g, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values)), G.WithName(name))
	}
	x := param("x", []float32{1, 0, 0, 1, 1, 1}, 3, 2)
	labels := G.NodeFromAny(g, tensor.New(tensor.WithBacking([]int{0, 0, 1})), G.WithName("labels"))
	w1 := param("w1", []float32{1, -1, -1, 1, 1, 1}, 3, 2)
	b1 := param("b1", []float32{0, 0, -1}, 3)
	w2 := param("w2", []float32{1, 1, 0, 0, 0, 1}, 2, 3)

	hidden := G.Must(graph.DenseReLU(x, w1, b1))
	cost := G.Must(graph.CrossEntropy(G.Must(graph.Dense(hidden, w2, nil)), labels))
	if _, err := G.Grad(cost, w1, b1, w2); err != nil {
		fmt.Println(err)
		return
	}
	vm := G.NewTapeMachine(g, graph.BindGradients(w1, b1, w2))
	defer vm.Close()
	solver := G.NewVanillaSolver(G.WithLearnRate(1))
	for range 2 {
		if err := vm.RunAll(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.4f\n", cost.Value())
		vm.Reset()
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w1, b1, w2})); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// 0.3133
	// 0.2767
}

func ExampleConv2D() {
	g := G.NewGraph()
	image := G.NodeFromAny(g, tensor.New(tensor.WithShape(1, 1, 3, 4), tensor.WithBacking([]float64{
		0, 1, 2, 3,
		0, 1, 4, 9,
		0, 1, 8, 27,
	})), G.WithName("image"))
	difference := G.NodeFromAny(g, tensor.New(tensor.WithShape(1, 1, 1, 2), tensor.WithBacking([]float64{-1, 1})), G.WithName("w"))
	y := G.Must(graph.Conv2D(image, difference, nil, graph.ConvConfig{Stride: [2]int{2, 1}}))
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(y.Shape(), y.Value().Data())
	// Output: (1, 1, 2, 3) [1 1 1 1 7 19]
}

func ExampleLayers() {
	g := G.NewGraph()
	node := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	x, w1, b1, w2 := node("x", 8, 4), node("w1", 4, 6), node("b1", 1, 6), node("w2", 2, 6)
	// Gorgonia's operations and this package's alike.
	hidden := G.Must(G.Tanh(G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w1)), b1, nil, []byte{0}))))
	cost := G.Must(G.Mean(G.Must(graph.Dense(hidden, w2, nil))))
	layers, err := graph.Layers(cost, w1, b1, w2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, layer := range layers {
		for _, p := range layer {
			fmt.Println(i, p.Name())
		}
	}
	// Output:
	// 0 w1
	// 0 b1
	// 1 w2
}
