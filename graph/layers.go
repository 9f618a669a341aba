package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/internal/nodename"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Layer lists parameters that belong together: a weight with its bias, or the scale of a batch norm with its shift.
type Layer = []*G.Node

// learnable names a parameter in errors: by its index, and by its name if it has one.
func learnable(i int, p *G.Node) string {
	if name := nodename.Of(p); name != "" {
		return fmt.Sprintf("learnable %d, %s,", i, name)
	}
	return fmt.Sprintf("learnable %d", i)
}

// Layers groups the parameters of an existing graph into layers. It uses the structure of the graph below the cost node, not
// names, for Gorgonia's operations and this package's alike, before or after [gorgonia.Grad]:
//
//   - A parameter that is added to a product, possibly reshaped or broadcast,
//     belongs to the parameters of that product: a bias to its weight, the shift
//     of a batch norm to its scale. If products are added up first, as in a
//     recurrent cell, all belong together.
//   - Parameters that enter the same operation together with data belong
//     together: the weight and the bias of [Dense], the scale and the shift of
//     [BatchNorm].
//   - Any other parameter is a layer of its own. In particular, the scale and
//     shift of a batch norm do not belong to the convolution before it, nor two
//     weights that are multiplied with each other to one another, nor an
//     embedding to what is computed from its rows.
//
// A dense layer that computes the queries, keys and values of an attention in one tensor is one layer; three dense layers
// for [Attention] are three.
//
// Data is anything that does not depend on the learnables alone, and the rows taken from an embedding, by
// [gorgonia.ByIndices] or by a [gorgonia.Slice] that is multiplied with a whole parameter. A slice of a parameter that is
// multiplied with data is a weight, as in cells that pack the weights of their gates. Parameters used in several places, and
// their partners there, form one layer.
//
// The layers are in the order of their first parameters in learnables, and so are the parameters within a layer. It is an
// error if a learnable is nil, occurs twice, is not a leaf, or does not reach the cost.
func Layers(cost *G.Node, learnables ...*G.Node) ([]Layer, error) {
	if cost == nil {
		return nil, errors.New("graph: Layers: the cost is nil")
	}
	s := newStructure(cost, learnables)
	for i, p := range learnables {
		switch {
		case p == nil:
			return nil, errors.Errorf("graph: Layers: learnable %d is nil", i)
		case p.Op() != nil:
			return nil, errors.Errorf("graph: Layers: %s is not a leaf", learnable(i, p))
		case s.index[p] != i:
			return nil, errors.Errorf("graph: Layers: %s is listed twice", learnable(i, p))
		case p != cost && len(s.parents[p]) == 0:
			return nil, errors.Errorf("graph: Layers: %s does not reach the cost %s", learnable(i, p), cost.Name())
		}
	}
	for _, p := range learnables {
		s.join(p, s.partners(p, p)...)
	}
	return s.layers(learnables), nil
}

// structure is the part of a graph that a cost depends on.
type structure struct {
	parents map[*G.Node][]*G.Node // the users of a node, each as often as it uses it
	data    map[*G.Node]bool      // whether a node depends on anything other than learnables
	index   map[*G.Node]int       // index of each learnable in their list
	leader  []int                 // of the layer of each learnable, as a union-find forest
}

func newStructure(cost *G.Node, learnables []*G.Node) *structure {
	s := &structure{
		parents: map[*G.Node][]*G.Node{},
		data:    map[*G.Node]bool{},
		index:   map[*G.Node]int{},
		leader:  make([]int, len(learnables)),
	}
	for i, p := range learnables {
		if _, ok := s.index[p]; !ok {
			s.index[p] = i
		}
		s.leader[i] = i
	}
	s.visit(cost)
	return s
}

// visit records n and everything it depends on.
func (s *structure) visit(n *G.Node) {
	if _, seen := s.data[n]; seen {
		return
	}
	_, learnable := s.index[n]
	data := n.IsVar() && !learnable
	for _, c := range operands(n) {
		s.visit(c)
		s.parents[c] = append(s.parents[c], n)
		data = data || s.data[c]
	}
	s.data[n] = data
	_, fed := s.factors(n)
	s.data[n] = data || fed
}

