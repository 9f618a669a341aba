package graph

import (
	"slices"

	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/layernoise/layernoise/internal/gemm"
	G "gorgonia.org/gorgonia"
)

var _ deferred.Gradient = (*op[float32])(nil)

// Deferrable implements deferred.Gradient. Besides data, inputs are results of this package's operations, which overwrite
// nothing else; those of Gorgonia may overwrite an input that they are the last to read.
func (o *op[T]) Deferrable(data ...*G.Node) bool {
	if o.descend == nil || o.after != nil || o.of.Op() != nil || !unread(o.of) {
		return false
	}
	for _, n := range o.children {
		if !own(n) && !slices.Contains(data, n) || !ownReaders(n) {
			return false
		}
	}
	return true
}

// Defer implements deferred.Gradient.
func (o *op[T]) Defer(on bool) {
	o.deferring, o.waiting = on, false
	if on && o.computed {
		clear(o.dst)
		o.computed = false
	}
}

// Waiting implements deferred.Gradient.
func (o *op[T]) Waiting() bool { return o.waiting }

// Descend implements deferred.Gradient.
func (o *op[T]) Descend(w, v []float32, d gemm.Descent) {
	o.descend(o.in, w, v, d)
	o.waiting = false
}
