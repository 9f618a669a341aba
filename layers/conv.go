package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ConvConfig describes the window of a two-dimensional convolution. Pairs are (height, width).
type ConvConfig struct {
	Kernel  [2]int // height, width, at least 1
	Stride  [2]int // by default 1
	Padding [2]int // zeros added on each side, by default none
	NoBias  bool   // omits the bias, as before a batch norm
}

// Square returns the pair (n, n), for square windows and equal strides and paddings.
func Square(n int) [2]int { return [2]int{n, n} }

// Conv2D is a two-dimensional convolution (cross-correlation, as in PyTorch).
type Conv2D struct {
	fault
	name         string
	in           int
	conv         graph.ConvConfig
	weight, bias *Param
}

// NewConv2D makes a convolution from (N, in, H, W) to (N, out, H', W'), with H' = (H + 2*padding - kernel)/stride + 1
// rounded down. Its parameters are name.weight (out, in, kh, kw) and name.bias (out), initialised by init.
func NewConv2D(name string, in, out int, k ConvConfig, init Init) *Conv2D {
	c := &Conv2D{name: init.Prefix + name, in: in, conv: graph.ConvConfig{Stride: k.Stride, Padding: k.Padding}}
	if c.weight, c.err = init.Weight(name+".weight", out, in, k.Kernel[0], k.Kernel[1]); c.err != nil || k.NoBias {
		return c
	}
	c.bias, c.err = init.Bias(name+".bias", in*k.Kernel[0]*k.Kernel[1], out)
	return c
}

// Params returns the weight and, unless NoBias was set, the bias.
func (c *Conv2D) Params() []*Param { return weightBias(c.err, c.weight, c.bias) }

// Forward applies the layer to x of shape (N, in, H, W).
func (c *Conv2D) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	return c.forward(b, x, false)
}

// forwardReLU applies the layer and a ReLU in one operation.
func (c *Conv2D) forwardReLU(b *Builder, x *G.Node) (*G.Node, error) {
	return c.forward(b, x, true)
}

// withMaxPool returns the layer with a max pool of 2x2 after it.
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

// PoolConfig is the window of a pooling layer: Kernel, Stride and Padding, each (height, width). A zero stride means the
// kernel's size.
type PoolConfig = graph.PoolConfig

// MaxPool2D takes the maximum over windows of each channel.
type MaxPool2D struct{ pool PoolConfig }

// NewMaxPool2D makes a layer that takes the maximum over windows of each channel, (N, C, H, W) to (N, C, H', W'), with H' =
// (H + 2*padding - kernel)/stride + 1 rounded down.
func NewMaxPool2D(p PoolConfig) MaxPool2D { return MaxPool2D{p} }

// Params returns nil: there are none.
func (MaxPool2D) Params() []*Param { return nil }

// Forward applies the layer to x of shape (N, C, H, W).
func (m MaxPool2D) Forward(_ *Builder, x *G.Node) (*G.Node, error) {
	if err := checkPool("max pool", x, m.pool); err != nil {
		return nil, err
	}
	y, err := graph.MaxPool2D(x, m.pool)
	return built(m.label(x), y, err)
}

// forwardReLU applies the layer and a ReLU in one operation.
func (m MaxPool2D) forwardReLU(_ *Builder, x *G.Node) (*G.Node, error) {
	if err := checkPool("max pool", x, m.pool); err != nil {
		return nil, err
	}
	y, err := graph.MaxPool2DReLU(x, m.pool)
	return built(m.label(x), y, err)
}

func (m MaxPool2D) label(x *G.Node) string { return fmt.Sprintf("max pool of %v", x.Shape()) }

// NewAvgPool2D makes a layer that averages over windows of each channel, with the shapes of NewMaxPool2D. The zeros of the
// padding are included, as is PyTorch's default.
func NewAvgPool2D(p PoolConfig) *Func {
	return NewFunc("average pool", func(x *G.Node) (*G.Node, error) {
		if err := checkPool("average pool", x, p); err != nil {
			return nil, err
		}
		return graph.AvgPool2D(x, p)
	})
}

// checkPool checks that x is images and the pool's window fits into them.
func checkPool(name string, x *G.Node, p PoolConfig) error {
	if x.Dims() != 4 {
		return misfit(name, x, "(N, C, H, W)")
	}
	return checkWindow(name, x.Shape(), p.Kernel, p.Padding)
}

// checkWindow checks that a window is not larger than padded images of shape (N, C, H, W).
func checkWindow(name string, images tensor.Shape, size, padding [2]int) error {
	for i, n := range images[2:] {
		if size[i] > n+2*padding[i] {
			return errors.Wrapf(ErrShape, "layers: %s: input %v with a padding of %v, want images no smaller than the kernel of %v",
				name, images, padding, size)
		}
	}
	return nil
}

// NewGlobalAvgPool makes a layer that averages each channel, (N, C, H, W) to (N, C).
func NewGlobalAvgPool() *Func { return NewFunc("global average pool", graph.GlobalAvgPool) }
