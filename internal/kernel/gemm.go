package kernel

import (
	"gonum.org/v1/gonum/blas"
	"gorgonia.org/tensor"
)

// Trans says whether a matrix enters a product as it lies in memory or
// transposed.
type Trans bool

// The two values of Trans.
const (
	Plain      Trans = false
	Transposed Trans = true
)

func (t Trans) blas() blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

// Gemm computes c = alpha op(a) op(b) + beta c, where op(a) is m by k, op(b) is
// k by n, and c is m by n. The leading dimensions lda, ldb and ldc are the
// lengths of a row in memory, before the transposition.
func Gemm[T Float](ta, tb Trans, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	gemmOn(tensor.WhichBLAS(), ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func gemmOn[T Float](impl tensor.BLAS, ta, tb Trans, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	switch c := any(c).(type) {
	case []float32:
		impl.Sgemm(ta.blas(), tb.blas(), m, n, k, float32(alpha), any(a).([]float32), lda, any(b).([]float32), ldb, float32(beta), c, ldc)
	case []float64:
		impl.Dgemm(ta.blas(), tb.blas(), m, n, k, float64(alpha), any(a).([]float64), lda, any(b).([]float64), ldb, float64(beta), c, ldc)
	}
}
