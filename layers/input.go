package layers

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// input is the node through which a graph gets its images. The node is bound to one tensor for good, into which each batch is
// copied.
type input struct {
	node  *G.Node
	value *tensor.Dense // (batch, ...image)
	batch int
	image tensor.Shape
}

// newInput adds an input of batch images to g.
func newInput(g *G.ExprGraph, dtype tensor.Dtype, batch int, image tensor.Shape) *input {
	shape := append(tensor.Shape{batch}, image...)
	value := tensor.New(tensor.Of(dtype), tensor.WithShape(shape...))
	node := G.NewTensor(g, dtype, len(shape), G.WithShape(shape...), G.WithName("images"), G.WithValue(value))
	return &input{node: node, value: value, batch: batch, image: image}
}

// count returns how many images a tensor holds, or why they do not fit: they must have the shape of the input's, or one of
// the two be flat, and lie row by row in memory.
func (in *input) count(images *tensor.Dense) (int, error) {
	if images == nil {
		return 0, errors.Wrap(ErrShape, "layers: no images")
	}
	s := images.Shape()
	switch dt := images.Dtype(); {
	case dt != tensor.Float32 && dt != tensor.Float64:
		return 0, errors.Wrapf(ErrShape, "layers: images %v of %v, want float32 or float64", s, dt)
	case len(s) < 2, s[0] < 1,
		s[1:].TotalSize() != in.image.TotalSize(),
		len(s) > 2 && len(in.image) > 1 && !s[1:].Eq(in.image):
		return 0, errors.Wrapf(ErrShape, "layers: images %v, want N times %v", s, in.image)
	case images.RequiresIterator() || !images.DataOrder().IsRowMajor():
		return 0, errors.Wrapf(ErrShape, "layers: images %v are not contiguous in memory", s)
	}
	return s[0], nil
}

// load copies the images numbered lo to hi-1 to the first rows of the input. The other rows keep what they held. The caller has
// counted the images.
func (in *input) load(images *tensor.Dense, lo, hi int) {
	size := in.image.TotalSize()
	convert(in.value.Data(), elements(images.Data(), lo*size, hi*size))
}

// elements returns the part from lo to hi of a []float32 or []float64.
func elements(data interface{}, lo, hi int) interface{} {
	if d, ok := data.([]float32); ok {
		return d[lo:hi]
	}
	return data.([]float64)[lo:hi]
}
