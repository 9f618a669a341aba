// Package graph adds fast operations to Gorgonia's expression graphs, finds the layers of a graph that exists already, and
// puts fast products under both.
//
// The constructors ([Dense], [Conv2D], [BatchNorm], ...) take nodes of any Gorgonia graph, float32 or float64, and return a
// node with a symbolic gradient, so that they mix freely with Gorgonia's own operations and with [gorgonia.Grad]. A bias or
// a rectifier that follows is computed in the same operation. Images are (N, C, H, W), and weights lie as in PyTorch: (out,
// in) for a dense layer, (out, in, kh, kw) for a convolution.
//
// # Machines
//
// Use Gorgonia's tape machine. A graph with these nodes runs on one machine at a time; different graphs may run at once,
// also over the same parameter tensors, as long as nobody writes to them. Gradients of gradients are not defined.
//
// # Buffers
//
// A node owns the buffers of its result, and allocates them when it first runs. From then on a step allocates next to
// nothing. The value of a node is overwritten by the next run, and possibly earlier by one of Gorgonia's in place
// operations: read it through [gorgonia.Read].
//
// # Gradients
//
// The gradient of an input is computed only if [gorgonia.Grad] needs it: not for images or labels, nor for weights that are
// left out of its list.
//
// [gorgonia.BindDualValues] adds each gradient to a copy of it, which costs a small network a tenth of its step;
// [BindGradients] takes its place where a solver steps after every run.
//
// # Errors and bad values
//
// Constructors check shapes and types and return an error that names both. When the machine runs, a label or a token out of
// range is an error of RunAll. NaN and infinite values propagate as IEEE arithmetic says: a rectifier and a max pool pass a
// NaN on. Nothing a value can be ends the process.
//
// # Threads
//
// Operations spread over runtime.GOMAXPROCS processors. Their results do not depend on that number, nor on the machine, to
// the last bit: README.md says what that covers.
package graph
