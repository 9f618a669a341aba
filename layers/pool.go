package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// PoolConfig is the window of a pooling layer: Kernel, Stride and Padding, each (height, width). A zero stride means the kernel's
// size.
type PoolConfig = graph.PoolConfig

// MaxPool2D takes the maximum over windows of each channel.
type MaxPool2D struct{ pool PoolConfig }

// NewMaxPool2D makes a layer that takes the maximum over windows of each channel, (N, C, H, W) to (N, C, H', W'), H' =
// (H + 2*padding - kernel)/stride + 1 rounded down.
func NewMaxPool2D(p PoolConfig) MaxPool2D { return MaxPool2D{p} }

// Params returns nil: there are none.
func (MaxPool2D) Params() []*Param { return nil }

// Forward builds the layer on x of shape (N, C, H, W).
func (m MaxPool2D) Forward(_ *Builder, x *G.Node) (*G.Node, error) {
	if err := checkPool("max pool", x, m.pool); err != nil {
		return nil, err
	}
	y, err := graph.MaxPool2D(x, m.pool)
	return built(m.label(x), y, err)
}

// forwardReLU builds the layer and the ReLU behind it as one operation.
func (m MaxPool2D) forwardReLU(_ *Builder, x *G.Node) (*G.Node, error) {
	if err := checkPool("max pool", x, m.pool); err != nil {
		return nil, err
	}
	y, err := graph.MaxPool2DReLU(x, m.pool)
	return built(m.label(x), y, err)
}

func (m MaxPool2D) label(x *G.Node) string { return fmt.Sprintf("max pool of %v", x.Shape()) }

// NewAvgPool2D makes a layer that averages over windows of each channel, with the shapes of NewMaxPool2D. The zeros of the
// padding count, as is PyTorch's default.
func NewAvgPool2D(p PoolConfig) *Func {
	return NewFunc("average pool", func(x *G.Node) (*G.Node, error) {
		if err := checkPool("average pool", x, p); err != nil {
			return nil, err
		}
		return graph.AvgPool2D(x, p)
	})
}

// checkPool makes sure that x is images which the pool's window fits into.
func checkPool(name string, x *G.Node, p PoolConfig) error {
	if x.Dims() != 4 {
		return misfit(name, x, "(N, C, H, W)")
	}
	return checkWindow(name, x.Shape(), p.Kernel, p.Padding)
}

// checkWindow makes sure that a window is not larger than padded images of shape (N, C, H, W).
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
