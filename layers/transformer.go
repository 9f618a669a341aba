package layers

import "strconv"

// Transformer are the settings of a transformer's blocks.
type Transformer struct {
	Width int // the numbers of a position
	Heads int // divides the width
	Depth int // how many blocks, for the networks made of them

	// Hidden is the width between the two dense layers of a block. By default four times Width.
	Hidden int

	// Causal lets position t see positions 0 to t alone. NewGPT and NewViT know by themselves.
	Causal bool

	// Dropout is the probability of the dropouts in training graphs: of attention probabilities, between the dense layers, and of
	// what each half of a block adds; in networks of what goes into the first block as well. By default
	// none.
	Dropout float64

	// Seed is that of the dropouts, as of [NewDropout].
	Seed uint64

	// Separate is that of [AttentionConfig].
	Separate bool
}

// NewTransformerBlock makes a block of a transformer on (N, T, Width), with the norm in front of each half and GELU:
//
//	h = x + attention(norm1(x))
//	y = h + linear2(GELU(linear1(norm2(h))))
//
// Its parameters are those of nn.TransformerEncoderLayer with norm_first=True and activation="gelu", behind name and a dot:
// norm1, self_attn, norm2, linear1, linear2. R. Xiong, Y. Yang, D. He and others, On Layer Normalization in the Transformer
// Architecture, ICML 2020, https://arxiv.org/abs/2002.04745.
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
