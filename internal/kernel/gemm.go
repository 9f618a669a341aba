package kernel

import (
	"github.com/layernoise/layernoise/internal/nativeblas"
	"gonum.org/v1/gonum/blas"
	"gorgonia.org/tensor"
)

// Gemm computes c = alpha op(a) op(b) + beta c, where op(a) is m by k, op(b) is
// k by n, and c is m by n, with the BLAS that gorgonia.Use selected. The leading
// dimensions lda, ldb and ldc are the lengths of a row in memory, before the
// transposition. A large product spreads over the processors.
func Gemm[T Float](ta, tb blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	gemmOn(tensor.WhichBLAS(), ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// gemmSerial is Gemm for callers that run on all processors already.
func gemmSerial[T Float](ta, tb blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	var impl gemmer = tensor.WhichBLAS()
	if native, ok := impl.(*nativeblas.BLAS); ok {
		impl = native.Serial()
	}
	gemmOn(impl, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// gemmer is what this package uses of a BLAS.
type gemmer interface {
	Sgemm(ta, tb blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)
	Dgemm(ta, tb blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int)
}

func gemmOn[T Float](impl gemmer, ta, tb blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	switch c := any(c).(type) {
	case []float32:
		impl.Sgemm(ta, tb, m, n, k, float32(alpha), any(a).([]float32), lda, any(b).([]float32), ldb, float32(beta), c, ldc)
	case []float64:
		impl.Dgemm(ta, tb, m, n, k, float64(alpha), any(a).([]float64), lda, any(b).([]float64), ldb, float64(beta), c, ldc)
	}
}
