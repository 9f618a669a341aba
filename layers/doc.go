// Package layers builds neural networks for Gorgonia: layers with explicit sizes and seeded initial values, containers, the
// networks of the noise-injection experiments, a [Classifier] that trains and evaluates them, and a [LanguageModel] that
// does the same for networks that predict tokens.
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
// A layer owns its parameters as tensors. Forward makes nodes for them in the graph of its input, so one network can be in a
// training graph, an evaluation graph and graphs of other batch sizes at the same time: all share the same numbers, each has
// its own mode, and nothing is copied. Running statistics belong to the layer too, and change only when a training graph
// runs. Graphs that share tensors must not run concurrently if one of them trains.
//
// Without a Classifier or LanguageModel, a graph is built like this:
//
//	g := gorgonia.NewGraph()
//	x := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(128, 3, 32, 32))
//	b := layers.NewBuilder(g, layers.Training)
//	logits, err := net.Forward(b, x)
//	learnables, err := b.Learnables(net) // for gorgonia.Grad, graph.BindGradients and the solver
//
// # Fusing
//
// In a [Sequential], a ReLU is fused with the layer before it, or with a max pool after it, and a [Residual] fuses its
// addition with the batch norm at the end of its body, if package graph has one operation for both.
//
// # Errors
//
// Constructors of layers return no error, so that a network can be written as one expression. A layer given invalid
// arguments keeps the error: its method Err returns it, as do the containers that it is put into, Forward, NewClassifier,
// NewLanguageModel, Save and Load. All shapes are checked when a graph is built.
//
// # Bad values
//
// NaN and infinity propagate through a graph as in floating-point arithmetic. Fit ends with [ErrNotFinite] at a loss that is
// not finite, before the solver sees the gradient, with weights and running statistics as after the previous step.
package layers
