package optim

import (
	"fmt"
	"weak"

	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/layernoise/layernoise/internal/nodename"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Param is a parameter tensor as seen by a [Grouping], a [Scaling] or an exclusion.
type Param struct {
	name  string
	shape tensor.Shape
	dtype tensor.Dtype
	index int // position in paramSet.list: the tensor number of its noise

	vec     vec           // the memory of the weights; empty if read from a saved state and not yet found in a model
	dense   *tensor.Dense // the only tensor over this memory, nil if there may be others
	company bool          // other tensors may lie over this memory
	node    sighting      // the node at which the parameter was seen last
	right   bool          // a matrix that is the right factor of a product

	moments [2]vec  // of a solver that updates weights
	placed  [2]bool // whether newMoment made their memory
	steps   uint64  // steps made with this parameter

	stamp uint64 // of the model that was resolved last, see paramSet
}

// Name returns the name of the parameter's node, or # and its position in the model if it has none.
func (p *Param) Name() string { return p.name }

// String returns the parameter's name and shape.
func (p *Param) String() string { return fmt.Sprintf("%s %v", p.name, p.shape) }

// Shape returns the shape of the tensor, () for a scalar. The caller must not change it.
func (p *Param) Shape() tensor.Shape { return p.shape }

// Size returns the number of elements.
func (p *Param) Size() int { return p.vec.len() }

// Index returns the parameter's number among those that the solver has met, from 0.
func (p *Param) Index() int { return p.index }

// RMS returns the current root mean square of the weights.
func (p *Param) RMS() float64 { return p.vec.rms() }

// Node returns the node that last stood for the parameter. It is nil if that was not a node, or if its graph has been
// garbage-collected: a solver keeps tensors alive, never graphs.
func (p *Param) Node() *G.Node {
	if n := p.node.node.Value(); n != nil && p.node.of(n) {
		return n
	}
	return nil
}

// sighting is a node that stood for a parameter, and its graph, without keeping them alive. A node means nothing without its
// graph, since Gorgonia reuses nodes given back by gorgonia.ReturnNode.
type sighting struct {
	node  weak.Pointer[G.Node]
	graph weak.Pointer[G.ExprGraph]
}

func sightingOf(n *G.Node) sighting {
	return sighting{node: weak.Make(n), graph: weak.Make(n.Graph())}
}

// of reports whether source is the node that was seen.
func (s sighting) of(source G.ValueGrad) bool {
	n, ok := source.(*G.Node)
	return ok && n.Graph() != nil && s.node.Value() == n && s.graph.Value() == n.Graph()
}

// grad returns the memory of the gradient, or an error that names the parameter.
func (p *Param) grad(source G.ValueGrad) (vec, error) {
	value, err := source.Grad()
	if err != nil {
		return vec{}, errors.Wrapf(ErrNoGradient, "optim: parameter %s %v (%v)", p.name, p.shape, err)
	}
	if isnil.Of(value) {
		return vec{}, errors.Wrapf(ErrNoGradient, "optim: parameter %s %v", p.name, p.shape)
	}
	g, err := vecOf(value)
	if err != nil {
		return vec{}, errors.Wrapf(err, "optim: gradient of parameter %s %v", p.name, p.shape)
	}
	if g.len() != p.vec.len() || g.dtype() != p.dtype {
		return vec{}, errors.Errorf("optim: parameter %s is %v %v, its gradient %v %v",
			p.name, p.dtype, p.shape, g.dtype(), value.Shape())
	}
	return g, nil
}

// like reports whether p has this shape and dtype.
func (p *Param) like(shape tensor.Shape, dtype tensor.Dtype) bool {
	return p.dtype == dtype && p.shape.Eq(shape)
}

func checkSource(source G.ValueGrad, place int) error {
	if source == nil {
		return errors.Wrapf(ErrModel, "optim: parameter %d is nil", place)
	}
	if node, ok := source.(*G.Node); ok && node == nil {
		return errors.Wrapf(ErrModel, "optim: parameter %d is nil", place)
	}
	if isnil.Of(source.Value()) {
		return errors.Wrapf(ErrModel, "optim: parameter %s has no value", nameOf(source, place))
	}
	return nil
}

// nameOf returns the name of a node, or one made from its position in the model.
func nameOf(source G.ValueGrad, place int) string {
	if name := nodename.Of(source); name != "" {
		return name
	}
	return fmt.Sprintf("#%d", place)
}
