package gemm

import (
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// Float is the types of numbers.
type Float interface{ float32 | float64 }

// Gemm computes c = alpha op(a) op(b) + beta c, with the arguments and the panics of a row-major BLAS: op(a) is m by k,
// op(b) is k by n, c is m by n, and lda, ldb and ldc are the lengths of a row in memory, before the transposition. c must
// not share memory with a or b. The processors share a large product.
func Gemm[T Float](ta, tb blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	p := product[T]{ta: ta != blas.NoTrans, tb: tb != blas.NoTrans, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, c: c, ldc: ldc, add: true}
	p.check(ta, tb)
	if p.reduce(alpha, beta) {
		p.parallel(kernelsFor[T]())
	}
}

// Serial is [Gemm] on the caller's processor alone, for callers that are parallel themselves. It takes b to be in the cache,
// as the parts of matrices are that they work on.
func Serial[T Float](ta, tb blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	p := product[T]{ta: ta != blas.NoTrans, tb: tb != blas.NoTrans, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, c: c, ldc: ldc, add: true}
	p.near = true
	p.check(ta, tb)
	if p.reduce(alpha, beta) {
		p.run(kernelsFor[T]())
	}
}

// product is c = op(a) op(b), or c += op(a) op(b) with add set.
type product[T Float] struct {
	ta, tb  bool
	m, n, k int
	a       []T
	lda     int
	b       []T
	ldb     int
	c       []T
	ldc     int
	add     bool
	near    bool     // b is in the cache
	descent *descent // c are weights, and the product is their gradient
}

// reduce brings the product to the form without alpha and beta, and reports whether anything is left to be done.
func (p *product[T]) reduce(alpha, beta T) bool {
	some := p.m > 0 && p.n > 0 && p.k > 0 && alpha != 0
	switch {
	case beta == 0 && some:
		p.add = false
	case beta == 0:
		p.eachRow(func(row []T) { clear(row) })
	case beta != 1:
		p.eachRow(func(row []T) {
			for i := range row {
				row[i] *= beta
			}
		})
	}
	if some && alpha != 1 {
		p.scale(alpha)
	}
	return some
}

// scale replaces a by a copy times alpha.
func (p *product[T]) scale(alpha T) {
	rows, cols := p.m, p.k
	if p.ta {
		rows, cols = cols, rows
	}
	scaled := make([]T, rows*cols)
	for i := range rows {
		for j, x := range p.a[i*p.lda:][:cols] {
			scaled[i*cols+j] = alpha * x
		}
	}
	p.a, p.lda = scaled, cols
}

func (p *product[T]) eachRow(f func(row []T)) {
	if p.n == 0 {
		return
	}
	for i := range p.m {
		f(p.c[i*p.ldc:][:p.n])
	}
}

// The cuts of a product that processors share. Each part packs the matrix of the other side again, so that parts are few and
// large.
const (
	minVolume = 1 << 19 // multiplications below which a product is not cut
	cutRows   = 84      // cuts are at multiples of so many rows, of tiles with 6, 12 or 14,
	cutCols   = 64      // or of so many columns
)

// parallel computes the product on as many processors as pay.
func (p *product[T]) parallel(use *kernels) {
	if p.m*p.n*p.k < minVolume {
		p.run(use)
		return
	}
	workers := parallel.Workers()
	if workers < 2 {
		p.run(use)
		return
	}
	side, cut := p.n, cutCols
	if p.m > p.n {
		side, cut = p.m, cutRows
	}
	if side < 2*cut {
		cut = max(1, (side+1)/2)
	}
	units := (side + cut - 1) / cut
	parts := min(units, workers)
	if units >= 8*workers { // one of them may be late
		parts = 2 * workers
	}
	parallel.For(parts, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			q := p.part(min(i*units/parts*cut, side), min((i+1)*units/parts*cut, side))
			q.run(use)
		}
	})
}

// part is the product restricted to the columns of c from lo to hi, or to the rows if there are more of them.
func (p *product[T]) part(lo, hi int) product[T] {
	q := *p
	if p.m > p.n {
		if q.m = hi - lo; p.ta {
			q.a = p.a[lo:]
		} else {
			q.a = p.a[lo*p.lda:]
		}
		q.c = p.c[lo*p.ldc:]
		return q
	}
	if q.n = hi - lo; p.tb {
		q.b = p.b[lo*p.ldb:]
	} else {
		q.b = p.b[lo:]
	}
	q.c = p.c[lo:]
	return q
}

// check panics where the product would read or write outside of a slice. The kernels rely on it.
func (p *product[T]) check(ta, tb blas.Transpose) {
	CheckMatrix("a", len(p.a), ta, p.m, p.k, p.lda)
	CheckMatrix("b", len(p.b), tb, p.k, p.n, p.ldb)
	CheckMatrix("c", len(p.c), blas.NoTrans, p.m, p.n, p.ldc)
}

// CheckMatrix panics unless size elements hold a matrix of the given shape and leading dimension, stored transposed if t says
// so. The name is for the message.
func CheckMatrix(name string, size int, t blas.Transpose, rows, cols, ld int) {
	switch t {
	case blas.NoTrans:
	case blas.Trans, blas.ConjTrans:
		rows, cols = cols, rows
	default:
		panic("gemm: bad transpose of " + name)
	}
	switch {
	case rows < 0 || cols < 0:
		panic("gemm: negative size of " + name)
	case ld < max(1, cols):
		panic("gemm: bad leading dimension of " + name)
	case rows > 0 && cols > 0 && (size < cols || (size-cols)/ld < rows-1): // without overflow
		panic("gemm: " + name + " is too short")
	}
}
