package layers

import (
	"slices"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Sequential is a chain of layers, each the input of the next. Neighbouring layers are fused if possible, also across nested
// chains: a ReLU after a Dense, Conv2D, BatchNorm, Residual or MaxPool2D, a GELU after a Dense, and a MaxPool2D of 2x2 without
// overlap after a Conv2D and its ReLU. A ReLU before a MaxPool2D is moved after it, which gives the same numbers at less cost.
type Sequential struct {
	fault
	layers []Layer
	params []*Param
}

// NewSequential makes a chain. Its error is that of the first layer that has one, or of two parameters with the same name.
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

// flatten returns the layers of a chain, or l itself if it is not a chain.
func flatten(l Layer) []Layer {
	if s, ok := l.(*Sequential); ok {
		return s.layers
	}
	return []Layer{l}
}

// Params returns the parameters of all layers, in order. A layer that occurs twice is listed once: both occurrences share
// the parameters.
func (s *Sequential) Params() []*Param { return s.params }

// Forward applies the layers to x in turn.
func (s *Sequential) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if s.err != nil {
		return nil, s.err
	}
	return chain(b, x, s.layers)
}

// chain applies layers to x in turn, fusing if possible.
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
		} else if d, ok := l.(*Dense); ok {
			if op := startsWithFused(layers[i+1:]); op != nil {
				forward = func(b *Builder, x *G.Node) (*G.Node, error) { return d.forward(b, x, op) }
				i++
			}
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

// startsWithReLU reports whether the first of the layers, if any, is a ReLU.
func startsWithReLU(layers []Layer) bool {
	if len(layers) == 0 {
		return false
	}
	_, ok := layers[0].(ReLU)
	return ok
}

// startsWithFused returns the operation that is a dense layer with the first of the layers after it, nil if there is none.
func startsWithFused(layers []Layer) func(x, w, b *G.Node) (*G.Node, error) {
	if len(layers) == 0 {
		return nil
	}
	if f, ok := layers[0].(*Func); ok {
		return f.dense
	}
	return nil
}

// startsWithHalving reports whether the first of the layers, if any, is a max pool that can be fused into a Conv2D.
func startsWithHalving(layers []Layer) bool {
	if len(layers) == 0 {
		return false
	}
	m, ok := layers[0].(MaxPool2D)
	return ok && m.pool.Kernel == Square(2) && (m.pool.Stride == Square(0) || m.pool.Stride == Square(2)) && m.pool.Padding == Square(0)
}

// poolFirst returns the layers with each ReLU before a MaxPool2D moved after it.
func poolFirst(layers []Layer) []Layer {
	layers = slices.Clone(layers)
	for i := range len(layers) - 1 {
		if _, pool := layers[i+1].(MaxPool2D); pool && startsWithReLU(layers[i:]) {
			layers[i], layers[i+1] = layers[i+1], layers[i]
		}
	}
	return layers
}

// Residual adds a body and a shortcut, body(x) + shortcut(x). If the body ends in a batch norm, the addition and a ReLU
// after the block are fused into it.
//
// K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016,
// https://arxiv.org/abs/1512.03385.
type Residual struct {
	fault
	body     []Layer
	shortcut []Layer
	params   []*Param
}

// NewResidual makes a residual block. A nil shortcut is the identity; otherwise the shortcut must give the shape of the
// body's result.
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

// Forward applies the block to x.
func (r *Residual) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	return r.forward(b, x, false)
}

// forwardReLU applies the block and a ReLU after it.
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

// lastBatchNorm returns the batch norm at the end of a chain, if there is one.
func lastBatchNorm(layers []Layer) (*BatchNorm, bool) {
	if len(layers) == 0 {
		return nil, false
	}
	n, ok := layers[len(layers)-1].(*BatchNorm)
	return n, ok
}
