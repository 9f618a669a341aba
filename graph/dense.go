package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Dense is a fully connected layer, y = x w' + b.
//
// Shapes: x (N, in); w (out, in); b (out), or nil for none; result (N, out).
func Dense(x, w, b *G.Node) (*G.Node, error) { return dense("Dense", x, w, b, false) }

// DenseReLU is [Dense] followed by a rectifier, y = max(0, x w' + b), in one
// operation.
func DenseReLU(x, w, b *G.Node) (*G.Node, error) { return dense("DenseReLU", x, w, b, true) }

func dense(name string, x, w, b *G.Node, relu bool) (*G.Node, error) {
	inX, inW, inB := input{"x", x}, input{"w", w}, input{"b", b}
	in := []input{inX, inW}
	if b != nil {
		in = append(in, inB)
	}
	if err := check(name, in...); err != nil {
		return nil, err
	}
	if err := checkDims(name, inX, 2); err != nil {
		return nil, err
	}
	if err := checkDims(name, inW, 2); err != nil {
		return nil, err
	}
	s := kernel.Dense{N: x.Shape()[0], In: x.Shape()[1], Out: w.Shape()[0]}
	if w.Shape()[1] != s.In {
		return nil, errors.Errorf("graph: %s: w has shape %v, want (out, %d) for x of shape %v", name, w.Shape(), s.In, x.Shape())
	}
	if b != nil {
		if err := checkShape(name, inB, tensor.Shape{s.Out}, inW); err != nil {
			return nil, err
		}
	}
	if x.Dtype() == tensor.Float32 {
		return denseNode[float32](name, s, relu, x, w, b)
	}
	return denseNode[float64](name, s, relu, x, w, b)
}

func denseNode[T kernel.Float](name string, s kernel.Dense, relu bool, x, w, b *G.Node) (*G.Node, error) {
	return apply(&op[T]{
		name:  name,
		shape: tensor.Shape{s.N, s.Out},
		run: func(y []T, in []operand[T]) error {
			kernel.DenseForward(s, y, in[0].f, in[1].f, optional(in, 2), relu)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (grads G.Nodes, err error) {
			if relu {
				if dy, err = gate[T](y, dy); err != nil {
					return nil, err
				}
			}
			return denseGrads[T](name, s, in, dy)
		},
	}, x, w, b)
}

func denseGrads[T kernel.Float](name string, s kernel.Dense, in G.Nodes, dy *G.Node) (G.Nodes, error) {
	x, w := in[0], in[1]
	dx, err := gradient(name+"GradX", x, func(dx []T, v []operand[T]) error {
		kernel.DenseGradX(s, dx, v[0].f, v[1].f)
		return nil
	}, dy, w)
	if err != nil {
		return nil, err
	}
	dw, err := gradient(name+"GradW", w, func(dw []T, v []operand[T]) error {
		kernel.DenseGradW(s, dw, v[0].f, v[1].f)
		return nil
	}, dy, x)
	if err != nil || len(in) == 2 {
		return G.Nodes{dx, dw}, err
	}
	db, err := gradient(name+"GradB", in[2], func(db []T, v []operand[T]) error {
		kernel.SumRows(db, v[0].f)
		return nil
	}, dy)
	return G.Nodes{dx, dw, db}, err
}
