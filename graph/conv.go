package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ConvConfig holds the settings of [Conv2D]. The zero value is a convolution with stride one and no padding.
type ConvConfig struct {
	Stride  [2]int // rows, columns; zero means 1
	Padding [2]int // zeros around the image: rows, columns
	ReLU    bool   // whether to apply a rectifier in the same operation

	// MaxPool applies a max pool of 2x2 without overlap, after the rectifier if there is one. If the convolution's result has
	// even sides, it is all one operation. In float32 and with stride 1, the convolution's result, four times as large as the
	// pooled one, is then never stored as a whole.
	MaxPool bool
}

// Conv2D is a two-dimensional convolution (more precisely cross-correlation, as is usual in deep learning).
//
// Shapes: x (N, C, H, W); w (out, C, kh, kw); b (out), or nil for none; result (N, out, (H+2ph-kh)/sh+1, (W+2pw-kw)/sw+1),
// rounded down, and with MaxPool half of that, rounded down again.
func Conv2D(x, w, b *G.Node, c ConvConfig) (*G.Node, error) {
	const name = "Conv2D"
	if err := checkAffine(name, x, w, b, 1, []int{4}, "(out, %d, kh, kw)"); err != nil {
		return nil, err
	}
	window, err := window(name, x.Shape(), [2]int{w.Shape()[2], w.Shape()[3]}, c.Stride, c.Padding)
	if err != nil {
		return nil, err
	}
	s := kernel.Conv{Window: window, N: x.Shape()[0], C: x.Shape()[1], Out: w.Shape()[0]}
	if c.MaxPool && (s.OutH()%2 != 0 || s.OutW()%2 != 0) {
		c.MaxPool = false
		y, err := Conv2D(x, w, b, c)
		if err != nil {
			return nil, err
		}
		return MaxPool2D(y, PoolConfig{Kernel: [2]int{2, 2}})
	}
	if x.Dtype() == tensor.Float32 {
		return convNode[float32](name, s, c, x, w, b)
	}
	return convNode[float64](name, s, c, x, w, b)
}

// mostPadding bounds the padding, so that sizes of images do not overflow.
const mostPadding = 1 << 20

// window checks and completes the settings of a convolution or a pool.
func window(name string, x tensor.Shape, size, stride, padding [2]int) (kernel.Window, error) {
	for i, s := range stride {
		if s == 0 {
			stride[i] = 1
		}
		switch {
		case size[i] < 1:
			return kernel.Window{}, errors.Errorf("graph: %s: the kernel is %v, want at least 1", name, size)
		case s < 0:
			return kernel.Window{}, errors.Errorf("graph: %s: the stride is %v, want at least 1", name, stride)
		case padding[i] < 0 || padding[i] > mostPadding:
			return kernel.Window{}, errors.Errorf("graph: %s: the padding is %v, want 0 to %d", name, padding, mostPadding)
		case size[i] > x[2+i]+2*padding[i]:
			return kernel.Window{}, errors.Errorf("graph: %s: a kernel of %v is larger than x of shape %v with a padding of %v", name, size, x, padding)
		}
	}
	return kernel.Window{
		H: x[2], W: x[3],
		KH: size[0], KW: size[1],
		SH: stride[0], SW: stride[1],
		PH: padding[0], PW: padding[1],
	}, nil
}

func convNode[T kernel.Float](name string, s kernel.Conv, c ConvConfig, x, w, b *G.Node) (*G.Node, error) {
	if c.MaxPool {
		return convPoolNode[T](name, s, c.ReLU, x, w, b)
	}
	return affine[T]{
		name:    name,
		shape:   tensor.Shape{s.N, s.Out, s.OutH(), s.OutW()},
		relu:    c.ReLU,
		forward: func(y, x, w, b []T, relu bool) { kernel.ConvForward(s, y, x, w, b, relu) },
		gradX:   func(dx, dy, w []T) { kernel.ConvGradX(s, dx, dy, w) },
		gradW:   func(dw, dy, x []T) { kernel.ConvGradW(s, dw, dy, x) },
		gradB:   func(db, dy, _ []T) { kernel.ConvGradB(db, dy, nil, s.OutH()*s.OutW()) },
	}.node(x, w, b)
}

func convPoolNode[T kernel.Float](name string, s kernel.Conv, relu bool, x, w, b *G.Node) (*G.Node, error) {
	p := &kernel.ConvPool[T]{Conv: s, ReLU: relu}
	return affine[T]{
		name:    name,
		shape:   tensor.Shape{s.N, s.Out, s.OutH() / 2, s.OutW() / 2},
		relu:    relu,
		forward: func(y, x, w, b []T, _ bool) { p.Forward(y, x, w, b) },
		gradX:   p.GradX,
		gradW:   p.GradW,
		gradB:   p.GradB,
		picks:   true,
	}.node(x, w, b)
}
