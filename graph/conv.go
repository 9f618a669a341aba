package graph

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Conv are the settings of [Conv2D]. The zero value is a convolution with
// stride one and no padding.
type Conv struct {
	Stride  [2]int // rows, columns; zero means 1
	Padding [2]int // zeros around the image, rows and columns
	ReLU    bool   // whether a rectifier follows, in the same operation
}

// Conv2D is a two-dimensional convolution (a cross-correlation, as everywhere in
// deep learning).
//
// Shapes: x (N, C, H, W); w (out, C, kh, kw); b (out), or nil for none; result
// (N, out, (H+2ph-kh)/sh+1, (W+2pw-kw)/sw+1).
func Conv2D(x, w, b *G.Node, c Conv) (*G.Node, error) {
	return nil, errors.New("graph: Conv2D: not there yet")
}
