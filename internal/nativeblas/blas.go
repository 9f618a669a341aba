package nativeblas

import (
	"sync"

	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// BLAS is gonum's BLAS with the matrix products of a native library. They panic
// on bad arguments, as gonum's do.
type BLAS struct {
	gonum.Implementation
	lib library
}

// Open opens a library, tries it, and returns it with the name it gives itself.
func Open(path string) (b *BLAS, name string, err error) {
	lib, name, err := open(path)
	if err != nil {
		return nil, "", err
	}
	b = &BLAS{lib: lib}
	if err := b.try(); err != nil {
		return nil, "", err
	}
	return b, name, nil
}

// Sgemm computes c = alpha op(a) op(b) + beta c on as many processors as pay.
func (l *BLAS) Sgemm(ta, tb blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	product[float32]{ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc}.parallel(&l.lib.sgemm, &pool32)
}

// Dgemm is Sgemm in double precision.
func (l *BLAS) Dgemm(ta, tb blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	product[float64]{ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc}.parallel(&l.lib.dgemm, &pool64)
}

// Serial is a view of the library for callers that are parallel themselves:
// every product runs on the caller's processor, in one piece.
func (l *BLAS) Serial() *Serial { return (*Serial)(l) }

// Serial is a BLAS whose products run on the caller's processor.
type Serial BLAS

// Sgemm computes c = alpha op(a) op(b) + beta c.
func (l *Serial) Sgemm(ta, tb blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	product[float32]{ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc}.run(&l.lib.sgemm, &pool32)
}

// Dgemm is Sgemm in double precision.
func (l *Serial) Dgemm(ta, tb blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	product[float64]{ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc}.run(&l.lib.dgemm, &pool64)
}

// product is the arguments of a row-major product.
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

// parameters is what the library takes by pointer. The integers are 64 bits
// wide: a library with 32-bit ones reads their lower halves.
type parameters[T float32 | float64] struct {
	ta, tb                 byte
	m, n, k, lda, ldb, ldc int64
	alpha, beta            T
	a, b, c                []T // held here, they are on the heap and stay where they are
	addresses              [15]uintptr
}

var (
	pool32 = sync.Pool{New: func() any { return new(parameters[float32]) }}
	pool64 = sync.Pool{New: func() any { return new(parameters[float64]) }}
)

// routine is a function of the library.
type routine struct {
	address uintptr
	small   bool // it has kernels for small products
}

// run computes the product on the caller's processor.
func (p product[T]) run(f *routine, pool *sync.Pool) {
	p.check()
	if p.m == 0 || p.n == 0 {
		return
	}
	q := pool.Get().(*parameters[T])
	if f.small && p.cuts() {
		p.small(func(p product[T]) { p.call(f, q) })
	} else {
		p.call(f, q)
	}
	q.a, q.b, q.c = nil, nil, nil
	pool.Put(q)
}

// call hands the product to the library, which is column-major: read so, the
// rows of a matrix are the columns of its transpose, and c' = op(b)' op(a)'.
func (p product[T]) call(f *routine, q *parameters[T]) {
	*q = parameters[T]{
		ta: byte(p.tb), tb: byte(p.ta),
		m: int64(p.n), n: int64(p.m), k: int64(p.k),
		lda: int64(p.ldb), ldb: int64(p.lda), ldc: int64(p.ldc),
		alpha: p.alpha, beta: p.beta,
		a: p.b, b: p.a, c: p.c,
	}
	multiply(f.address, q)
}

// parallel cuts the longer side of c into parts that run at once.
func (p product[T]) parallel(f *routine, pool *sync.Pool) {
	p.check()
	side := max(p.m, p.n)
	parts := p.parts()
	if parts == 1 {
		p.run(f, pool)
		return
	}
	step := (side/parts + block) / block * block
	parallel.For(parts, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if from, to := i*step, min((i+1)*step, side); from < to {
				p.part(from, to).run(f, pool)
			}
		}
	})
}

const (
	block     = 32      // cuts are at multiples of this, where kernels have no tail
	minSide   = 256     // below this a side is not cut
	minVolume = 1 << 22 // multiply-adds below which a product is not cut
)

// parts is the number of parts: even, so that two processors share them well,
// and few, because each part packs the shorter side's matrix again.
func (p product[T]) parts() int {
	side := max(p.m, p.n)
	switch {
	case side < minSide || p.m*p.n*p.k < minVolume:
		return 1
	case side < 1024:
		return 2
	case side < 4096:
		return 4
	default:
		return 8
	}
}

// part is the product restricted to the rows of c from lo to hi, or to the
// columns if c is wider than high.
func (p product[T]) part(lo, hi int) product[T] {
	if p.n > p.m {
		return p.cols(lo, hi)
	}
	return p.rows(lo, hi)
}

// rows is the product restricted to the rows of c from lo to hi.
func (p product[T]) rows(lo, hi int) product[T] {
	if p.ta == blas.NoTrans {
		p.a = p.a[lo*p.lda:]
	} else {
		p.a = p.a[lo:]
	}
	p.c, p.m = p.c[lo*p.ldc:], hi-lo
	return p
}

// cols is the product restricted to the columns of c from lo to hi.
func (p product[T]) cols(lo, hi int) product[T] {
	if p.tb == blas.NoTrans {
		p.b = p.b[lo:]
	} else {
		p.b = p.b[lo*p.ldb:]
	}
	p.c, p.n = p.c[lo:], hi-lo
	return p
}

// terms is the product with the terms of its sums from lo to hi.
func (p product[T]) terms(lo, hi int) product[T] {
	if p.ta == blas.NoTrans {
		p.a = p.a[lo:]
	} else {
		p.a = p.a[lo*p.lda:]
	}
	if p.tb == blas.NoTrans {
		p.b = p.b[lo*p.ldb:]
	} else {
		p.b = p.b[lo:]
	}
	p.k = hi - lo
	return p
}

// check panics where the library would read or write outside of a slice.
func (p product[T]) check() {
	checkMatrix("a", len(p.a), p.ta, p.m, p.k, p.lda)
	checkMatrix("b", len(p.b), p.tb, p.k, p.n, p.ldb)
	checkMatrix("c", len(p.c), blas.NoTrans, p.m, p.n, p.ldc)
}

func checkMatrix(name string, size int, t blas.Transpose, rows, cols, ld int) {
	switch t {
	case blas.NoTrans:
	case blas.Trans, blas.ConjTrans:
		rows, cols = cols, rows
	default:
		panic("nativeblas: bad transpose of " + name)
	}
	switch {
	case rows < 0 || cols < 0:
		panic("nativeblas: negative size of " + name)
	case ld < max(1, cols):
		panic("nativeblas: bad leading dimension of " + name)
	case rows > 0 && cols > 0 && size < (rows-1)*ld+cols:
		panic("nativeblas: " + name + " is too short")
	}
}
