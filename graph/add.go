package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Add is the sum x + y of two nodes of the same shape, as at the end of a residual block.
func Add(x, y *G.Node) (*G.Node, error) { return add("Add", x, y, false) }

// AddReLU is max(0, x + y) in one operation.
func AddReLU(x, y *G.Node) (*G.Node, error) { return add("AddReLU", x, y, true) }

func add(name string, x, y *G.Node, relu bool) (*G.Node, error) {
	inX, inY := input{"x", x}, input{"y", y}
	if err := check(name, inX, inY); err != nil {
		return nil, err
	}
	if err := checkShape(name, inY, x.Shape(), inX); err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return addNode[float32](name, x, y, relu)
	}
	return addNode[float64](name, x, y, relu)
}

func addNode[T kernel.Float](name string, x, y *G.Node, relu bool) (*G.Node, error) {
	return apply(&op[T]{
		name:  name,
		role:  addition,
		shape: x.Shape(),
		run: func(z []T, in []operand[T]) error {
			kernel.Add(z, in[0].f, in[1].f, relu)
			return nil
		},
		diff: func(in G.Nodes, z, dz *G.Node) (grads G.Nodes, err error) {
			if relu {
				if dz, err = gate[T](z, dz); err != nil {
					return nil, err
				}
			}
			return G.Nodes{dz, dz}, nil
		},
	}, x, y)
}
