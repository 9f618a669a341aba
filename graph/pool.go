package graph

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Pool are the settings of [MaxPool2D] and [AvgPool2D].
type Pool struct {
	Kernel  [2]int // rows, columns
	Stride  [2]int // zero means the kernel's
	Padding [2]int // around the image, rows and columns; at most half the kernel
}

// MaxPool2D is the largest element of each window; of equal elements the first
// gets the gradient, and a NaN in the window gives a NaN. Padding never wins.
//
// Shapes: x (N, C, H, W); result (N, C, (H+2ph-kh)/sh+1, (W+2pw-kw)/sw+1).
func MaxPool2D(x *G.Node, p Pool) (*G.Node, error) {
	return nil, errors.New("graph: MaxPool2D: not there yet")
}

// AvgPool2D is the mean of each window, the padding's zeros included.
//
// Shapes are those of [MaxPool2D].
func AvgPool2D(x *G.Node, p Pool) (*G.Node, error) {
	return nil, errors.New("graph: AvgPool2D: not there yet")
}

// GlobalAvgPool is the mean of each channel: x (N, C, H, W), result (N, C).
func GlobalAvgPool(x *G.Node) (*G.Node, error) {
	return nil, errors.New("graph: GlobalAvgPool: not there yet")
}
