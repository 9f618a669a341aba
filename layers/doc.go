// Package layers builds neural networks for Gorgonia: layers with explicit sizes and seeded initial values, containers, the
// networks of the noise-injection experiments, a [Classifier] that trains and evaluates them, and a [LanguageModel] that
// does so with networks that predict tokens.
//
//	net := layers.NewSequential(
//		layers.NewConv2D("conv1", 1, 8, layers.ConvConfig{Kernel: layers.Square(3)}, layers.Init{Seed: 1}),
//		layers.NewReLU(),
//		layers.NewGlobalAvgPool(),
//		layers.NewDense("fc", 8, 10, layers.Init{Seed: 1}),
//	)
//	model, err := layers.NewClassifier(net, 128, 1, 28, 28)
//
// # Tensors and graphs
//
// A layer owns its parameters as tensors. Forward makes nodes for them in the graph its input lives in, so that one network
// can be in a training graph, an evaluation graph and graphs of other batch sizes at once: all see the same numbers, each
// has its own mode, and nothing is copied. Running statistics belong to the layer too, and change only when a training graph
// runs. Graphs that share tensors must not run at the same time if one of them trains.
//
// Without a Classifier or LanguageModel, a graph is made like this:
//
//	g := gorgonia.NewGraph()
//	x := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(128, 3, 32, 32))
//	b := layers.NewBuilder(g, layers.Training)
//	logits, err := net.Forward(b, x)
//	learnables, err := b.Learnables(net) // for gorgonia.Grad, graph.BindGradients and the solver
//
// # Fusing
//
// A [Sequential] gives a ReLU to the layer before it, or to a max pool behind it, and a [Residual] gives its addition to the
// batch norm its body ends in, where package graph has one operation for both.
//
// # Errors
//
// Constructors of layers return no error, so that a network can be written as one expression. A layer that was given
// impossible arguments keeps the reason: its method Err returns it, as do the containers it is put into, Forward,
// NewClassifier, NewLanguageModel, Save and Load. All shapes are checked when a graph is built.
//
// # Bad values
//
// NaN and infinity go through a graph as floating-point arithmetic takes them. Fit ends with [ErrNotFinite] at a loss that
// is not finite, before the solver sees the gradient, with weights and running statistics as after the step before.
package layers
