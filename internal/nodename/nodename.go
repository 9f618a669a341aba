// Package nodename tells the names that users gave their nodes from those that Gorgonia makes up.
package nodename

import (
	"strings"

	G "gorgonia.org/gorgonia"
)

// unnamed is how Gorgonia's name of a leaf without one begins: its operation, which it does not have, printed.
const unnamed = "%!s(<nil>)("

// Of returns the name of a node, and the empty string of what has none: a leaf that was made without a name, or a value that
// is no node.
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
