package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

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
