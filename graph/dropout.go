package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Dropout sets each element to zero with probability p and multiplies the
// others by 1/(1-p), for any shape; leave it out of evaluation graphs. Each run
// of the machine draws a new mask, a function of the seed and of how often the
// node has run before. Nodes with the same seed drop the same elements.
// 0 <= p < 1.
//
// Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout: A Simple
// Way to Prevent Neural Networks from Overfitting, JMLR 2014,
// https://jmlr.org/papers/v15/srivastava14a.html.
func Dropout(x *G.Node, p float64, seed uint64) (*G.Node, error) {
	const name = "Dropout"
	if err := check(name, input{"x", x}); err != nil {
		return nil, err
	}
	if !(p >= 0 && p < 1) {
		return nil, errors.Errorf("graph: %s: p is %v, want 0 <= p < 1", name, p)
	}
	if x.Dtype() == tensor.Float32 {
		return dropoutNode[float32](name, p, seed, x)
	}
	return dropoutNode[float64](name, p, seed, x)
}

// dropoutTensor keeps the masks apart from the noise that a solver draws with
// the same seed, whose tensors are numbered from zero.
const dropoutTensor = 1 << 31

func dropoutNode[T kernel.Float](name string, p float64, seed uint64, x *G.Node) (*G.Node, error) {
	mask := noise.Stream{Seed: seed, Tensor: dropoutTensor}
	var words []uint32
	drop := func(dst, src []T) {
		kernel.Dropout(dst, src, words, kernel.DropoutThreshold(p), T(1/(1-p)))
	}
	return apply(&op[T]{
		name:  name,
		shape: x.Shape(),
		run: func(y []T, in []operand[T]) error {
			if words == nil {
				words = make([]uint32, len(y))
			}
			noise.Bits(mask, words)
			mask.Step++
			drop(y, in[0].f)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := gradient(name+"Grad", in[0], func(dx []T, v []operand[T]) error {
				drop(dx, v[0].f)
				return nil
			}, dy, y) // y, so that the mask is there
			return G.Nodes{dx}, err
		},
	}, x)
}
