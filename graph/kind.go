package graph

import (
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"
)

// kind is what an operation does to a parameter, as far as layers are concerned.
type kind int

const (
	other     kind = iota
	reshaping      // moves or repeats the elements of its first operand
	lookup         // takes some elements of its first operand, as an embedding does
	addition       // adds or subtracts
)

// kindOf tells the kind of an operation, Gorgonia's by the names of their types,
// which are not exported.
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

// operands returns the inputs of n that its value depends on; the sizes of
// others, which Gorgonia's broadcasts take as inputs, are left out.
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
