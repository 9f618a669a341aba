package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ToSequence turns each image into a sequence with a position for each pixel, row by row, such as the output of a
// convolution that embeds the patches of an image for a transformer.
//
// Shapes: x (N, C, H, W); result (N, H*W, C).
func ToSequence(x *G.Node) (*G.Node, error) {
	const name = "ToSequence"
	m, err := imagesOf(name, x, 4)
	if err != nil {
		return nil, err
	}
	m.Channels = x.Shape()[1]
	m.Pixels = x.Shape()[2] * x.Shape()[3]
	shape := tensor.Shape{m.N, m.Pixels, m.Channels}
	if x.Dtype() == tensor.Float32 {
		return sequenceNode(name, m, shape, x, kernel.ToSequence[float32], kernel.FromSequence[float32])
	}
	return sequenceNode(name, m, shape, x, kernel.ToSequence[float64], kernel.FromSequence[float64])
}

// MeanPositions takes the mean over the positions of each sequence.
//
// Shapes: x (N, T, D); result (N, D).
func MeanPositions(x *G.Node) (*G.Node, error) {
	return onePosition("MeanPositions", x, kernel.MeanRows, kernel.SpreadRows, kernel.MeanRows, kernel.SpreadRows)
}

// FirstPosition takes the first position of each sequence, for example the class token put there by [PrependPosition].
//
// Shapes: x (N, T, D); result (N, D).
func FirstPosition(x *G.Node) (*G.Node, error) {
	return onePosition("FirstPosition", x, kernel.FirstRows, kernel.FirstRowsGrad, kernel.FirstRows, kernel.FirstRowsGrad)
}

// PrependPosition puts the same row before the positions of each sequence: the class token of a vision transformer.
//
// Shapes: x (N, T, D); row (D), or (1, 1, D) as in PyTorch's models; result (N, 1+T, D). For [Layers] the row is a layer of
// its own.
func PrependPosition(x, row *G.Node) (*G.Node, error) {
	const name = "PrependPosition"
	inX, inRow := input{"x", x}, input{"row", row}
	if err := check(name, inX, inRow); err != nil {
		return nil, err
	}
	m, err := imagesOf(name, x, 3)
	if err != nil {
		return nil, err
	}
	m.Pixels, m.Channels = x.Shape()[1], x.Shape()[2]
	if s := row.Shape(); !same(s, tensor.Shape{m.Channels}) && !same(s, tensor.Shape{1, 1, m.Channels}) {
		return nil, errors.Errorf("graph: %s: row has shape %v, want (%d) or (1, 1, %[3]d) for x of shape %[4]v", name, s, m.Channels, x.Shape())
	}
	if x.Dtype() == tensor.Float32 {
		return prependNode[float32](name, m, x, row)
	}
	return prependNode[float64](name, m, x, row)
}

func prependNode[T kernel.Float](name string, m kernel.Images, x, row *G.Node) (*G.Node, error) {
	return apply(&op[T]{
		name:  name,
		shape: tensor.Shape{m.N, 1 + m.Pixels, m.Channels},
		run: func(y []T, in []operand[T]) error {
			kernel.Prepend(m, y, in[0].f, in[1].f)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := gradient(name+"GradX", in[0], func(dx []T, v []operand[T]) error {
				kernel.PrependGradX(m, dx, v[0].f)
				return nil
			}, dy)
			if err != nil {
				return nil, err
			}
			drow, err := gradient(name+"GradRow", in[1], func(drow []T, v []operand[T]) error {
				kernel.PrependGradRow(m, drow, v[0].f)
				return nil
			}, dy)
			return G.Nodes{dx, drow}, err
		},
	}, x, row)
}

// imagesOf checks that x has the given number of axes, and counts its images.
func imagesOf(name string, x *G.Node, axes int) (kernel.Images, error) {
	in := input{"x", x}
	if err := check(name, in); err != nil {
		return kernel.Images{}, err
	}
	if err := checkDims(name, in, axes); err != nil {
		return kernel.Images{}, err
	}
	return kernel.Images{N: x.Shape()[0]}, nil
}

// passOf is a kernel of sequences, forward or backward.
type passOf[T kernel.Float] = func(m kernel.Images, y, x []T)

// onePosition reduces x of shape (N, T, D) to (N, D).
func onePosition(name string, x *G.Node, f32, grad32 passOf[float32], f64, grad64 passOf[float64]) (*G.Node, error) {
	m, err := imagesOf(name, x, 3)
	if err != nil {
		return nil, err
	}
	m.Pixels, m.Channels = x.Shape()[1], x.Shape()[2]
	shape := tensor.Shape{m.N, m.Channels}
	if x.Dtype() == tensor.Float32 {
		return sequenceNode(name, m, shape, x, f32, grad32)
	}
	return sequenceNode(name, m, shape, x, f64, grad64)
}

func sequenceNode[T kernel.Float](name string, m kernel.Images, shape tensor.Shape, x *G.Node, f, grad passOf[T]) (*G.Node, error) {
	return apply(&op[T]{
		name:  name,
		shape: shape,
		run: func(y []T, in []operand[T]) error {
			f(m, y, in[0].f)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := gradient(name+"Grad", in[0], func(dx []T, v []operand[T]) error {
				grad(m, dx, v[0].f)
				return nil
			}, dy)
			return G.Nodes{dx}, err
		},
	}, x)
}
