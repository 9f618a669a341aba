package layers

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Layer is a building block of a network, or a whole network. A program may add its own: whatever has these two methods
// goes into containers, files, a [Classifier] and a [LanguageModel] like the layers of this package.
type Layer interface {
	// Forward adds the layer's operations to the graph of x and returns their result. It computes nothing yet. The nodes
	// of the parameters come from b, which also knows whether the graph trains or evaluates. One layer may be built into
	// any number of graphs: they all read and write the same tensors.
	Forward(b *Builder, x *G.Node) (*G.Node, error)

	// Params returns the layer's parameters and running statistics, always in the same order: that of the computation, a
	// weight before its bias. They are the layer's own, not copies. A layer without any returns nil.
	Params() []*Param
}

// check returns what made the constructor of a layer fail, nil for a usable layer.
func check(l Layer) error {
	if l == nil {
		return ErrNilLayer
	}
	if f, ok := l.(interface{ Err() error }); ok {
		return f.Err()
	}
	return nil
}

// fault is embedded in the layers whose constructors can be given impossible arguments.
type fault struct{ err error }

// Err returns what is wrong with the arguments the layer was constructed from, nil when nothing is.
func (f fault) Err() error { return f.err }

// built returns the node of a layer's operation, or the operation's error with the layer's name.
func built(name string, y *G.Node, err error) (*G.Node, error) {
	if err != nil {
		return nil, errors.Wrapf(err, "layers: %s", name)
	}
	return y, nil
}

// misfit is the error of a layer whose input has another shape than it was made for.
func misfit(name string, x *G.Node, want string) error {
	return errors.Wrapf(ErrShape, "layers: %s: input %v, want %s", name, x.Shape(), want)
}
