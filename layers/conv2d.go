package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
)

// ConvConfig describes the window of a two-dimensional convolution. Pairs are (height, width).
type ConvConfig struct {
	Kernel  [2]int // at least 1
	Stride  [2]int // by default 1
	Padding [2]int // zeros added on each side, by default none
	NoBias  bool   // leaves the bias out, as before a batch norm
}

// Square returns the pair (n, n), for the windows, strides and paddings that are the same both ways.
func Square(n int) [2]int { return [2]int{n, n} }

// Conv2D is a two-dimensional convolution (cross-correlation, as in PyTorch).
type Conv2D struct {
	fault
	name         string
	in           int
	conv         graph.ConvConfig
	weight, bias *Param
}

// NewConv2D makes a convolution from (N, in, H, W) to (N, out, H', W'), H' = (H + 2*padding - size)/stride + 1 rounded
// down, with the parameters name.weight (out, in, kh, kw) and name.bias (out), initialised by init.
func NewConv2D(name string, in, out int, k ConvConfig, init Init) *Conv2D {
	c := &Conv2D{name: init.Prefix + name, in: in, conv: graph.ConvConfig{Stride: k.Stride, Padding: k.Padding}}
	if c.weight, c.err = init.Weight(name+".weight", out, in, k.Kernel[0], k.Kernel[1]); c.err != nil || k.NoBias {
		return c
	}
	c.bias, c.err = init.Bias(name+".bias", in*k.Kernel[0]*k.Kernel[1], out)
	return c
}

// Params returns the weight and, unless the layer was made without one, the bias.
func (c *Conv2D) Params() []*Param { return weightBias(c.err, c.weight, c.bias) }

// Forward builds the layer on x of shape (N, in, H, W).
func (c *Conv2D) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	return c.forward(b, x, false)
}

// forwardReLU builds the layer and the ReLU behind it as one operation.
func (c *Conv2D) forwardReLU(b *Builder, x *G.Node) (*G.Node, error) {
	return c.forward(b, x, true)
}

// withMaxPool returns the layer with a max pool of 2x2 behind it.
func (c *Conv2D) withMaxPool() *Conv2D {
	d := *c
	d.conv.MaxPool = true
	return &d
}

func (c *Conv2D) forward(b *Builder, x *G.Node, relu bool) (*G.Node, error) {
	if c.err != nil {
		return nil, c.err
	}
	if s := x.Shape(); len(s) != 4 || s[1] != c.in {
		return nil, misfit(c.name, x, fmt.Sprintf("(N, %d, H, W)", c.in))
	}
	w, bias, err := weightAndBias(b, c.weight, c.bias)
	if err != nil {
		return nil, err
	}
	conv := c.conv
	conv.ReLU = relu
	if err := checkWindow(c.name, x.Shape(), [2]int(w.Shape()[2:]), conv.Padding); err != nil {
		return nil, err
	}
	y, err := graph.Conv2D(x, w, bias, conv)
	return built(c.name, y, err)
}
