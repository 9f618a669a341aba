package graph

import (
	G "gorgonia.org/gorgonia"
)

// BindGradients replaces [gorgonia.BindDualValues] if every run of the machine is followed by a step of a solver: the
// learnables have their gradients when RunAll returns. Call it after [gorgonia.Grad].
//
// BindDualValues keeps a copy of each gradient and adds to it, one pass over all weights per run. A gradient computed by an
// operation of this package stays valid until the next run and needs no copy: it is read from the operation's own buffer,
// and the next run replaces it instead of adding to it. Other gradients, such as the sum for a parameter that is used twice,
// are bound as usual and do accumulate. If all gradients are zero before each run, as after a step of a solver, the two
// options give the same.
func BindGradients(learnables ...*G.Node) G.VMOpt {
	return func(vm G.VM) {
		var others G.Nodes
		for _, n := range learnables {
			if !keepsGradient(n) {
				others = append(others, n)
			}
		}
		if len(others) > 0 { // an empty list would mean all
			G.BindDualValues(others...)(vm)
		}
	}
}

// keepsGradient reports whether the gradient of n is the value of one operation of this package that nothing overwrites
// before the next run: only operations of this package read it, and no machine has bound a copy to n.
func keepsGradient(n *G.Node) bool {
	d := n.Deriv()
	if d == nil || !own(d) || !ownReaders(d) {
		return false
	}
	grad, err := n.Grad()
	return err == nil && grad == d.Value()
}

// unread reports whether n keeps its gradient, and nothing in the graph reads it.
func unread(n *G.Node) bool { return keepsGradient(n) && n.Graph().To(n.Deriv().ID()).Len() == 0 }

// ownReaders reports whether only operations of this package read n.
func ownReaders(n *G.Node) bool {
	for it := n.Graph().To(n.ID()); it.Next(); {
		if !own(it.Node().(*G.Node)) {
			return false
		}
	}
	return true
}

// own reports whether a node is an operation of this package.
func own(n *G.Node) bool {
	_, ok := n.Op().(interface{ kind() kind })
	return ok
}

// NotifyGradients has f called in each pass, with the index of a learnable, as soon as its gradient is final, while the pass
// continues: by the operation that computes it, on the machine's goroutine. It returns for which of the learnables this
// works: those whose gradient [BindGradients] has left in the buffer of an operation of this package and nothing else in the
// graph reads. Call it after the first pass. A later call replaces an earlier one.
func NotifyGradients(f func(i int), learnables ...*G.Node) []bool {
	notified := make([]bool, len(learnables))
	for i, n := range learnables {
		if !unread(n) {
			continue
		}
		n.Deriv().Op().(interface{ notify(func()) }).notify(func() { f(i) })
		notified[i] = true
	}
	return notified
}
