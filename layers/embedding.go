package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
)

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
