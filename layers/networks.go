package layers

import (
	"fmt"
	"strconv"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// The fully connected networks of Orvieto, Raj, Kersting, Bach, Explicit Regularization in Overparametrized Models via Noise
// Injection, AISTATS 2023, https://arxiv.org/abs/2206.04613, for images of 28x28 and ten classes. Input (N, 784), result (N,
// 10).

// NewMLP1 makes the network of widths 784-500-500-500-10: 898,510 parameters.
func NewMLP1(init Init) *Sequential { return NewMLP(init, 784, 500, 500, 500, 10) }

// NewMLP2 makes the network of widths 784-5000-5000-5000-10: 53,985,010 parameters.
func NewMLP2(init Init) *Sequential { return NewMLP(init, 784, 5000, 5000, 5000, 10) }

// NewMLP3 makes the network of width 784, five times 1000, and 10: 4,799,010 parameters.
func NewMLP3(init Init) *Sequential {
	return NewMLP(init, 784, 1000, 1000, 1000, 1000, 1000, 10)
}

// NewMLP makes a multi-layer perceptron: dense layers fc1, fc2, ... between the given widths, the first of which is the
// input's, with a ReLU after all but the last.
func NewMLP(init Init, widths ...int) *Sequential {
	var net []Layer
	for i := 1; i < len(widths); i++ {
		if i > 1 {
			net = append(net, NewReLU())
		}
		net = append(net, NewDense("fc"+strconv.Itoa(i), widths[i-1], widths[i], init))
	}
	return NewSequential(net...)
}

// The small convolutional networks of Orvieto, Raj, Kersting, Bach, Explicit Regularization in Overparametrized Models via
// Noise Injection, AISTATS 2023, https://arxiv.org/abs/2206.04613, for colour images of 32x32 and ten classes. Input (N, 3,
// 32, 32), result (N, 10).

// NewCNN1 makes two 5x5 convolutions of 6 and 16 channels, each with ReLU and 2x2 max pooling, and dense layers
// 400-120-84-10: 62,006 parameters.
func NewCNN1(init Init) *Sequential {
	return NewSequential(
		NewConv2D("conv1", 3, 6, ConvConfig{Kernel: Square(5)}, init), NewReLU(), NewMaxPool2D(PoolConfig{Kernel: Square(2)}),
		NewConv2D("conv2", 6, 16, ConvConfig{Kernel: Square(5)}, init), NewReLU(), NewMaxPool2D(PoolConfig{Kernel: Square(2)}),
		NewFlatten(),
		NewMLP(init, 400, 120, 84, 10),
	)
}

// NewCNN2 makes 3x3 convolutions of 32, 128, 128 and 128 channels, each with ReLU and 2x2 max pooling, a global average pool
// and a dense layer 128-10: 334,346 parameters.
func NewCNN2(init Init) *Sequential {
	return NewSequential(convolutions(init), NewMLP(init, 128, 10))
}

// NewCNN3 makes the convolutions of NewCNN2 with dense layers 128-5000-10: 1,028,066 parameters. The authors' code has a
// ReLU on the logits, which is NewSequential(NewCNN3(init), NewReLU()).
func NewCNN3(init Init) *Sequential {
	return NewSequential(convolutions(init), NewMLP(init, 128, 5000, 10))
}

// convolutions makes the common part of NewCNN2 and NewCNN3, (N, 3, 32, 32) to (N, 128).
func convolutions(init Init) *Sequential {
	var net []Layer
	channels := []int{3, 32, 128, 128, 128}
	for i := 1; i < len(channels); i++ {
		net = append(net,
			NewConv2D("conv"+strconv.Itoa(i), channels[i-1], channels[i], ConvConfig{Kernel: Square(3), Padding: Square(1)}, init),
			NewReLU(),
			NewMaxPool2D(PoolConfig{Kernel: Square(2)}))
	}
	return NewSequential(append(net, NewGlobalAvgPool())...)
}

// NewResNet18 makes the residual network of 18 layers for colour images of 32x32: a 3x3 stem without pooling and basic
// blocks 2-2-2-2. With ten classes it has 11,173,962 parameters in 62 tensors. Input (N, 3, 32, 32), result (N, classes).
// Parameters have torchvision's names.
//
// K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016,
// https://arxiv.org/abs/1512.03385.
func NewResNet18(classes int, init Init) *Sequential { return newResNet(classes, init, 2, 2, 2, 2) }

// NewResNet34 makes the residual network of 34 layers, like NewResNet18 but with basic blocks 3-4-6-3. With ten classes it
// has 21,282,122 parameters.
func NewResNet34(classes int, init Init) *Sequential { return newResNet(classes, init, 3, 4, 6, 3) }

// newResNet makes a network of basic blocks, blocks[i] of them in stage i. The stages have 64, 128, ... channels, and all
// but the first halve the image.
func newResNet(classes int, init Init, blocks ...int) *Sequential {
	channels := 64
	net := []Layer{conv3x3("conv1", 3, channels, 1, init), NewBatchNorm("bn1", channels, init), NewReLU()}
	for stage, n := range blocks {
		out, stride := 64<<stage, 1
		if stage > 0 {
			stride = 2
		}
		for i := 0; i < n; i++ {
			net = append(net, newBasicBlock(fmt.Sprintf("layer%d.%d", stage+1, i), channels, out, stride, init), NewReLU())
			channels, stride = out, 1
		}
	}
	net = append(net, NewGlobalAvgPool(), NewDense("fc", channels, classes, init))
	return NewSequential(net...)
}

// newBasicBlock makes two 3x3 convolutions with batch norm beside a shortcut, which is a strided 1x1 convolution with batch
// norm if the shape changes. The ReLU of the sum is not included.
func newBasicBlock(name string, in, out, stride int, init Init) *Residual {
	body := NewSequential(
		conv3x3(name+".conv1", in, out, stride, init), NewBatchNorm(name+".bn1", out, init), NewReLU(),
		conv3x3(name+".conv2", out, out, 1, init), NewBatchNorm(name+".bn2", out, init),
	)
	if stride == 1 && in == out {
		return NewResidual(body, nil)
	}
	return NewResidual(body, NewSequential(
		NewConv2D(name+".downsample.0", in, out, ConvConfig{Kernel: Square(1), Stride: Square(stride), NoBias: true}, init),
		NewBatchNorm(name+".downsample.1", out, init),
	))
}

// conv3x3 makes a convolution of the residual networks: padded, without bias.
func conv3x3(name string, in, out, stride int, init Init) *Conv2D {
	return NewConv2D(name, in, out, ConvConfig{Kernel: Square(3), Stride: Square(stride), Padding: Square(1), NoBias: true}, init)
}

// NewVGG11 makes configuration A with batch norm for colour images of 32x32: eight 3x3 convolutions with batch norm and
// ReLU, five 2x2 max pools, and dense layers 512-4096-4096-classes with dropout of one half. With a hundred classes it has
// 28,518,244 parameters in 38 tensors. Input (N, 3, 32, 32), result (N, classes). Parameters have the names of torchvision's
// vgg11_bn.
//
// K. Simonyan, A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
// https://arxiv.org/abs/1409.1556.
func NewVGG11(classes int, init Init) *Sequential {
	const pool = 0
	var net []Layer
	in, position := 3, 0
	for _, out := range []int{64, pool, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool} {
		if out == pool {
			net = append(net, NewMaxPool2D(PoolConfig{Kernel: Square(2)}))
			position++
			continue
		}
		net = append(net,
			NewConv2D("features."+strconv.Itoa(position), in, out, ConvConfig{Kernel: Square(3), Padding: Square(1)}, init),
			NewBatchNorm("features."+strconv.Itoa(position+1), out, init),
			NewReLU())
		in, position = out, position+3
	}
	return NewSequential(append(net,
		NewFlatten(),
		NewDense("classifier.0", 512, 4096, init), NewReLU(), init.dropout("classifier.2", 0.5),
		NewDense("classifier.3", 4096, 4096, init), NewReLU(), init.dropout("classifier.5", 0.5),
		NewDense("classifier.6", 4096, classes, init),
	)...)
}

// GPTConfig holds the settings of [NewGPT].
type GPTConfig struct {
	Transformer
	Vocabulary int // tokens are 0 to Vocabulary-1
	Context    int // the longest sequence

	// Untied gives the logits their own weight, head.weight (Vocabulary, Width), initialised like a dense layer's. By default
	// they use the table of the tokens.
	Untied bool
}

// NewGPT makes a language model: from tokens (N, T) of type tensor.Int, with T at most Context, to the logits (N, T,
// Vocabulary) of the token that follows each, which depend only on the tokens up to there. It is an embedding "tokens",
// positions "positions", Depth causal blocks "layers.0" and so on (see [NewTransformerBlock]), a layer norm "norm" and the
// logits. Its cost is [graph.CrossEntropy] with the following tokens, (N, T).
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

// ViTConfig holds the settings of [NewViT].
type ViTConfig struct {
	Transformer
	Channels, Height, Width int // of the images; the width of a position is Transformer.Width
	Patch                   int // side of a patch; divides height and width
	Classes                 int // number of classes

	// ClassToken prepends a learnt position to the patches, the parameter class_token (1, 1, width), as in torchvision and timm
	// (there cls_token), and computes the logits from it. By default they are computed from the mean over the positions, which
	// does as well at less cost (L. Beyer, X. Zhai, A. Kolesnikov, Better plain ViT baselines for ImageNet-1k, 2022,
	// https://arxiv.org/abs/2205.01580).
	ClassToken bool
}

// NewViT makes a vision transformer, from images (N, Channels, Height, Width) to the logits (N, Classes): a convolution
// "patches", with stride equal to its kernel, that turns each patch into a position; positions "positions"; Depth blocks
// "layers.0" and so on (see [NewTransformerBlock]); a layer norm "norm"; the mean over the positions or the class token; and
// a dense layer "head".
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

// classToken prepends a learnt position.
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

// Forward applies the layer to x of shape (N, T, width); the result is (N, 1+T, width).
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
