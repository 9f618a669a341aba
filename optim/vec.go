package optim

import (
	"math"
	"slices"
	"unsafe"

	"github.com/layernoise/layernoise/internal/hugepage"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// vec is the memory of a float32 or float64 value as a flat slice. Exactly one of the two slices is set.
type vec struct {
	f32 []float32
	f64 []float64
}

// vecOf returns the memory of v without copying: writing to it changes v.
func vecOf(v G.Value) (vec, error) {
	switch v := v.(type) {
	case nil:
		return vec{}, errors.New("has no value")
	case *G.F64:
		return vec{f64: unsafe.Slice((*float64)(v), 1)}, nil
	case *G.F32:
		return vec{f32: unsafe.Slice((*float32)(v), 1)}, nil
	case *tensor.Dense:
		return vecOfDense(v)
	}
	return vec{}, errors.Errorf("is a %T: want a dense tensor or a scalar of float32 or float64", v)
}

func vecOfDense(t *tensor.Dense) (vec, error) {
	switch {
	case t.Dtype() != tensor.Float32 && t.Dtype() != tensor.Float64:
		return vec{}, errors.Errorf("%v is of %v: want float32 or float64", t.Shape(), t.Dtype())
	case t.IsView() || t.RequiresIterator():
		return vec{}, errors.Errorf("%v is a view of another tensor: want one that owns its memory (Materialize makes one)", t.Shape())
	case !rowMajor(t):
		return vec{}, errors.Errorf("%v is column-major, with strides %v: want row-major, as tensor.New gives without AsFortran", t.Shape(), t.Strides())
	case !t.IsNativelyAccessible():
		return vec{}, errors.Errorf("%v is in memory that Go cannot access", t.Shape())
	}
	if t.Dtype() == tensor.Float32 {
		return vec{f32: t.Float32s()}, nil
	}
	return vec{f64: t.Float64s()}, nil
}

// rowMajor reports whether the elements of t are in row-major order in memory.
func rowMajor(t *tensor.Dense) bool {
	shape, strides := t.Shape(), t.Strides()
	if len(shape) != len(strides) { // scalars, and row or column vectors
		return true
	}
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != step {
			return false
		}
		step *= shape[i]
	}
	return true
}

// newVec returns zeroed memory for n numbers of like's dtype.
func newVec(like vec, n int) vec {
	if like.f32 != nil {
		return vec{f32: hugepage.Make[float32](n)}
	}
	return vec{f64: hugepage.Make[float64](n)}
}

// Moments lie fromPage bytes further behind the beginning of a page than the weights, and than each other. Processors take what
// they read for what is still to be written if both lie equally far behind the beginning of a page, and wait: where rows of
// weights fill whole pages, a step that goes from row to row took a third longer.
const (
	pageSize = 4 << 10
	fromPage = 21 * 64
)

// newMoment returns zeros for moment number k of the weights w.
func newMoment(w vec, k int) vec {
	if w.f32 != nil {
		return vec{f32: momentOf(w.f32, k)}
	}
	return vec{f64: momentOf(w.f64, k)}
}

func momentOf[T float32 | float64](w []T, k int) []T {
	size := int(unsafe.Sizeof(T(0)))
	if len(w)*size < pageSize {
		return make([]T, len(w))
	}
	address := func(x []T) int { return int(uintptr(unsafe.Pointer(unsafe.SliceData(x))) % pageSize) }
	room := hugepage.Make[T](len(w) + pageSize/size)
	skip := (address(w) + (k+1)*fromPage - address(room) + pageSize) % pageSize / size
	return room[skip:][:len(w):len(w)]
}

// grow returns memory for as many numbers as like, of its dtype, reusing v's memory if it is large enough.
func (v *vec) grow(like vec) vec {
	n := like.len()
	if like.f32 != nil {
		v.f32 = slices.Grow(v.f32[:0], n)[:n]
		return vec{f32: v.f32}
	}
	v.f64 = slices.Grow(v.f64[:0], n)[:n]
	return vec{f64: v.f64}
}

func (v vec) len() int { return len(v.f32) + len(v.f64) }

func (v vec) dtype() tensor.Dtype {
	if v.f32 != nil {
		return tensor.Float32
	}
	return tensor.Float64
}

// data identifies the memory: vecs with the same data are the same parameter.
func (v vec) data() unsafe.Pointer {
	if v.f32 != nil {
		return unsafe.Pointer(unsafe.SliceData(v.f32))
	}
	return unsafe.Pointer(unsafe.SliceData(v.f64))
}

