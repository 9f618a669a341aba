package layers

import (
	"slices"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Sequential is a chain of layers, each the input of the next. Where a fused operation does the work of two neighbours, it
// is used, also across nested chains: a ReLU behind a Dense, Conv2D, BatchNorm, Residual or MaxPool2D, and a MaxPool2D of
// 2x2 without overlap behind a Conv2D and its ReLU. A ReLU in front of a MaxPool2D is built behind it, which gives the same
// numbers for less.
type Sequential struct {
	fault
	layers []Layer
	params []*Param
}

// NewSequential makes a chain. Its error is that of the first layer that has one, or that of two parameters with one name.
func NewSequential(layers ...Layer) *Sequential {
	s := &Sequential{}
	for _, l := range layers {
		if s.err = check(l); s.err != nil {
			return s
		}
		s.layers = append(s.layers, flatten(l)...)
	}
	s.params, s.err = collect(s.layers...)
	return s
}

// flatten returns the links of a chain, or a layer that is none as the only link.
func flatten(l Layer) []Layer {
	if s, ok := l.(*Sequential); ok {
		return s.layers
	}
	return []Layer{l}
}

// Params returns the parameters of all layers in their order. A layer that occurs twice is listed once: its two places share
// the parameters.
func (s *Sequential) Params() []*Param { return s.params }

// Forward builds the chain on x.
func (s *Sequential) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if s.err != nil {
		return nil, s.err
	}
	return chain(b, x, s.layers)
}

// chain builds layers one after the other on x, fusing where it can.
func chain(b *Builder, x *G.Node, layers []Layer) (*G.Node, error) {
	layers = poolFirst(layers)
	for i := 0; i < len(layers); i++ {
		l := layers[i]
		if c, ok := l.(*Conv2D); ok && startsWithHalving(layers[i+1:]) {
			l = c.withMaxPool()
			i++
		}
		forward := l.Forward
		if f, ok := l.(reluFuser); ok && startsWithReLU(layers[i+1:]) {
			forward = f.forwardReLU
			i++
		}
		y, err := forward(b, x)
		if err != nil {
			return nil, err
		}
		if y == nil {
			return nil, errors.Wrapf(ErrNoNode, "layers: %T", l)
		}
		x = y
	}
	return x, nil
}

// startsWithReLU reports whether the first of the layers, if there is one, is a ReLU.
func startsWithReLU(layers []Layer) bool {
	if len(layers) == 0 {
		return false
	}
	_, ok := layers[0].(ReLU)
	return ok
}

// startsWithHalving reports whether the first of the layers, if there is one, is a max pool that a Conv2D can do.
func startsWithHalving(layers []Layer) bool {
	if len(layers) == 0 {
		return false
	}
	m, ok := layers[0].(MaxPool2D)
	return ok && m.pool.Kernel == Square(2) && (m.pool.Stride == Square(0) || m.pool.Stride == Square(2)) && m.pool.Padding == Square(0)
}

// poolFirst returns the layers with each ReLU that stands in front of a MaxPool2D behind it.
func poolFirst(layers []Layer) []Layer {
	layers = slices.Clone(layers)
	for i := range len(layers) - 1 {
		if _, pool := layers[i+1].(MaxPool2D); pool && startsWithReLU(layers[i:]) {
			layers[i], layers[i+1] = layers[i+1], layers[i]
		}
	}
	return layers
}

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
