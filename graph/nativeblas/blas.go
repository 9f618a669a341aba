package nativeblas

import (
	"sync"

	"github.com/layernoise/layernoise/internal/gemm"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// BLAS is gonum's BLAS with the matrix products of a native library. They panic on bad arguments, as gonum's do.
type BLAS struct {
	gonum.Implementation
	lib library
}

// open opens a library, tries it, and returns it with the name that it reports.
func open(path string) (b *BLAS, name string, err error) {
	lib, name, err := openLibrary(path)
	if err != nil {
		return nil, "", err
	}
	b = &BLAS{lib: lib}
	if err := b.try(); err != nil {
		return nil, "", err
	}
	return b, name, nil
}

// Sgemm computes c = alpha op(a) op(b) + beta c.
func (l *BLAS) Sgemm(ta, tb blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	product[float32]{ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc}.run(l.lib.sgemm, &pool32)
}

// Dgemm is Sgemm in double precision.
func (l *BLAS) Dgemm(ta, tb blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	product[float64]{ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc}.run(l.lib.dgemm, &pool64)
}

// product holds the arguments of a row-major product.
type product[T float32 | float64] struct {
	ta, tb  blas.Transpose
	m, n, k int
	alpha   T
	a       []T
	lda     int
	b       []T
	ldb     int
	beta    T
	c       []T
	ldc     int
}

// parameters holds what the library takes by pointer. The integers are 64 bits wide: a library with 32-bit integers reads
// their lower halves.
type parameters[T float32 | float64] struct {
	ta, tb                 byte
	m, n, k, lda, ldb, ldc int64
	alpha, beta            T
	a, b, c                []T // on the heap, where they do not move
	addresses              [15]uintptr
}

var (
	pool32 = sync.Pool{New: func() any { return new(parameters[float32]) }}
	pool64 = sync.Pool{New: func() any { return new(parameters[float64]) }}
)

// run passes the product to the library, which is column-major: read that way, the rows of a matrix are the columns of its
// transpose, and c' = op(b)' op(a)'.
func (p product[T]) run(function uintptr, pool *sync.Pool) {
	p.check()
	if p.m == 0 || p.n == 0 {
		return
	}
	q := pool.Get().(*parameters[T])
	*q = parameters[T]{
		ta: byte(p.tb), tb: byte(p.ta),
		m: int64(p.n), n: int64(p.m), k: int64(p.k),
		lda: int64(p.ldb), ldb: int64(p.lda), ldc: int64(p.ldc),
		alpha: p.alpha, beta: p.beta,
		a: p.b, b: p.a, c: p.c,
	}
	multiply(function, q)
	q.a, q.b, q.c = nil, nil, nil
	pool.Put(q)
}

// check panics if the library would read or write outside of a slice.
func (p product[T]) check() {
	gemm.CheckMatrix("a", len(p.a), p.ta, p.m, p.k, p.lda)
	gemm.CheckMatrix("b", len(p.b), p.tb, p.k, p.n, p.ldb)
	gemm.CheckMatrix("c", len(p.c), blas.NoTrans, p.m, p.n, p.ldc)
}
