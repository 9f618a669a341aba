package graph

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	G "gorgonia.org/gorgonia"
)

// UseBLAS makes Gorgonia's stock operations, float32 and float64, use this module's products of matrices and vectors, which
// are about ten times as fast as those of gonum, Gorgonia's default, and have the same bits on every machine and for any
// number of processors. Each element of a product is one chain of fused multiply-adds, in the order of the sum. Call it
// before the first machine runs.
//
// The operations of this package and of package layers always use these products, whatever BLAS is in use.
func UseBLAS() { G.Use(products{}) }

// products is gonum's BLAS with package gemm's products for the functions that Gorgonia calls: Gemm, Gemv, Ger and Dot.
// Vectors with negative increments are left to gonum.
type products struct{ gonum.Implementation }

// Sgemm computes c = alpha op(a) op(b) + beta c.
func (products) Sgemm(ta, tb blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	gemm.Gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm is Sgemm in double precision.
func (products) Dgemm(ta, tb blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	gemm.Gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Sgemv computes y = alpha op(a) x + beta y.
func (p products) Sgemv(ta blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if incX < 1 || incY < 1 {
		p.Implementation.Sgemv(ta, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	gemv(ta, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dgemv is Sgemv in double precision.
func (p products) Dgemv(ta blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	if incX < 1 || incY < 1 {
		p.Implementation.Dgemv(ta, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	gemv(ta, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// gemv multiplies a matrix and a column.
func gemv[T gemm.Float](ta blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	if ta != blas.NoTrans {
		m, n = n, m
	}
	gemm.Gemm(ta, blas.NoTrans, m, 1, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Sger computes a += alpha x y'.
func (p products) Sger(m, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	if incX < 1 || incY < 1 {
		p.Implementation.Sger(m, n, alpha, x, incX, y, incY, a, lda)
		return
	}
	gemm.Gemm(blas.NoTrans, blas.Trans, m, n, 1, alpha, x, incX, y, incY, 1, a, lda)
}

// Dger is Sger in double precision.
func (p products) Dger(m, n int, alpha float64, x []float64, incX int, y []float64, incY int, a []float64, lda int) {
	if incX < 1 || incY < 1 {
		p.Implementation.Dger(m, n, alpha, x, incX, y, incY, a, lda)
		return
	}
	gemm.Gemm(blas.NoTrans, blas.Trans, m, n, 1, alpha, x, incX, y, incY, 1, a, lda)
}

// Sdot returns x'y.
func (p products) Sdot(n int, x []float32, incX int, y []float32, incY int) float32 {
	if incX < 1 || incY < 1 {
		return p.Implementation.Sdot(n, x, incX, y, incY)
	}
	return dot(n, x, incX, y, incY)
}

// Ddot is Sdot in double precision.
func (p products) Ddot(n int, x []float64, incX int, y []float64, incY int) float64 {
	if incX < 1 || incY < 1 {
		return p.Implementation.Ddot(n, x, incX, y, incY)
	}
	return dot(n, x, incX, y, incY)
}

// dot multiplies a row and a column.
func dot[T gemm.Float](n int, x []T, incX int, y []T, incY int) T {
	var s [1]T
	gemm.Gemm(blas.Trans, blas.NoTrans, 1, 1, n, 1, x, incX, y, incY, 0, s[:], 1)
	return s[0]
}
