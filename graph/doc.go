// Package graph adds fast operations to Gorgonia's expression graphs, finds the layers of an existing graph, and can speed
// up the matrix products of stock operations.
//
// The constructors ([Dense], [Conv2D], [BatchNorm], ...) take nodes of any Gorgonia graph, float32 or float64, and return a
// node with a symbolic gradient, so they mix freely with Gorgonia's own operations and with [gorgonia.Grad]. A bias or a
// rectifier is fused into the operation. Images are (N, C, H, W), and weights are laid out as in PyTorch: (out, in) for a
// dense layer, (out, in, kh, kw) for a convolution.
//
// # Machines
//
// Use Gorgonia's tape machine. A graph with these nodes runs on one machine at a time; different graphs may run
// concurrently, also over the same parameter tensors, as long as nobody writes to them. Gradients of gradients are not
// supported.
//
// # Buffers
//
// A node owns the buffers of its result and allocates them when it first runs. From then on a step allocates next to
// nothing. The value of a node is overwritten by the next run, and possibly earlier by one of Gorgonia's in-place
// operations: read it through [gorgonia.Read].
//
// # Gradients
//
// The gradient of an input is computed only if [gorgonia.Grad] needs it: not for images or labels, nor for weights that are
// not in its list.
//
// [gorgonia.BindDualValues] adds each gradient to a copy of it, which costs a small network a tenth of its step; use
// [BindGradients] instead if a solver steps after every run.
//
// # Errors and bad values
//
// Constructors check shapes and dtypes and return an error that names both. When the machine runs, a label or token out of
// range is an error of RunAll. NaN and infinite values propagate as in IEEE arithmetic, through rectifiers and max pools
// too. No value of an input can end the process.
//
// # Threads
//
// Operations use runtime.GOMAXPROCS processors. Their results do not depend on that number, nor on the machine, to the last
// bit: README.md says what that covers.
package graph
