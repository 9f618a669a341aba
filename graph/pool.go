package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// PoolConfig holds the settings of [MaxPool2D] and [AvgPool2D].
type PoolConfig struct {
	Kernel  [2]int // rows, columns
	Stride  [2]int // rows, columns; zero means the kernel's
	Padding [2]int // around the image: rows, columns; at most half the kernel
}

// MaxPool2D takes the largest element of each window. Among equal elements the first gets the gradient, a NaN in the window
// makes the result NaN, and padding is never the maximum.
//
// Shapes: x (N, C, H, W); result (N, C, (H+2ph-kh)/sh+1, (W+2pw-kw)/sw+1), rounded down.
func MaxPool2D(x *G.Node, p PoolConfig) (*G.Node, error) { return maxPool("MaxPool2D", x, p, false) }

// MaxPool2DReLU is [MaxPool2D] followed by a rectifier, in one operation. Rectifying before the pool would give the same
// result and gradient, but costs more.
func MaxPool2DReLU(x *G.Node, p PoolConfig) (*G.Node, error) {
	return maxPool("MaxPool2DReLU", x, p, true)
}

func maxPool(name string, x *G.Node, p PoolConfig, relu bool) (*G.Node, error) {
	s, err := pool(name, x, p)
	if err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return maxPoolNode[float32](name, s, x, relu)
	}
	return maxPoolNode[float64](name, s, x, relu)
}

func maxPoolNode[T kernel.Float](name string, s kernel.Pool, x *G.Node, relu bool) (*G.Node, error) {
	p := &kernel.MaxPool[T]{Pool: s, ReLU: relu}
	return unaryNode(name, pooled(s, x), x, p.Forward, p.Backward)
}

// AvgPool2D takes the mean of each window, including the zeros of the padding.
//
// Shapes are those of [MaxPool2D].
func AvgPool2D(x *G.Node, p PoolConfig) (*G.Node, error) {
	const name = "AvgPool2D"
	s, err := pool(name, x, p)
	if err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return avgPoolNode[float32](name, s, x)
	}
	return avgPoolNode[float64](name, s, x)
}

func avgPoolNode[T kernel.Float](name string, s kernel.Pool, x *G.Node) (*G.Node, error) {
	return unaryNode(name, pooled(s, x), x,
		func(y, x []T) { kernel.AvgPool(s, y, x) },
		func(dx, _, _, dy []T) { kernel.AvgPoolGrad(s, dx, dy) })
}

// pool checks the arguments of a pool.
func pool(name string, x *G.Node, p PoolConfig) (kernel.Pool, error) {
	in := input{"x", x}
	if err := check(name, in); err != nil {
		return kernel.Pool{}, err
	}
	if err := checkDims(name, in, 4); err != nil {
		return kernel.Pool{}, err
	}
	for i, k := range p.Kernel {
		if p.Stride[i] == 0 {
			p.Stride[i] = k
		}
		if p.Padding[i] > k/2 {
			return kernel.Pool{}, errors.Errorf("graph: %s: the padding is %v, want at most half the kernel of %v", name, p.Padding, p.Kernel)
		}
	}
	shape := x.Shape()
	w, err := window(name, shape, p.Kernel, p.Stride, p.Padding)
	return kernel.Pool{Window: w, Planes: shape[0] * shape[1]}, err
}

// pooled returns the shape of the result of a pool of x.
func pooled(s kernel.Pool, x *G.Node) tensor.Shape {
	return tensor.Shape{x.Shape()[0], x.Shape()[1], s.OutH(), s.OutW()}
}

// GlobalAvgPool takes the mean of each channel: x (N, C, H, W), result (N, C).
func GlobalAvgPool(x *G.Node) (*G.Node, error) {
	const name = "GlobalAvgPool"
	in := input{"x", x}
	if err := check(name, in); err != nil {
		return nil, err
	}
	if err := checkDims(name, in, 4); err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return globalAvgPoolNode[float32](name, x)
	}
	return globalAvgPoolNode[float64](name, x)
}

func globalAvgPoolNode[T kernel.Float](name string, x *G.Node) (*G.Node, error) {
	size := x.Shape()[2] * x.Shape()[3]
	return apply(&op[T]{
		name:  name,
		shape: x.Shape()[:2],
		run: func(y []T, in []operand[T]) error {
			kernel.MeanPlanes(y, in[0].f, size)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := gradient(name+"Grad", in[0], func(dx []T, v []operand[T]) error {
				kernel.SpreadPlanes(dx, v[0].f, size)
				return nil
			}, dy)
			return G.Nodes{dx}, err
		},
	}, x)
}
