package graph

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"sync/atomic"

	"github.com/chewxy/hm"
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/hugepage"
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/internal/parallel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var (
	_ G.Op   = (*op[float32])(nil)
	_ G.SDOp = (*op[float64])(nil)
)

// op is the type of every operation of this package; they differ in run and diff. An op belongs to one node and owns the
// buffer of its result, because the machine keeps no value from one run to the next.
type op[T kernel.Float] struct {
	name  string
	shape tensor.Shape // of the result; empty for a scalar

	// run computes the result into dst. It must write every element.
	run func(dst []T, in []operand[T]) error

	// diff returns the gradient nodes with respect to the inputs, given the output node and its gradient, with nil entries for
	// inputs that have none. If diff is nil, the op is not differentiable.
	diff func(in G.Nodes, y, dy *G.Node) (G.Nodes, error)

	// inert marks inputs without a gradient, such as labels.
	inert []bool

	// role tells Layers what kind of operation this is.
	role kind

	// skip, if set, is where a sum leaves a gradient that diff is to add to that of the first input.
	skip *skip

	// of is set for a gradient: the node whose gradient it is.
	of *G.Node

	// descend, if set, makes a step of weights, of which the result is the gradient.
	descend func(in []operand[T], w, v []float32, d gemm.Descent)

	// after, if set, is called when the result has been computed.
	after func()

	deferring bool // runs leave the result to descend, unless after waits for it
	waiting   bool // the last one has
	computed  bool // one has not

	id       uint64
	children G.Nodes
	in       []operand[T]
	dst      []T
	value    G.Value
}

// ids makes each op unique: Gorgonia merges ops of equal hash, and merged ops would share their buffers.
var ids atomic.Uint64

// apply adds a node for o to the graph of its inputs. Trailing nil inputs are left out.
func apply[T kernel.Float](o *op[T], in ...*G.Node) (*G.Node, error) {
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	o.id = ids.Add(1)
	o.children = in
	o.in = make([]operand[T], len(in))
	n, err := G.ApplyOp(o, in...)
	if err != nil {
		return nil, errors.Wrapf(err, "graph: %s", o.name)
	}
	return n, nil
}

// gradient adds a node for the gradient with respect to the node of.
func gradient[T kernel.Float](name string, of *G.Node, run func(dst []T, in []operand[T]) error, in ...*G.Node) (*G.Node, error) {
	return apply(&op[T]{name: name, shape: of.Shape(), of: of, run: run}, in...)
}

// taken adds a node for the gradient with respect to the node of that the run of by leaves in from.
func taken[T kernel.Float](name string, of *G.Node, from []T, by *G.Node) (*G.Node, error) {
	return gradient(name, of, func(dst []T, _ []operand[T]) error {
		copy(dst, from)
		return nil
	}, by)
}

// unaryNode adds a node for a function of x alone, given with its gradient.
func unaryNode[T kernel.Float](name string, shape tensor.Shape, x *G.Node, f func(y, x []T), grad func(dx, x, y, dy []T)) (*G.Node, error) {
	return apply(&op[T]{
		name:  name,
		shape: shape,
		run: func(y []T, in []operand[T]) error {
			f(y, in[0].f)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := gradient(name+"Grad", in[0], func(dx []T, v []operand[T]) error {
				grad(dx, v[0].f, v[1].f, v[2].f)
				return nil
			}, in[0], y, dy)
			return G.Nodes{dx}, err
		},
	}, x)
}

// Do computes the op's value from those of its inputs. The machine runs it on a goroutine of its own, where a panic would
// end the process, so Do turns panics into errors, which %+v prints with the panic's stack.
func (o *op[T]) Do(in ...G.Value) (v G.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, errors.WithMessagef(panicError{parallel.Recovered(r)}, "graph: %s", o.name)
		}
	}()
	if !o.needed() {
		return scalarValue(make([]T, 1)), nil
	}
	o.allocate()
	if len(in) != len(o.in) {
		return nil, errors.Errorf("graph: %s: %d inputs, want %d", o.name, len(in), len(o.in))
	}
	for i, v := range in {
		if err := o.in[i].read(v, o.children[i].Shape()); err != nil {
			return nil, errors.Wrapf(err, "graph: %s: input %d", o.name, i)
		}
	}
	if o.waiting = o.deferring && o.after == nil; o.waiting {
		return o.value, nil
	}
	o.computed = true
	if err := o.run(o.dst, o.in); err != nil {
		return nil, errors.Wrapf(err, "graph: %s", o.name)
	}
	if o.after != nil {
		o.after()
	}
	return o.value, nil
}

// panicError is a panic as an error: one line, or with the stack when printed by %+v.
type panicError struct{ *parallel.Panic }

func (e panicError) Error() string { return fmt.Sprint(e.Value) }

func (e panicError) Format(s fmt.State, verb rune) {
	if verb == 'v' && s.Flag('+') {
		io.WriteString(s, e.Panic.Error())
		return
	}
	io.WriteString(s, e.Error())
}

