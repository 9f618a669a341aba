package graph

import (
	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/layernoise/layernoise/internal/gemm"
	G "gorgonia.org/gorgonia"
)

var _ deferred.Gradient = (*op[float32])(nil)

// Defer implements deferred.Gradient.
func (o *op[T]) Defer(on bool) bool {
	o.deferring, o.waiting = on && o.deferrable(), false
	if o.deferring {
		clear(o.dst) // what an earlier run may have left
	}
	return o.deferring == on
}

// deferrable reports whether the gradient can wait until the run has ended: it is that of a leaf, nothing of the run reads it,
// and its inputs stay what they were. They are data, not weights, which the step changes, or results of this package's
// operations, which overwrite nothing else; those of Gorgonia may overwrite an input that they are the last to read.
func (o *op[T]) deferrable() bool {
	w := o.of
	if o.descend == nil || o.after != nil || w.Op() != nil || !keepsGradient(w) || w.Graph().To(w.Deriv().ID()).Len() > 0 {
		return false
	}
	for _, n := range o.children {
		if n.Op() == nil && n.Deriv() != nil || n.Op() != nil && !own(n) {
			return false
		}
		for it := n.Graph().To(n.ID()); it.Next(); {
			if !own(it.Node().(*G.Node)) {
				return false
			}
		}
	}
	return true
}

// Waiting implements deferred.Gradient.
func (o *op[T]) Waiting() bool { return o.waiting }

// Descend implements deferred.Gradient.
func (o *op[T]) Descend(w, v []float32, d gemm.Descent) {
	o.descend(o.in, w, v, d)
	o.waiting = false
}
