package gemm

import (
	"unsafe"

	"gonum.org/v1/gonum/blas"
)

// Descent is the numbers of a step of stochastic gradient descent with momentum.
type Descent struct{ Rate, Momentum, Decay float32 }

// descent is a Descent for the tiles' functions, which know the fields by their places.
type descent struct {
	velocity uintptr // from an element of c to its velocity, modulo the size of the memory
	Descent
	v *byte // so that the velocities stay where they are
}

// Descends reports whether [Descend] can be called for such a product: there are kernels for it, and the sums have so few terms
// that they end in the block where they begin.
func Descends(m, n, k int) bool {
	return use32 != nil && use32.descends && m > 0 && n > 0 && k > 0 && k*use32.size <= termBytes
}

// Descend computes the gradient g = op(a) op(b) of weights w, m by n, and makes a step of stochastic gradient descent,
//
//	d = g + decay*w
//	v = momentum*v + d
//	w -= rate*v
//
// in one pass: each element of g is used in the register where it was computed, and never stored. Every operation is rounded. v,
// the velocities, lie like w. a, b, w and v must not share memory. The processors share a large product.
func Descend(ta, tb blas.Transpose, m, n, k int, a []float32, lda int, b []float32, ldb int, w, v []float32, d Descent) {
	if !Descends(m, n, k) {
		panic("gemm: no descent with such a product")
	}
	p := product[float32]{ta: ta != blas.NoTrans, tb: tb != blas.NoTrans, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, c: w, ldc: n}
	p.check(ta, tb)
	CheckMatrix("v", len(v), blas.NoTrans, m, n, n)
	p.setDescent(v, d)
	p.parallel(use32)
}

// setDescent makes c weights with velocities v.
func (p *product[T]) setDescent(v []T, d Descent) {
	p.descent = &descent{Descent: d, v: pointer(v)}
	p.descent.velocity = uintptr(unsafe.Pointer(p.descent.v)) - uintptr(unsafe.Pointer(pointer(p.c)))
}
