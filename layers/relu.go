package layers

import (
	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
)

// ReLU is the rectified linear unit, max(x, 0). Behind a Dense, Conv2D, BatchNorm, Residual or MaxPool2D, or
// in front of a MaxPool2D, in the same Sequential it is computed together with that layer.
type ReLU struct{}

// NewReLU makes a ReLU.
func NewReLU() ReLU { return ReLU{} }

// Params returns nil: there are none.
func (ReLU) Params() []*Param { return nil }

// Forward builds the ReLU of x.
func (ReLU) Forward(_ *Builder, x *G.Node) (*G.Node, error) {
	y, err := graph.ReLU(x)
	return built("relu", y, err)
}

// reluFuser is a layer that computes the ReLU behind it in the same operation.
type reluFuser interface {
	forwardReLU(b *Builder, x *G.Node) (*G.Node, error)
}
