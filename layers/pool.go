package layers

import (
	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
)

// Pool is the window of a pooling layer: Kernel, Stride and Padding, each (height, width). A zero stride means the kernel's
// size.
type Pool = graph.Pool

// NewMaxPool2D makes a layer that takes the maximum over windows of each channel, (N, C, H, W) to (N, C, H', W'), H' =
// (H + 2*padding - kernel)/stride + 1 rounded down.
func NewMaxPool2D(p Pool) *Func {
	return NewFunc("max pool", func(x *G.Node) (*G.Node, error) { return graph.MaxPool2D(x, p) })
}

// NewAvgPool2D makes a layer that averages over windows of each channel, with the shapes of NewMaxPool2D. The zeros of the
// padding count, as is PyTorch's default.
func NewAvgPool2D(p Pool) *Func {
	return NewFunc("average pool", func(x *G.Node) (*G.Node, error) { return graph.AvgPool2D(x, p) })
}

// NewGlobalAvgPool makes a layer that averages each channel, (N, C, H, W) to (N, C).
func NewGlobalAvgPool() *Func { return NewFunc("global average pool", graph.GlobalAvgPool) }
