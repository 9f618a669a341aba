package layers

import (
	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Dropout, in training graphs, sets each element to zero with probability p and multiplies the others by 1/(1-p), with a new
// mask in each pass; in evaluation graphs it is the identity.
//
// N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, Dropout: A Simple Way to Prevent Neural Networks
// from Overfitting, JMLR 15, 2014, https://jmlr.org/papers/v15/srivastava14a.html.
type Dropout struct {
	fault
	p    float64
	seed uint64
}

// NewDropout makes a dropout of probability p in [0, 1). The masks are a function of the seed, the training step, the index
// of the dropout among those of the network, and the element. A resumed training therefore draws the masks it would have
// drawn, and dropouts with the same seed draw different ones.
func NewDropout(p float64, seed uint64) *Dropout {
	d := &Dropout{p: p, seed: seed}
	if !(p >= 0 && p < 1) {
		d.err = errors.Errorf("layers: dropout probability %v, want 0 <= p < 1", p)
	}
	return d
}

// Params returns nil: there are none.
func (d *Dropout) Params() []*Param { return nil }

// Forward returns the dropout of x, or x itself in an evaluation graph.
func (d *Dropout) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if d.err != nil || !b.Training() || d.p == 0 {
		return x, d.err
	}
	y, err := graph.Dropout(x, d.p, b.Dropout(d.seed))
	return built("dropout", y, err)
}
