// Package nodename distinguishes the names that users give to nodes from those that Gorgonia generates.
package nodename

import (
	"strings"

	G "gorgonia.org/gorgonia"
)

// unnamed is the prefix of Gorgonia's name for an unnamed leaf: the formatted operation, which a leaf does not have.
const unnamed = "%!s(<nil>)("

// Of returns the name of a node, or the empty string if it has none: a leaf that was made without a name, or a value that is
// not a node.
func Of(source any) string {
	if n, ok := source.(*G.Node); ok && n == nil {
		return ""
	}
	named, ok := source.(G.Namer)
	if !ok {
		return ""
	}
	if name := named.Name(); !strings.HasPrefix(name, unnamed) {
		return name
	}
	return ""
}
