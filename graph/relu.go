package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	G "gorgonia.org/gorgonia"
)

// gate adds the node of dy where y is not zero, and of zero elsewhere: the
// gradient through a rectifier with output y.
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
