package layers

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Sequential is a chain of layers, each the input of the next. Where a fused operation does the work of two neighbours, it
// is used, also across nested chains: a ReLU behind a Dense, Conv2D, BatchNorm, Residual or MaxPool2D, and a MaxPool2D of 2x2
// without overlap behind a Conv2D and its ReLU. A ReLU in front of a MaxPool2D is built behind it, which gives the same numbers
// for less.
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
