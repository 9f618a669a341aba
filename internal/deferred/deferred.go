// Package deferred is what operations of package graph and solvers of package optim agree on, so that the gradient of a large
// weight is computed in the solver's step: product and step are one pass over the weights then, and the gradient is never
// stored. The bits are those of the two by themselves.
package deferred

import (
	"reflect"

	"github.com/layernoise/layernoise/internal/gemm"
	G "gorgonia.org/gorgonia"
)

// Gradient is an operation that computes a gradient and can leave that undone.
type Gradient interface {
	// Deferrable reports whether runs can leave the gradient: nothing else reads it, and nothing changes what it is computed of
	// before it is finished. data are the leaves of the graph that the caller does not change so long.
	Deferrable(data ...*G.Node) bool

	// Defer has the following runs leave the gradient undone, with on set, or compute it. A gradient that was left and not
	// finished is forgotten: it is zero, as after a step.
	Defer(on bool)

	// Waiting reports whether the last run has left the gradient, and nothing has finished it.
	Waiting() bool

	// Descend finishes the gradient: it makes a step of the weights w with the velocities v, as gemm.Descend does.
	Descend(w, v []float32, d gemm.Descent)
}

// Of returns the operation that computes the gradient of n, nil if it is none that can leave it.
func Of(n G.ValueGrad) Gradient {
	node, ok := n.(*G.Node)
	if !ok || node.Deriv() == nil {
		return nil
	}
	g, _ := node.Deriv().Op().(Gradient)
	return g
}

// Waiting returns the operation that the gradient of n waits for, nil if it does not wait.
func Waiting(n G.ValueGrad) Gradient {
	if g := Of(n); g != nil && g.Waiting() {
		return g
	}
	return nil
}

// Solver is a solver that may finish gradients in its step. FinishesGradients returns the solver that does, nil if none does:
// another one than that which is stepped, such as one that embeds it, expects whole gradients.
type Solver interface {
	G.Solver
	FinishesGradients() G.Solver
}

// Finishes reports whether the step of s finishes all gradients that are left to it.
func Finishes(s G.Solver) bool {
	f, ok := s.(Solver)
	return ok && reflect.TypeOf(s).Comparable() && f.FinishesGradients() == s
}