// size returns how many bytes v occupies.
func (v vec) size() uintptr { return uintptr(v.len()) * v.dtype().Size() }

// overlaps reports whether v and w share memory.
func (v vec) overlaps(w vec) bool {
	a, b := uintptr(v.data()), uintptr(w.data())
	return a < b+w.size() && b < a+v.size()
}

// swap exchanges the contents of v and w, which have the same dtype and length.
func (v vec) swap(w vec) {
	for i := range v.f32 {
		v.f32[i], w.f32[i] = w.f32[i], v.f32[i]
	}
	for i := range v.f64 {
		v.f64[i], w.f64[i] = w.f64[i], v.f64[i]
	}
}

// bytes returns the memory as bytes, the form in which a tensor holds it.
func (v vec) bytes() []byte {
	return unsafe.Slice((*byte)(v.data()), v.size())
}

// copyFrom overwrites v with w, which has the same dtype and length.
func (v vec) copyFrom(w vec) {
	copy(v.f32, w.f32)
	copy(v.f64, w.f64)
}

func (v vec) zero() {
	clear(v.f32)
	clear(v.f64)
}

// addScaled adds a*w to v, rounding each product and each sum once.
func (v vec) addScaled(a float64, w vec) {
	addScaled(v.f32, float32(a), w.f32)
	addScaled(v.f64, a, w.f64)
}

func addScaled[T float32 | float64](v []T, a T, w []T) {
	for i, w := range w {
		v[i] += T(a * w)
	}
}

// moveBase changes v, the result of a step that started at from, to the result of the same step starting at to: v + (to -
// from), with the step v - from rounded once and the sum once.
func (v vec) moveBase(to, from vec) {
	for i := range v.f32 {
		v.f32[i] = to.f32[i] + (v.f32[i] - from.f32[i])
	}
	for i := range v.f64 {
		v.f64[i] = to.f64[i] + (v.f64[i] - from.f64[i])
	}
}

// norm2 returns the sum of squares.
func (v vec) norm2() float64 { return norm2(v.f32) + norm2(v.f64) }

func norm2[T float32 | float64](x []T) float64 {
	var sums eightSums
	for i, x := range x {
		sums[i%8] += float64(float64(x) * float64(x))
	}
	return sums.total()
}

// dot returns the inner product with x, in float64.
func (v vec) dot(x []float64) float64 {
	return dot(v.f32, x) + dot(v.f64, x)
}

func dot[T float32 | float64](v []T, x []float64) float64 {
	var sums eightSums
	for i, g := range v {
		sums[i%8] += float64(float64(g) * x[i])
	}
	return sums.total()
}

// distance2 returns the sum of squares of v - a*x.
func (v vec) distance2(a float64, x []float64) float64 {
	return distance2(v.f32, a, x) + distance2(v.f64, a, x)
}

func distance2[T float32 | float64](v []T, a float64, x []float64) float64 {
	var sums eightSums
	for i, v := range v {
		d := float64(v) - float64(a*x[i])
		sums[i%8] += float64(d * d)
	}
	return sums.total()
}

// eightSums holds partial sums that do not depend on each other, so the processor need not wait for each addition: sum i
// adds the elements whose index is i modulo 8. The order is fixed, and products are rounded before they are added, so the
// bits are the same everywhere.
type eightSums [8]float64

func (s *eightSums) total() float64 {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// rms returns the root mean square, 0 if there are no numbers.
func (v vec) rms() float64 {
	if v.len() == 0 {
		return 0
	}
	return math.Sqrt(v.norm2() / float64(v.len()))
}

// addFloat64 adds a*w to v, in float64, rounding each product and each sum once to v's dtype.
func (v vec) addFloat64(a float64, w []float64) {
	for i := range v.f32 {
		v.f32[i] += float32(a * w[i])
	}
	for i := range v.f64 {
		v.f64[i] += float64(a * w[i])
	}
}

// largest returns the largest finite number of v's dtype.
func (v vec) largest() float64 {
	if v.f32 != nil {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// sameBits reports whether v and w, of the same dtype and length, have the same bits. Unlike with ==, NaN equals itself.
func (v vec) sameBits(w vec) bool {
	for i, x := range v.f32 {
		if math.Float32bits(x) != math.Float32bits(w.f32[i]) {
			return false
		}
	}
	for i, x := range v.f64 {
		if math.Float64bits(x) != math.Float64bits(w.f64[i]) {
			return false
		}
	}
	return true
}
