package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Func is a layer without parameters that works the same in training and evaluation: an activation, a pooling, a change of
// shape.
type Func struct {
	fault
	name string
	op   func(x *G.Node) (*G.Node, error)

	// dense, if set, is a dense layer with the function after it, in one operation.
	dense func(x, w, b *G.Node) (*G.Node, error)
}

// NewFunc makes a layer from any function that maps a node to a node of the same graph. The name is for errors.
func NewFunc(name string, op func(x *G.Node) (*G.Node, error)) *Func {
	f := &Func{name: name, op: op}
	if op == nil {
		f.err = errors.Errorf("layers: %s: the function is nil", name)
	}
	return f
}

// NewFlatten makes a layer that keeps the first axis and joins the others, (N, C, H, W) to (N, C*H*W).
func NewFlatten() *Func { return NewFunc("flatten", graph.Flatten) }

// NewTanh makes the hyperbolic tangent.
func NewTanh() *Func { return NewFunc("tanh", graph.Tanh) }

// NewSigmoid makes the logistic function, 1/(1 + exp(-x)).
func NewSigmoid() *Func { return NewFunc("sigmoid", graph.Sigmoid) }

// NewGELU makes the Gaussian error linear unit, x Phi(x) with Phi the distribution function of the normal distribution. In a
// Sequential it is fused with a Dense before it.
func NewGELU() *Func {
	f := NewFunc("gelu", graph.GELU)
	f.dense = graph.DenseGELU
	return f
}

// NewGELUTanh makes GELU's tanh approximation, as in GPT-2.
func NewGELUTanh() *Func { return NewFunc("gelu", graph.GELUTanh) }

// NewSiLU makes the sigmoid linear unit, x/(1 + exp(-x)).
func NewSiLU() *Func { return NewFunc("silu", graph.SiLU) }

// NewLeakyReLU makes the function that is x if x > 0 and slope*x otherwise.
func NewLeakyReLU(slope float64) *Func {
	return NewFunc("leaky relu", func(x *G.Node) (*G.Node, error) { return graph.LeakyReLU(x, slope) })
}

// Params returns nil: there are none.
func (f *Func) Params() []*Param { return nil }

// Forward applies the function to x.
func (f *Func) Forward(_ *Builder, x *G.Node) (*G.Node, error) {
	if f.err != nil {
		return nil, f.err
	}
	y, err := f.op(x)
	return built(fmt.Sprintf("%s of %v", f.name, x.Shape()), y, err)
}

// ReLU is the rectified linear unit, max(x, 0). In a Sequential it is fused with a Dense, Conv2D, BatchNorm, Residual or
// MaxPool2D before it, or a MaxPool2D after it.
type ReLU struct{}

// NewReLU makes a ReLU.
func NewReLU() ReLU { return ReLU{} }

// Params returns nil: there are none.
func (ReLU) Params() []*Param { return nil }

// Forward applies the ReLU to x.
func (ReLU) Forward(_ *Builder, x *G.Node) (*G.Node, error) {
	y, err := graph.ReLU(x)
	return built("relu", y, err)
}

// reluFuser is a layer that can compute the ReLU after it in the same operation.
type reluFuser interface {
	forwardReLU(b *Builder, x *G.Node) (*G.Node, error)
}
