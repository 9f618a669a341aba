package graph

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// input is a node with its name for errors.
type input struct {
	name string
	node *G.Node
}

// check returns an error unless all nodes are non-nil, in one graph, and of one dtype, float32 or float64.
func check(op string, in ...input) error {
	for _, x := range in {
		if x.node == nil {
			return errors.Errorf("graph: %s: %s is nil", op, x.name)
		}
		first := in[0]
		switch dt := x.node.Dtype(); {
		case dt != tensor.Float32 && dt != tensor.Float64:
			return errors.Errorf("graph: %s: %s is of type %v, want float32 or float64", op, x.name, dt)
		case dt != first.node.Dtype():
			return errors.Errorf("graph: %s: %s is of type %v, but %s of %v", op, x.name, dt, first.name, first.node.Dtype())
		case x.node.Graph() != first.node.Graph():
			return errors.Errorf("graph: %s: %s and %s are in different graphs", op, x.name, first.name)
		}
	}
	return nil
}

// checkDims returns an error unless the number of axes of x is in dims and none of them is empty.
func checkDims(op string, x input, dims ...int) error {
	shape := x.node.Shape()
	if slices.Contains(dims, len(shape)) {
		if len(shape) == 0 || shape.TotalSize() > 0 {
			return nil
		}
		return errors.Errorf("graph: %s: %s has shape %v, with an empty axis", op, x.name, shape)
	}
	return errors.Errorf("graph: %s: %s has shape %v, want %v axes", op, x.name, shape, dims)
}

// checkShape returns an error unless x has the shape want, which follows from the shape of by.
func checkShape(op string, x input, want tensor.Shape, by input) error {
	if shape := x.node.Shape(); !same(shape, want) {
		return errors.Errorf("graph: %s: %s has shape %v, want %v for %s of shape %v", op, x.name, shape, want, by.name, by.node.Shape())
	}
	return nil
}

// same reports whether two shapes are equal. (Shape.Eq does not tell rows from columns.)
func same(a, b tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
