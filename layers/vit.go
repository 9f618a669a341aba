package layers

import (
	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
)

// ViTConfig are the settings of [NewViT].
type ViTConfig struct {
	Transformer
	Channels, Height, Width int // of the images; the width of a position is Transformer.Width
	Patch                   int // side of a patch; divides height and width
	Classes                 int // that it tells apart
}

// NewViT makes a vision transformer, from images (N, Channels, Height, Width) to the logits (N, Classes): a convolution
// "patches" whose steps are as large as its window makes a position of each patch, positions "positions", Depth blocks "layers.0"
// and so on (see [NewTransformerBlock]), a layer norm "norm", the mean over the positions, and a dense layer "head". There is no
// token for the class: the mean does as well for less (L. Beyer, X. Zhai, A. Kolesnikov, Better plain ViT baselines for
// ImageNet-1k, 2022, https://arxiv.org/abs/2205.01580).
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
		NewPositions("positions", positions, width, init),
		NewDropout(c.Dropout, c.Seed),
	}
	net = append(net, newBlocks(c.Transformer, init)...)
	return NewSequential(append(net,
		NewLayerNorm("norm", width, init),
		NewFunc("mean", graph.MeanPositions),
		NewDense("head", width, c.Classes, init),
	)...)
}
