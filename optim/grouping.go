package optim

import (
	"fmt"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// A Group is a set of parameters that take noise together: a "layer" of layer-wise noise.
type Group struct {
	Name   string   // for Last and for errors
	Params []*Param // at least one
}

// String describes the group in a line: its name, and the names and shapes of its parameters.
func (g Group) String() string {
	params := make([]string, len(g.Params))
	for i, p := range g.Params {
		params[i] = p.String()
	}
	return fmt.Sprintf("%s: %s", g.Name, strings.Join(params, ", "))
}

// A Grouping divides the parameters of a model, without the excluded ones, into groups. It is called once, when the solver
// first sees the model. Every group must hold at least one parameter, and no parameter may be in two groups. Parameters in
// no group never take noise.
type Grouping func(params []*Param) ([]Group, error)

// ByTensor makes each parameter tensor a group, as the authors' code does: a weight and its bias take turns.
func ByTensor() Grouping {
	return func(params []*Param) ([]Group, error) {
		groups := make([]Group, len(params))
		for i, p := range params {
			groups[i] = Group{Name: p.Name(), Params: []*Param{p}}
		}
		return groups, nil
	}
}

// ByLayer makes each layer a group, so that a weight and its bias take noise at the same step. Each argument lists the
// parameters of a layer; write them out, or let graph.Layers find them:
//
//	layers, err := graph.Layers(cost, learnables...)
//	...
//	optim.WithGrouping(optim.ByLayer(layers...))
//
// Every parameter of the model must be listed, or it is an error. Without arguments, layers are found by name: parameters
// whose names agree up to the last dot form a layer (conv1.weight and conv1.bias), and a name without a dot is a layer of
// its own.
func ByLayer(layers ...[]*G.Node) Grouping {
	if len(layers) == 0 {
		return byPrefix
	}
	return func(params []*Param) ([]Group, error) { return byNodes(params, layers) }
}

func byPrefix(params []*Param) ([]Group, error) {
	var groups []Group
	place := map[string]int{}
	for _, p := range params {
		prefix := p.Name()
		if dot := strings.LastIndexByte(prefix, '.'); dot > 0 {
			prefix = prefix[:dot]
		}
		i, known := place[prefix]
		if !known {
			i = len(groups)
			place[prefix] = i
			groups = append(groups, Group{Name: prefix})
		}
		groups[i].Params = append(groups[i].Params, p)
	}
	return groups, nil
}

// byNodes identifies parameters by their memory, so the layers may list nodes of another graph.
func byNodes(params []*Param, layers [][]*G.Node) ([]Group, error) {
	layerOf := map[*Param]int{}
	for i, layer := range layers {
		for _, node := range layer {
			if node == nil {
				return nil, errors.Wrapf(ErrModel, "optim: layer %d holds a nil node", i)
			}
			v, _, _, err := memoryOf(node, i)
			if err != nil {
				return nil, errors.WithMessagef(err, "optim: layer %d", i)
			}
			for _, p := range params {
				if p.vec.data() == v.data() {
					layerOf[p] = i
				}
			}
		}
	}
	members := make([]Group, len(layers))
	for _, p := range params {
		i, listed := layerOf[p]
		if !listed {
			return nil, errors.Wrapf(ErrModel, "optim: parameter %s %v is in no layer", p.Name(), p.Shape())
		}
		members[i].Params = append(members[i].Params, p)
	}
	groups := members[:0]
	for _, g := range members {
		if len(g.Params) > 0 { // a layer may be excluded as a whole
			groups = append(groups, Group{Name: layerName(g.Params), Params: g.Params})
		}
	}
	return groups, nil
}

// layerName returns the common prefix of the parameters' names up to a dot, or all names joined by plus signs.
func layerName(params []*Param) string {
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name()
	}
	if dot := strings.LastIndexByte(names[0], '.'); dot > 0 {
		prefix := names[0][:dot+1]
		for _, name := range names {
			if !strings.HasPrefix(name, prefix) {
				return strings.Join(names, "+")
			}
		}
		return names[0][:dot]
	}
	return strings.Join(names, "+")
}

// checkGroups rejects invalid results of a custom grouping.
func checkGroups(groups []Group) error {
	in := map[*Param]string{}
	for i, g := range groups {
		if len(g.Params) == 0 {
			return errors.Wrapf(ErrModel, "optim: group %d %q is empty", i, g.Name)
		}
		for _, p := range g.Params {
			if p == nil {
				return errors.Wrapf(ErrModel, "optim: group %d %q holds a nil parameter", i, g.Name)
			}
			if other, twice := in[p]; twice {
				return errors.Wrapf(ErrModel, "optim: parameter %s %v is in groups %q and %q", p.Name(), p.Shape(), other, g.Name)
			}
			in[p] = g.Name
		}
	}
	return nil
}
