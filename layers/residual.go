package layers

import (
	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Residual adds its input to what its body makes of it, body(x) + shortcut(x). When the body ends in a batch norm, the
// addition, and the ReLU behind the block, are computed together with it.
//
// K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016,
// https://arxiv.org/abs/1512.03385.
type Residual struct {
	fault
	body     []Layer
	shortcut []Layer
	params   []*Param
}

// NewResidual makes a residual block. A nil shortcut is the identity; otherwise it brings x to the shape of the body's
// result.
func NewResidual(body, shortcut Layer) *Residual {
	r := &Residual{}
	if r.err = check(body); r.err != nil {
		return r
	}
	r.body = flatten(body)
	if shortcut != nil {
		if r.err = check(shortcut); r.err != nil {
			return r
		}
		r.shortcut = flatten(shortcut)
	}
	r.params, r.err = collect(append(append([]Layer{}, r.body...), r.shortcut...)...)
	return r
}

// Params returns the parameters of the body, then those of the shortcut.
func (r *Residual) Params() []*Param { return r.params }

// Forward builds the block on x.
func (r *Residual) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	return r.forward(b, x, false)
}

// forwardReLU builds the block and the ReLU behind it.
func (r *Residual) forwardReLU(b *Builder, x *G.Node) (*G.Node, error) {
	return r.forward(b, x, true)
}

func (r *Residual) forward(b *Builder, x *G.Node, relu bool) (*G.Node, error) {
	if r.err != nil {
		return nil, r.err
	}
	skip, err := chain(b, x, r.shortcut)
	if err != nil {
		return nil, err
	}
	front := r.body
	norm, fused := lastBatchNorm(r.body)
	if fused {
		front = r.body[:len(r.body)-1]
	}
	y, err := chain(b, x, front)
	if err != nil {
		return nil, err
	}
	if !y.Shape().Eq(skip.Shape()) {
		return nil, errors.Wrapf(ErrShape, "layers: residual: body %v, shortcut %v", y.Shape(), skip.Shape())
	}
	switch {
	case fused:
		return norm.forward(b, y, skip, relu)
	case relu:
		y, err = graph.AddReLU(y, skip)
	default:
		y, err = graph.Add(y, skip)
	}
	return built("residual", y, err)
}

// lastBatchNorm returns the batch norm that a chain ends in, if it does.
func lastBatchNorm(layers []Layer) (*BatchNorm, bool) {
	if len(layers) == 0 {
		return nil, false
	}
	n, ok := layers[len(layers)-1].(*BatchNorm)
	return n, ok
}