// needed reports whether the value of the op is used. SymDiff has to return a gradient for every input, but Gorgonia uses it
// only if the path to the parameters leads through that input, and then makes it the input's Deriv.
func (o *op[T]) needed() bool { return o.of == nil || o.of.Deriv() != nil }

// allocate allocates the buffer of the result, once.
func (o *op[T]) allocate() {
	if o.dst != nil {
		return
	}
	o.dst = hugepage.Make[T](max(1, o.shape.TotalSize()))
	if len(o.shape) == 0 {
		o.value = scalarValue(o.dst)
		return
	}
	o.value = tensor.New(tensor.WithShape(o.shape...), tensor.WithBacking(o.dst))
}

// DiffWRT marks the inputs that have a gradient.
func (o *op[T]) DiffWRT(n int) []bool {
	d := make([]bool, n)
	for i := range d {
		d[i] = o.diff != nil && !(i < len(o.inert) && o.inert[i])
	}
	return d
}

// SymDiff adds the nodes of the gradients to the graph.
func (o *op[T]) SymDiff(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	if o.diff == nil {
		return nil, errors.Errorf("graph: %s is not differentiable", o.name)
	}
	return o.diff(in, y, dy)
}

// Type returns the op's function type. Gorgonia recycles it after use, so it is made anew for each call.
func (o *op[T]) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.children)+1)
	for _, c := range o.children {
		types = append(types, c.Type())
	}
	var result hm.Type = dtypeOf[T]()
	if len(o.shape) > 0 {
		result = G.TensorType{Dims: len(o.shape), Of: result}
	}
	return hm.NewFnType(append(types, result)...)
}

// WriteHash writes what distinguishes this op from all others.
func (o *op[T]) WriteHash(h hash.Hash) {
	h.Write([]byte(o.name))
	var id [8]byte
	binary.LittleEndian.PutUint64(id[:], o.id)
	h.Write(id[:])
}

// Hashcode returns a hash of what WriteHash writes.
func (o *op[T]) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

func (o *op[T]) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.shape.Clone(), nil }
func (o *op[T]) kind() kind                                     { return o.role }
func (o *op[T]) notify(f func())                                { o.after = f }
func (o *op[T]) Arity() int                                     { return len(o.children) }
func (o *op[T]) ReturnsPtr() bool                               { return true }
func (o *op[T]) CallsExtern() bool                              { return false }
func (o *op[T]) OverwritesInput() int                           { return -1 }
func (o *op[T]) String() string                                 { return o.name }

// operand is the value of an input: a slice of floats, labels or flags.
type operand[T kernel.Float] struct {
	f      []T
	labels []int
	flags  []bool
}

// read takes the slice out of v, which must have as many elements as shape. A view that is not contiguous is copied.
func (x *operand[T]) read(v G.Value, shape tensor.Shape) error {
	*x = operand[T]{f: scalarData[T](v)}
	if t, ok := v.(*tensor.Dense); ok {
		if t.DataOrder().IsColMajor() {
			return errors.New("a column-major tensor")
		}
		if t.RequiresIterator() {
			t = t.Materialize().(*tensor.Dense)
		}
		switch t.Dtype() {
		case dtypeOf[T]():
			x.f = tensorData[T](t)
		case tensor.Int:
			x.labels = t.Ints()
		case tensor.Bool:
			x.flags = t.Bools()
		}
	}
	if n := max(len(x.f), len(x.labels), len(x.flags)); n != max(1, shape.TotalSize()) {
		return errors.Errorf("%d usable elements in a %T of %v, want shape %v", n, v, v.Dtype(), shape)
	}
	return nil
}

// optional returns the floats of input i, or nil if there is none.
func optional[T kernel.Float](in []operand[T], i int) []T {
	if i < len(in) {
		return in[i].f
	}
	return nil
}

// scalarData returns the value of a Gorgonia scalar as a slice of one element, or nil if v is not one of type T.
func scalarData[T kernel.Float](v G.Value) []T {
	var one any
	switch v := v.(type) {
	case *G.F32:
		one = []float32{float32(*v)}
	case *G.F64:
		one = []float64{float64(*v)}
	}
	s, _ := one.([]T)
	return s
}

// scalarValue returns a Gorgonia scalar whose memory is x[0].
func scalarValue[T kernel.Float](x []T) G.Value {
	switch p := any(&x[0]).(type) {
	case *float32:
		return (*G.F32)(p)
	case *float64:
		return (*G.F64)(p)
	}
	panic("unreachable")
}

// tensorData returns the elements of a tensor of type T.
func tensorData[T kernel.Float](t *tensor.Dense) []T {
	switch any(T(0)).(type) {
	case float32:
		return any(t.Float32s()).([]T)
	default:
		return any(t.Float64s()).([]T)
	}
}

// dtypeOf returns Gorgonia's dtype for T.
func dtypeOf[T kernel.Float]() tensor.Dtype {
	if _, ok := any(T(0)).(float32); ok {
		return tensor.Float32
	}
	return tensor.Float64
}
