package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
)

// Dense is a fully connected layer, y = x W^T + b.
type Dense struct {
	fault
	name         string
	in, out      int
	weight, bias *Param
}

// NewDense makes a dense layer from (..., in) to (..., out), with one to four leading axes. Its parameters are name.weight
// (out, in) and name.bias (out), initialised by init.
func NewDense(name string, in, out int, init Init) *Dense {
	d := &Dense{name: init.Prefix + name, in: in, out: out}
	if d.weight, d.err = init.Weight(name+".weight", out, in); d.err != nil {
		return d
	}
	d.bias, d.err = init.Bias(name+".bias", in, out)
	return d
}

// newUnbiased makes a dense layer without a bias.
func newUnbiased(name string, in, out int, init Init) *Dense {
	d := &Dense{name: init.Prefix + name, in: in, out: out}
	d.weight, d.err = init.Weight(name+".weight", out, in)
	return d
}

// Params returns the weight and, if there is one, the bias.
func (d *Dense) Params() []*Param { return weightBias(d.err, d.weight, d.bias) }

// Forward applies the layer to x of shape (..., in).
func (d *Dense) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	return d.forward(b, x, graph.Dense)
}

// forwardReLU applies the layer and a ReLU in one operation.
func (d *Dense) forwardReLU(b *Builder, x *G.Node) (*G.Node, error) {
	return d.forward(b, x, graph.DenseReLU)
}

func (d *Dense) forward(b *Builder, x *G.Node, op func(x, w, b *G.Node) (*G.Node, error)) (*G.Node, error) {
	if d.err != nil {
		return nil, d.err
	}
	if s := x.Shape(); len(s) < 2 || s[len(s)-1] != d.in {
		return nil, misfit(d.name, x, fmt.Sprintf("(..., %d)", d.in))
	}
	w, bias, err := weightAndBias(b, d.weight, d.bias)
	if err != nil {
		return nil, err
	}
	y, err := op(x, w, bias)
	return built(d.name, y, err)
}

// weightAndBias returns the nodes of a weight and its bias, which is nil for a layer without one.
func weightAndBias(b *Builder, weight, bias *Param) (w, c *G.Node, err error) {
	if w, err = b.Node(weight); err != nil || bias == nil {
		return w, nil, err
	}
	c, err = b.Node(bias)
	return w, c, err
}

// weightBias lists a weight and its bias, if there is one, or nothing after an error.
func weightBias(err error, weight, bias *Param) []*Param {
	switch {
	case err != nil:
		return nil
	case bias == nil:
		return []*Param{weight}
	}
	return []*Param{weight, bias}
}
