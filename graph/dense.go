package graph

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Dense is a fully connected layer, y = x w' + b, over the last axis of x.
//
// Shapes: x (..., in) with one to four leading axes; w (out, in); b (out), or nil for none; result (..., out).
func Dense(x, w, b *G.Node) (*G.Node, error) {
	return dense("Dense", x, w, b, denseNode[float32], denseNode[float64])
}

// DenseReLU is [Dense] followed by a rectifier, y = max(0, x w' + b), in one operation.
func DenseReLU(x, w, b *G.Node) (*G.Node, error) {
	return dense("DenseReLU", x, w, b, denseReLUNode[float32], denseReLUNode[float64])
}

// DenseGELU is [Dense] followed by [GELU], y = GELU(x w' + b), in one operation.
func DenseGELU(x, w, b *G.Node) (*G.Node, error) {
	return dense("DenseGELU", x, w, b, denseGELUNode[float32], denseGELUNode[float64])
}

// denseOf adds the node of a dense layer.
type denseOf func(name string, shape tensor.Shape, s kernel.Dense, x, w, b *G.Node) (*G.Node, error)

func dense(name string, x, w, b *G.Node, f32, f64 denseOf) (*G.Node, error) {
	if err := checkAffine(name, x, w, b, -1, []int{2, 3, 4, 5}, "(out, %d)"); err != nil {
		return nil, err
	}
	in, out := w.Shape()[1], w.Shape()[0]
	shape := x.Shape().Clone()
	shape[len(shape)-1] = out
	s := kernel.Dense{N: x.Shape().TotalSize() / in, In: in, Out: out}
	if x.Dtype() == tensor.Float32 {
		return f32(name, shape, s, x, w, b)
	}
	return f64(name, shape, s, x, w, b)
}

func denseNode[T kernel.Float](name string, shape tensor.Shape, s kernel.Dense, x, w, b *G.Node) (*G.Node, error) {
	return newDense[T](name, shape, s).node(x, w, b)
}

func denseReLUNode[T kernel.Float](name string, shape tensor.Shape, s kernel.Dense, x, w, b *G.Node) (*G.Node, error) {
	a := newDense[T](name, shape, s)
	a.relu = true
	return a.node(x, w, b)
}

func newDense[T kernel.Float](name string, shape tensor.Shape, s kernel.Dense) affine[T] {
	a := affine[T]{
		name:    name,
		shape:   shape,
		forward: func(y, x, w, b []T, relu bool) { kernel.DenseForward(s, y, x, w, b, relu) },
		gradX:   func(dx, dy, w []T) { kernel.DenseGradX(s, dx, dy, w) },
		gradW:   func(dw, dy, x []T) { kernel.DenseGradW(s, dw, dy, x) },
		gradB:   func(db, dy, _ []T) { kernel.SumRows(db, dy) },
	}
	if kernel.DenseDescends[T](s) {
		a.descend = func(w, v []float32, dy, x []T, d gemm.Descent) {
			kernel.DenseDescend(s, w, v, any(dy).([]float32), any(x).([]float32), d)
		}
	}
	return a
}

// denseGELUNode keeps no result of the dense layer by itself. The gradient through the GELU leaves that of b, which is made of
// the same numbers.
func denseGELUNode[T kernel.Float](name string, shape tensor.Shape, s kernel.Dense, x, w, b *G.Node) (*G.Node, error) {
	var kept slopes[T]
	var sums []T
	if b != nil {
		sums = make([]T, s.Out)
	}
	a := newDense[T](name, shape, s)
	a.forward = func(y, x, w, b []T, _ bool) { kernel.DenseGELU(s, y, kept.buffer(), x, w, b) }
	a.through = func(y, dy *G.Node) (*G.Node, error) {
		return kept.gradient("GELU", nil, y, dy, func(dz, dy []T) { kernel.MultiplyRows(dz, sums, dy) })
	}
	a.gradB = func(db, _, _ []T) { copy(db, sums) }
	return a.node(x, w, b)
}
