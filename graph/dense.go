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
	s := denseShape{n: x.Shape()[0], in: x.Shape()[1], out: w.Shape()[0], relu: relu}
	if w.Shape()[1] != s.in {
		return nil, errors.Errorf("graph: %s: w has shape %v, want (out, %d) for x of shape %v", name, w.Shape(), s.in, x.Shape())
	}
	if b != nil {
		if err := checkShape(name, inB, tensor.Shape{s.out}, inW); err != nil {
			return nil, err
		}
	}
	if x.Dtype() == tensor.Float32 {
		return denseNode[float32](name, s, x, w, b)
	}
	return denseNode[float64](name, s, x, w, b)
}

// denseShape is x (n, in), w (out, in), y (n, out).
type denseShape struct {
	n, in, out int
	relu       bool
}

func denseNode[T kernel.Float](name string, s denseShape, x, w, b *G.Node) (*G.Node, error) {
	return apply(&op[T]{
		name:  name,
		shape: tensor.Shape{s.n, s.out},
		run: func(y []T, in []operand[T]) error {
			kernel.Gemm(kernel.Plain, kernel.Transposed, s.n, s.out, s.in, 1, in[0].f, s.in, in[1].f, s.in, 0, y, s.out)
			var bias []T
			if len(in) > 2 {
				bias = in[2].f
			}
			kernel.AddRow(y, bias, s.out, s.relu)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) { return denseGrads[T](name, s, in, y, dy) },
	}, x, w, b)
}

func denseGrads[T kernel.Float](name string, s denseShape, in G.Nodes, y, dy *G.Node) (grads G.Nodes, err error) {
	if s.relu {
		if dy, err = gate[T](y, dy); err != nil {
			return nil, err
		}
	}
	grads = make(G.Nodes, len(in))
	if grads[0], err = apply(&op[T]{
		name:  name + "GradX",
		shape: in[0].Shape(),
		of:    in[0],
		run: func(dx []T, v []operand[T]) error {
			kernel.Gemm(kernel.Plain, kernel.Plain, s.n, s.in, s.out, 1, v[0].f, s.out, v[1].f, s.in, 0, dx, s.in)
			return nil
		},
	}, dy, in[1]); err != nil {
		return nil, err
	}
	if grads[1], err = apply(&op[T]{
		name:  name + "GradW",
		shape: in[1].Shape(),
		of:    in[1],
		run: func(dw []T, v []operand[T]) error {
			kernel.Gemm(kernel.Transposed, kernel.Plain, s.out, s.in, s.n, 1, v[0].f, s.out, v[1].f, s.in, 0, dw, s.in)
			return nil
		},
	}, dy, in[0]); err != nil {
		return nil, err
	}
	if len(in) > 2 {
		grads[2], err = apply(&op[T]{
			name:  name + "GradB",
			shape: in[2].Shape(),
			of:    in[2],
			run: func(db []T, v []operand[T]) error {
				kernel.SumRows(db, v[0].f)
				return nil
			},
		}, dy)
	}
	return grads, err
}
