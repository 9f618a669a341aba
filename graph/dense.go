package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Dense is a fully connected layer, y = x w' + b, over the last axis of x.
//
// Shapes: x (..., in) with one to four leading axes; w (out, in); b (out), or nil for none; result (..., out).
func Dense(x, w, b *G.Node) (*G.Node, error) { return dense("Dense", x, w, b, false) }

// DenseReLU is [Dense] followed by a rectifier, y = max(0, x w' + b), in one operation.
func DenseReLU(x, w, b *G.Node) (*G.Node, error) { return dense("DenseReLU", x, w, b, true) }

func dense(name string, x, w, b *G.Node, relu bool) (*G.Node, error) {
	if err := checkAffine(name, x, w, b, -1, []int{2, 3, 4, 5}, "(out, %d)"); err != nil {
		return nil, err
	}
	in, out := w.Shape()[1], w.Shape()[0]
	shape := x.Shape().Clone()
	shape[len(shape)-1] = out
	s := kernel.Dense{N: x.Shape().TotalSize() / in, In: in, Out: out}
	if x.Dtype() == tensor.Float32 {
		return denseNode[float32](name, shape, s, relu, x, w, b)
	}
	return denseNode[float64](name, shape, s, relu, x, w, b)
}

func denseNode[T kernel.Float](name string, shape tensor.Shape, s kernel.Dense, relu bool, x, w, b *G.Node) (*G.Node, error) {
	return affine[T]{
		name:    name,
		shape:   shape,
		relu:    relu,
		forward: func(y, x, w, b []T, relu bool) { kernel.DenseForward(s, y, x, w, b, relu) },
		gradX:   func(dx, dy, w []T) { kernel.DenseGradX(s, dx, dy, w) },
		gradW:   func(dw, dy, x []T) { kernel.DenseGradW(s, dw, dy, x) },
		gradB:   func(db, dy, _ []T) { kernel.SumRows(db, dy) },
	}.node(x, w, b)
}
