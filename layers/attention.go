package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// AttentionConfig are the settings of a [SelfAttention].
type AttentionConfig struct {
	Heads  int  // how many share the numbers of a position; divides the width
	Causal bool // position t sees positions 0 to t alone

	// Dropout is the probability with which a training graph sets a probability of the softmax to zero, the others being
	// scaled up. By default none.
	Dropout float64

	// Seed is that of the dropouts, as of [NewDropout].
	Seed uint64

	// Separate gives queries, keys and values dense layers of their own, which [graph.Layers] finds as three layers: noise
	// that is injected a layer at a time then reaches one of the three. By default one dense layer computes all of them, as
	// nn.MultiheadAttention does, and is one layer.
	Separate bool
}

// SelfAttention lets each position of a sequence take from the others what it looks for: queries, keys and values are dense
// layers of the input, and the result is a dense layer of what [graph.Attention] makes of them. A. Vaswani, N. Shazeer, N. Parmar,
// J. Uszkoreit, L. Jones, A. N. Gomez, Ł. Kaiser, I. Polosukhin, Attention Is All You Need, NeurIPS 2017,
// https://arxiv.org/abs/1706.03762.
type SelfAttention struct {
	fault
	name   string
	width  int
	config AttentionConfig
	in     []*Dense // one for queries, keys and values, or one for each
	out    *Dense
}

// NewSelfAttention makes an attention of (N, T, width) with the names of nn.MultiheadAttention: name.in_proj_weight (3*width,
// width) and name.in_proj_bias (3*width), the rows of the queries first, then those of the keys and of the values, and
// name.out_proj.weight and name.out_proj.bias. If they are separate, the first two are name.q_proj.weight and so on instead. All
// are initialised by init as dense layers.
func NewSelfAttention(name string, width int, c AttentionConfig, init Init) *SelfAttention {
	a := &SelfAttention{name: init.Prefix + name, width: width, config: c}
	switch {
	case c.Heads < 1 || width%c.Heads != 0:
		a.err = errors.Wrapf(ErrShape, "layers: %s: %d heads for a width of %d", name, c.Heads, width)
		return a
	case !(c.Dropout >= 0 && c.Dropout < 1):
		a.err = errors.Errorf("layers: %s: dropout probability %v, want 0 <= p < 1", name, c.Dropout)
		return a
	case c.Separate:
		for _, part := range []string{".q_proj", ".k_proj", ".v_proj"} {
			a.in = append(a.in, NewDense(name+part, width, width, init))
		}
	default:
		a.in = []*Dense{newPacked(name, width, init)}
	}
	a.out = NewDense(name+".out_proj", width, width, init)
	for _, d := range append(a.in, a.out) {
		if d.err != nil {
			a.err = d.err
		}
	}
	return a
}

// newPacked makes the dense layer of queries, keys and values.
func newPacked(name string, width int, init Init) *Dense {
	d := &Dense{name: init.Prefix + name, in: width, out: 3 * width}
	if d.weight, d.err = init.Weight(name+".in_proj_weight", 3*width, width); d.err == nil {
		d.bias, d.err = init.Bias(name+".in_proj_bias", width, 3*width)
	}
	return d
}

// Params returns the weights and biases in the order of the computation.
func (a *SelfAttention) Params() []*Param {
	if a.err != nil {
		return nil
	}
	var params []*Param
	for _, d := range append(a.in[:len(a.in):len(a.in)], a.out) {
		params = append(params, d.Params()...)
	}
	return params
}

// Forward builds the layer on x of shape (N, T, width); the result has the same shape.
func (a *SelfAttention) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if a.err != nil {
		return nil, a.err
	}
	if s := x.Shape(); len(s) != 3 || s[2] != a.width {
		return nil, misfit(a.name, x, fmt.Sprintf("(N, T, %d)", a.width))
	}
	c := graph.AttentionConfig{Heads: a.config.Heads, Causal: a.config.Causal}
	if b.Training() && a.config.Dropout > 0 {
		c.Dropout, c.Draws = a.config.Dropout, b.Dropout(a.config.Seed)
	}
	var in []*G.Node
	for _, d := range a.in {
		y, err := d.Forward(b, x)
		if err != nil {
			return nil, err
		}
		in = append(in, y)
	}
	var y *G.Node
	var err error
	if len(in) == 1 {
		y, err = graph.PackedAttention(in[0], c)
	} else {
		y, err = graph.Attention(in[0], in[1], in[2], c)
	}
	if err != nil {
		return built(a.name, nil, err)
	}
	return a.out.Forward(b, y)
}
