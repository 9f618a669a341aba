package graph

import (
	"fmt"
	"strings"

	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// affine describes a dense layer or a convolution: linear in the input x and the weight w, with an optional bias b, and
// optionally followed by a rectifier.
type affine[T kernel.Float] struct {
	name  string
	shape tensor.Shape // of the result
	relu  bool
	picks bool // whether the forward pass stores what the gradients need, the rectifier's included

	forward func(y, x, w, b []T, relu bool)
	gradX   func(dx, dy, w []T)
	gradW   func(dw, dy, x []T)
	gradB   func(db, dy, y []T) // y with picks only

	// descend, if set, makes a step of the weight with the gradient of gradW.
	descend func(w, v []float32, dy, x []T, d gemm.Descent)

	// through, if set, adds the gradient with respect to what a function is taken of, from that of its result y.
	through func(y, dy *G.Node) (*G.Node, error)
}

// checkAffine returns an error unless the number of axes of x is in dims, w fits the given axis of x, and b, if present, has
// an element for each output of w. layout is the shape of w for the error message, with %d for that axis.
func checkAffine(name string, x, w, b *G.Node, axis int, dims []int, layout string) error {
	inX, inW, inB := input{"x", x}, input{"w", w}, input{"b", b}
	in := []input{inX, inW}
	if b != nil {
		in = append(in, inB)
	}
	if err := check(name, in...); err != nil {
		return err
	}
	if err := checkDims(name, inX, dims...); err != nil {
		return err
	}
	if err := checkDims(name, inW, 1+strings.Count(layout, ",")); err != nil {
		return err
	}
	if channels := x.Shape()[(x.Dims()+axis)%x.Dims()]; w.Shape()[1] != channels {
		return errors.Errorf("graph: %s: w has shape %v, want %s for x of shape %v", name, w.Shape(), fmt.Sprintf(layout, channels), x.Shape())
	}
	if b == nil {
		return nil
	}
	return checkShape(name, inB, tensor.Shape{w.Shape()[0]}, inW)
}

// node adds the operation to the graph of its inputs.
func (a affine[T]) node(x, w, b *G.Node) (*G.Node, error) {
	if a.relu && !a.picks {
		a.through = gate[T]
	}
	return apply(&op[T]{
		name:  a.name,
		shape: a.shape,
		run: func(y []T, in []operand[T]) error {
			a.forward(y, in[0].f, in[1].f, optional(in, 2), a.relu)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (grads G.Nodes, err error) {
			if a.through != nil {
				if dy, err = a.through(y, dy); err != nil {
					return nil, err
				}
			}
			return a.grads(in, y, dy)
		},
	}, x, w, b)
}

func (a affine[T]) grads(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	x, w := in[0], in[1]
	if !a.picks {
		y = nil
	}
	dx, err := gradient(a.name+"GradX", x, func(dx []T, v []operand[T]) error {
		a.gradX(dx, v[0].f, v[1].f)
		return nil
	}, dy, w, y)
	if err != nil {
		return nil, err
	}
	gradW := &op[T]{name: a.name + "GradW", shape: w.Shape(), of: w, run: func(dw []T, v []operand[T]) error {
		a.gradW(dw, v[0].f, v[1].f)
		return nil
	}}
	if a.descend != nil {
		gradW.descend = func(in []operand[T], w, v []float32, d gemm.Descent) { a.descend(w, v, in[0].f, in[1].f, d) }
	}
	dw, err := apply(gradW, dy, x, y)
	if err != nil || len(in) == 2 {
		return G.Nodes{dx, dw}, err
	}
	db, err := gradient(a.name+"GradB", in[2], func(db []T, v []operand[T]) error {
		a.gradB(db, v[0].f, optional(v, 1))
		return nil
	}, dy, y)
	return G.Nodes{dx, dw, db}, err
}

// gate adds a node that is dy where y is not zero, and zero elsewhere: the gradient through a rectifier with output y.
func gate[T kernel.Float](y, dy *G.Node) (*G.Node, error) {
	return apply(&op[T]{
		name:  "ReLUGrad",
		shape: y.Shape(),
		run: func(dz []T, in []operand[T]) error {
			kernel.Gate(dz, in[0].f, in[1].f)
			return nil
		},
	}, y, dy)
}
