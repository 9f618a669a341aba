package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Flatten joins all axes but the first: x (N, ...), result (N, rest). A vector (N) becomes (N, 1). Unlike Gorgonia's Reshape
// it copies, so the result never shares memory with x.
func Flatten(x *G.Node) (*G.Node, error) {
	const name = "Flatten"
	in := input{"x", x}
	if err := check(name, in); err != nil {
		return nil, err
	}
	if err := checkDims(name, in, 1, 2, 3, 4, 5); err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return flattenNode[float32](name, x)
	}
	return flattenNode[float64](name, x)
}

func flattenNode[T kernel.Float](name string, x *G.Node) (*G.Node, error) {
	n := x.Shape()[0]
	return apply(&op[T]{
		name:  name,
		role:  reshaping,
		shape: tensor.Shape{n, x.Shape().TotalSize() / n},
		run:   copyRun[T],
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := gradient(name+"Grad", in[0], copyRun[T], dy)
			return G.Nodes{dx}, err
		},
	}, x)
}

func copyRun[T kernel.Float](dst []T, in []operand[T]) error {
	copy(dst, in[0].f)
	return nil
}
