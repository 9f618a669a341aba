package graph

import (
	"slices"

	"github.com/layernoise/layernoise/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Add is the sum x + y of two nodes of the same shape, as at the end of a residual block.
func Add(x, y *G.Node) (*G.Node, error) { return add("Add", x, y, false) }

// AddReLU is max(0, x + y) in one operation.
func AddReLU(x, y *G.Node) (*G.Node, error) { return add("AddReLU", x, y, true) }

func add(name string, x, y *G.Node, relu bool) (*G.Node, error) {
	inX, inY := input{"x", x}, input{"y", y}
	if err := check(name, inX, inY); err != nil {
		return nil, err
	}
	if err := checkShape(name, inY, x.Shape(), inX); err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return addNode[float32](name, x, y, relu)
	}
	return addNode[float64](name, x, y, relu)
}

func addNode[T kernel.Float](name string, x, y *G.Node, relu bool) (*G.Node, error) {
	in := G.Nodes{x, y}
	var skips [2]*skip
	for i := range skips {
		skips[i] = around(in[i], in[1-i])
	}
	return apply(&op[T]{
		name:  name,
		role:  addition,
		shape: x.Shape(),
		inert: []bool{skips[0] != nil, skips[1] != nil},
		run: func(z []T, in []operand[T]) error {
			kernel.Add(z, in[0].f, in[1].f, relu)
			return nil
		},
		diff: func(in G.Nodes, z, dz *G.Node) (grads G.Nodes, err error) {
			if relu {
				if dz, err = gate[T](z, dz); err != nil {
					return nil, err
				}
			}
			grads = G.Nodes{dz, dz}
			for i, s := range skips {
				if s != nil {
					s.gradient, grads[i] = dz, nil
				}
			}
			return grads, nil
		},
	}, x, y)
}

// skip is the gradient of x in x + f(norm(x)) that does not come through the norm. The backward pass of the norm adds it to its
// own; otherwise Gorgonia would, in a pass of its own. For Gorgonia the sum has no gradient with respect to x then.
type skip struct {
	taken    bool // by a sum
	gradient *G.Node
}

// around returns the skip of a norm of x if y depends on it, so that y has a gradient only if the norm has, and before it.
func around(x, y *G.Node) *skip {
	for it := x.Graph().To(x.ID()); it.Next(); {
		n := it.Node().(*G.Node)
		o, ok := n.Op().(interface{ skipOf(x *G.Node) *skip })
		if !ok {
			continue
		}
		if s := o.skipOf(x); s != nil && !s.taken && dependsOn(y, n, withGradient, map[*G.Node]bool{}) {
			s.taken = true
			return s
		}
	}
	return nil
}

// with returns the gradient that belongs to the gradient dy of the norm's result, nil if there is none. The gradient of another
// cost may have left one.
func (s *skip) with(dy *G.Node) *G.Node {
	if s.gradient == nil || !dependsOn(dy, s.gradient, anyInput, map[*G.Node]bool{}) {
		return nil
	}
	return s.gradient
}

// skipOf returns the skip of a norm of x, and nil for other operations.
func (o *op[T]) skipOf(x *G.Node) *skip {
	if o.children[0] != x {
		return nil
	}
	return o.skip
}

// dependsOn reports whether n is y or among what y is computed of, through inputs that count.
func dependsOn(y, n *G.Node, counts func(o G.Op, inputs int) []bool, seen map[*G.Node]bool) bool {
	if y == n {
		return true
	}
	if seen[y] || y.Op() == nil {
		return false
	}
	seen[y] = true
	it := y.Graph().From(y.ID())
	for _, has := range counts(y.Op(), it.Len()) {
		if it.Next() && has && dependsOn(it.Node().(*G.Node), n, counts, seen) {
			return true
		}
	}
	return false
}

// withGradient are the inputs of an operation that have a gradient.
func withGradient(o G.Op, inputs int) []bool {
	if o, ok := o.(G.SDOp); ok {
		return o.DiffWRT(inputs)
	}
	return nil
}

func anyInput(_ G.Op, inputs int) []bool { return slices.Repeat([]bool{true}, inputs) }
