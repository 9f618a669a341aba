package layers

import "github.com/pkg/errors"

// GPTConfig are the settings of [NewGPT].
type GPTConfig struct {
	Transformer
	Vocabulary int // tokens are 0 to Vocabulary-1
	Context    int // the longest sequence

	// Untied gives the logits a weight of their own, head.weight (Vocabulary, Width), initialised as a dense layer's. By
	// default it is the table of the tokens.
	Untied bool
}

// NewGPT makes a language model: from tokens (N, T) of type tensor.Int, T at most Context, to the logits (N, T, Vocabulary) of
// the token behind each, which depend on the tokens up to there alone. It is an embedding "tokens", positions "positions", Depth
// causal blocks "layers.0" and so on (see [NewTransformerBlock]), a layer norm "norm" and the logits. [graph.CrossEntropy] with
// the tokens that follow, (N, T), is its cost.
//
// A. Radford, J. Wu, R. Child, D. Luan, D. Amodei, I. Sutskever, Language Models are Unsupervised Multitask Learners, 2019.
func NewGPT(c GPTConfig, init Init) *Sequential {
	c.Causal = true
	tokens := NewEmbedding("tokens", c.Vocabulary, c.Width, init)
	net := []Layer{tokens, NewPositions("positions", c.Context, c.Width, init), NewDropout(c.Dropout, c.Seed)}
	net = append(net, newBlocks(c.Transformer, init)...)
	net = append(net, NewLayerNorm("norm", c.Width, init))
	if c.Untied {
		net = append(net, newUnbiased("head", c.Width, c.Vocabulary, init))
	} else {
		net = append(net, tokens.Head())
	}
	s := NewSequential(net...)
	if s.err == nil && c.Depth < 1 {
		s.err = errors.Errorf("layers: a GPT of depth %d, want at least 1", c.Depth)
	}
	return s
}