// partners returns the learnables that belong to p because of the uses of as, which is p or a reshaped p or a part of p.
func (s *structure) partners(p, as *G.Node) (found []*G.Node) {
	for _, n := range s.parents[as] {
		switch kindOf(n) {
		case reshaping, lookup:
			if !s.data[n] {
				found = append(found, s.partners(p, n)...)
			}
		case addition:
			found = append(found, s.addends(n, as)...)
		default:
			if weights := s.weights(n); slices.Contains(weights, p) {
				found = append(found, weights...)
			}
		}
	}
	return found
}

// addends returns the parameters of the products to which p is added in n.
func (s *structure) addends(n, p *G.Node) (found []*G.Node) {
	for _, c := range operands(n) {
		if c != p {
			found = append(found, s.products(c)...)
		}
	}
	return found
}

// products returns the parameters of the products whose sum is n.
func (s *structure) products(n *G.Node) (found []*G.Node) {
	switch kindOf(n) {
	case reshaping, lookup, addition:
		for _, c := range operands(n) {
			found = append(found, s.products(c)...)
		}
		return found
	default:
		return s.weights(n)
	}
}

// weights returns the parameters that enter n, if data does as well.
func (s *structure) weights(n *G.Node) []*G.Node {
	if !s.data[n] {
		return nil
	}
	weights, _ := s.factors(n)
	return weights
}

// factors returns the parameters that enter n as weights, and whether a part of another parameter, which then counts as
// data, feeds them.
func (s *structure) factors(n *G.Node) (weights []*G.Node, fed bool) {
	var whole, parts []*G.Node
	data := false
	for _, c := range operands(n) {
		data = data || s.data[c]
		p, part := s.behind(c)
		switch {
		case p == nil || s.data[c]:
		case part:
			parts = append(parts, p)
		default:
			whole = append(whole, p)
		}
	}
	if k := kindOf(n); k == other && !data && len(whole) > 0 && len(parts) > 0 {
		return whole, true
	}
	return append(whole, parts...), false
}

// behind returns the parameter that c is, possibly reshaped or in part, or nil.
func (s *structure) behind(c *G.Node) (p *G.Node, part bool) {
	for {
		switch kindOf(c) {
		case lookup:
			part = true
		case reshaping:
		default:
			if _, ok := s.index[c]; ok {
				return c, part
			}
			return nil, part
		}
		c = operands(c)[0]
	}
}

// join puts all partners into the layer of p.
func (s *structure) join(p *G.Node, partners ...*G.Node) {
	for _, q := range partners {
		a, b := s.find(s.index[p]), s.find(s.index[q])
		s.leader[max(a, b)] = min(a, b)
	}
}

// find returns the first learnable of the layer of learnable i.
func (s *structure) find(i int) int {
	for s.leader[i] != i {
		i = s.leader[i]
	}
	return i
}

func (s *structure) layers(learnables []*G.Node) []Layer {
	var layers []Layer
	place := map[int]int{}
	for i, p := range learnables {
		first := s.find(i)
		if first == i {
			place[i] = len(layers)
			layers = append(layers, nil)
		}
		layers[place[first]] = append(layers[place[first]], p)
	}
	return layers
}

// kind is the effect of an operation on a parameter, as far as layers are concerned.
type kind int

const (
	other     kind = iota
	reshaping      // moves or repeats the elements of its first operand
	lookup         // takes some elements of its first operand, as an embedding does
	addition       // adds or subtracts
)

// kindOf returns the kind of an operation. Gorgonia's are recognised by the names of their types, which are not exported.
func kindOf(n *G.Node) kind {
	if n.Op() == nil {
		return other
	}
	if o, ok := n.Op().(interface{ kind() kind }); ok {
		return o.kind()
	}
	switch name := strings.TrimPrefix(fmt.Sprintf("%T", n.Op()), "*"); name {
	case "gorgonia.reshapeOp", "gorgonia.transposeOp", "gorgonia.repeatOp":
		return reshaping
	case "gorgonia.sliceOp", "gorgonia.byIndicesOp":
		return lookup
	case "gorgonia.elemBinOp":
		if s := n.Op().String(); strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
			return addition
		}
	}
	return other
}

// operands returns the inputs of n that its value depends on, leaving out the sizes that Gorgonia's broadcasts take as
// inputs.
func operands(n *G.Node) []*G.Node {
	var in []*G.Node
	if n.Graph() == nil {
		return in
	}
	for it := n.Graph().From(n.ID()); it.Next(); {
		c := it.Node().(*G.Node)
		if name := fmt.Sprintf("%T", c.Op()); name != "gorgonia.sizeOp" {
			in = append(in, c)
		}
	}
	return in
}
