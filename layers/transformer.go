package layers

import (
	"fmt"
	"strconv"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Transformer holds the settings of a transformer's blocks.
type Transformer struct {
	Width int // numbers per position
	Heads int // attention heads; must divide Width
	Depth int // number of blocks, for networks made of them

	// Hidden is the width between the two dense layers of a block. By default it is four times Width.
	Hidden int

	// Causal lets position t attend to positions 0 to t only. NewGPT and NewViT set it themselves.
	Causal bool

	// Dropout is the probability of the dropouts in training graphs: of attention probabilities, between the dense layers, and
	// of what each half of a block adds; in whole networks also of the input of the first block. By default it is 0.
	Dropout float64

	// Seed is the seed of the dropouts, as in [NewDropout].
	Seed uint64

	// Separate is as in [AttentionConfig].
	Separate bool
}

// NewTransformerBlock makes a block of a transformer on (N, T, Width), with the norm before each half and GELU:
//
//	h = x + attention(norm1(x))
//	y = h + linear2(GELU(linear1(norm2(h))))
//
// Its parameters are those of nn.TransformerEncoderLayer with norm_first=True and activation="gelu", prefixed by name and a
// dot: norm1, self_attn, norm2, linear1, linear2. R. Xiong, Y. Yang, D. He and others, On Layer Normalization in the
// Transformer Architecture, ICML 2020, https://arxiv.org/abs/2002.04745.
func NewTransformerBlock(name string, t Transformer, init Init) *Sequential {
	hidden := t.Hidden
	if hidden == 0 {
		hidden = 4 * t.Width
	}
	attention := AttentionConfig{Heads: t.Heads, Causal: t.Causal, Dropout: t.Dropout, Seed: t.Seed, Separate: t.Separate}
	drop := NewDropout(t.Dropout, t.Seed)
	return NewSequential(
		NewResidual(NewSequential(
			NewLayerNorm(name+".norm1", t.Width, init),
			NewSelfAttention(name+".self_attn", t.Width, attention, init),
			drop,
		), nil),
		NewResidual(NewSequential(
			NewLayerNorm(name+".norm2", t.Width, init),
			NewDense(name+".linear1", t.Width, hidden, init),
			NewGELU(),
			drop,
			NewDense(name+".linear2", hidden, t.Width, init),
			drop,
		), nil),
	)
}

// newBlocks makes the blocks layers.0, layers.1 and so on, as nn.TransformerEncoder names them.
func newBlocks(t Transformer, init Init) []Layer {
	var blocks []Layer
	for i := range t.Depth {
		blocks = append(blocks, NewTransformerBlock("layers."+strconv.Itoa(i), t, init))
	}
	return blocks
}

// AttentionConfig holds the settings of a [SelfAttention].
type AttentionConfig struct {
	Heads  int  // number of heads; must divide the width
	Causal bool // position t attends to positions 0 to t only

	// Dropout is the probability with which a training graph sets a probability of the softmax to zero, scaling up the others.
	// By default it is 0.
	Dropout float64

	// Seed is the seed of the dropouts, as in [NewDropout].
	Seed uint64

	// Separate gives queries, keys and values dense layers of their own, which [graph.Layers] finds as three layers: noise
	// injected a layer at a time then reaches one of the three. By default one dense layer computes all of them, as in
	// nn.MultiheadAttention, and counts as one layer.
	Separate bool
}

// SelfAttention is multi-head self-attention: queries, keys and values are dense layers of the input, and the result is a
// dense layer of their [graph.Attention]. A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez, Ł. Kaiser,
// I. Polosukhin, Attention Is All You Need, NeurIPS 2017, https://arxiv.org/abs/1706.03762.
type SelfAttention struct {
	fault
	name   string
	width  int
	config AttentionConfig
	in     []*Dense // one for queries, keys and values, or one for each
	out    *Dense
}

// NewSelfAttention makes an attention of (N, T, width) with the parameters of nn.MultiheadAttention: name.in_proj_weight
// (3*width, width) and name.in_proj_bias (3*width), with the rows of the queries first, then those of the keys and of the
// values, name.out_proj.weight and name.out_proj.bias. If Separate is set, the first two are replaced by name.q_proj.weight
// and so on. All are initialised by init like dense layers.
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

// Forward applies the layer to x of shape (N, T, width); the result has the same shape.
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

// embeddingSD is the standard deviation of initial tables, as in GPT-2. With tied weights, the variance of one of
// nn.Embedding would give initial logits in the tens.
const embeddingSD = 0.02

// Embedding looks up a row of a table for each token.
type Embedding struct {
	fault
	name  string
	width int
	table *Param
}

// NewEmbedding makes an embedding of the tokens 0 to vocabulary-1 with the parameter name.weight (vocabulary, width),
// Gaussian with standard deviation 0.02.
func NewEmbedding(name string, vocabulary, width int, init Init) *Embedding {
	e := &Embedding{name: init.Prefix + name, width: width}
	e.table, e.err = init.Normal(name+".weight", embeddingSD, vocabulary, width)
	return e
}

// Params returns the table.
func (e *Embedding) Params() []*Param { return weightBias(e.err, e.table, nil) }

// Forward applies the layer to tokens of shape (...) and type tensor.Int; the result is (..., width). A token out of range
// is an error when the graph runs.
func (e *Embedding) Forward(b *Builder, tokens *G.Node) (*G.Node, error) {
	if e.err != nil {
		return nil, e.err
	}
	table, err := b.Node(e.table)
	if err != nil {
		return nil, err
	}
	y, err := graph.Embedding(tokens, table)
	return built(e.name, y, err)
}

// Head makes the last layer of a network whose output weights are tied to the embedding: from (..., width) to the logits
// (..., vocabulary), the products with the rows of the table. O. Press, L. Wolf, Using the Output Embedding to Improve
// Language Models, EACL 2017, https://arxiv.org/abs/1608.05859.
func (e *Embedding) Head() Layer { return head{e} }

type head struct{ *Embedding }

// Forward multiplies x by the table.
func (h head) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if h.err != nil {
		return nil, h.err
	}
	if s := x.Shape(); len(s) < 2 || s[len(s)-1] != h.width {
		return nil, misfit("head of "+h.name, x, fmt.Sprintf("(..., %d)", h.width))
	}
	table, err := b.Node(h.table)
	if err != nil {
		return nil, err
	}
	y, err := graph.Dense(x, table, nil)
	return built("head of "+h.name, y, err)
}

// Positions adds a learnt row to each position of a sequence, so that a network can distinguish them.
type Positions struct {
	fault
	name          string
	length, width int
	table         *Param
}

// NewPositions makes positions for sequences of up to length tokens, with the parameter name.weight (length, width),
// Gaussian with standard deviation 0.02.
func NewPositions(name string, length, width int, init Init) *Positions {
	p := &Positions{name: init.Prefix + name, length: length, width: width}
	p.table, p.err = init.Normal(name+".weight", embeddingSD, length, width)
	return p
}

// Params returns the table.
func (p *Positions) Params() []*Param { return weightBias(p.err, p.table, nil) }

// Forward applies the layer to x of shape (N, T, width), with T at most the length.
func (p *Positions) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if p.err != nil {
		return nil, p.err
	}
	if s := x.Shape(); len(s) != 3 || s[1] > p.length || s[2] != p.width {
		return nil, misfit(p.name, x, fmt.Sprintf("(N, T, %d) with T at most %d", p.width, p.length))
	}
	table, err := b.Node(p.table)
	if err != nil {
		return nil, err
	}
	y, err := graph.AddPositions(x, table)
	return built(p.name, y, err)
}
