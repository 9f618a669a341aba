package graph

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Layer is the parameters that belong together: a weight with its bias, or the
// scale and the shift of a batch norm.
type Layer = []*G.Node

// Layers sorts the learnables of an existing graph into layers, from its
// structure below the cost node. The layers come in the order of the list.
func Layers(cost *G.Node, learnables ...*G.Node) ([]Layer, error) {
	return nil, errors.New("graph: Layers: not there yet")
}
