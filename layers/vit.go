package layers

import (
	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// ViTConfig are the settings of [NewViT].
type ViTConfig struct {
	Transformer
	Channels, Height, Width int // of the images; the width of a position is Transformer.Width
	Patch                   int // side of a patch; divides height and width
	Classes                 int // that it tells apart

	// ClassToken puts a learnt position in front of the patches, the parameter class_token (1, 1, width), as in torchvision and
	// timm (there cls_token), and makes the logits of what becomes of it. By default they are made of the mean over the
	// positions, which does as well for less (L. Beyer, X. Zhai, A. Kolesnikov, Better plain ViT baselines for ImageNet-1k,
	// 2022, https://arxiv.org/abs/2205.01580).
	ClassToken bool
}

// NewViT makes a vision transformer, from images (N, Channels, Height, Width) to the logits (N, Classes): a convolution
// "patches" whose steps are as large as its window makes a position of each patch, positions "positions", Depth blocks "layers.0"
// and so on (see [NewTransformerBlock]), a layer norm "norm", the mean over the positions or the class token, and a dense layer
// "head".
//
// A. Dosovitskiy, L. Beyer, A. Kolesnikov, D. Weissenborn and others, An Image is Worth 16x16 Words, ICLR 2021,
// https://arxiv.org/abs/2010.11929.
func NewViT(c ViTConfig, init Init) *Sequential {
	c.Causal = false
	if c.Patch < 1 || c.Height%c.Patch != 0 || c.Width%c.Patch != 0 || c.Depth < 1 {
		return &Sequential{fault: fault{errors.Wrapf(ErrShape, "layers: a ViT of depth %d on images of %dx%d with patches of %d",
			c.Depth, c.Height, c.Width, c.Patch)}}
	}
	width, positions := c.Transformer.Width, c.Height/c.Patch*(c.Width/c.Patch)
	net := []Layer{
		NewConv2D("patches", c.Channels, width, ConvConfig{Kernel: Square(c.Patch), Stride: Square(c.Patch)}, init),
		NewFunc("sequence", graph.ToSequence),
	}
	pool := NewFunc("mean", graph.MeanPositions)
	if c.ClassToken {
		net, pool, positions = append(net, newClassToken("class_token", width, init)), NewFunc("first", graph.FirstPosition), positions+1
	}
	net = append(net,
		NewPositions("positions", positions, width, init),
		NewDropout(c.Dropout, c.Seed),
	)
	net = append(net, newBlocks(c.Transformer, init)...)
	return NewSequential(append(net,
		NewLayerNorm("norm", width, init),
		pool,
		NewDense("head", width, c.Classes, init),
	)...)
}

// classToken puts a learnt position in front of the others.
type classToken struct {
	fault
	name string
	row  *Param
}

// newClassToken makes the parameter name (1, 1, width), Gaussian with standard deviation 0.02.
func newClassToken(name string, width int, init Init) *classToken {
	c := &classToken{name: init.Prefix + name}
	c.row, c.err = init.Normal(name, embeddingSD, 1, 1, width)
	return c
}

// Params returns the position.
func (c *classToken) Params() []*Param { return weightBias(c.err, c.row, nil) }

// Forward builds the layer on x of shape (N, T, width); the result is (N, 1+T, width).
func (c *classToken) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if c.err != nil {
		return nil, c.err
	}
	row, err := b.Node(c.row)
	if err != nil {
		return nil, err
	}
	y, err := graph.PrependPosition(x, row)
	return built(c.name, y, err)
}
