package nativeblas

import (
	"math"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// try compares small products of all kinds with gonum's, so that a library with another calling convention is detected
// before it is used.
func (l *BLAS) try() error {
	const m, n, k = 5, 3, 4
	var a, b, c, want [32]float64
	var a32, b32, c32 [32]float32
	for i := range a {
		a[i], b[i] = math.Sin(float64(i)), math.Cos(float64(3*i))
		a32[i], b32[i] = float32(a[i]), float32(b[i])
	}
	for _, ta := range []blas.Transpose{blas.NoTrans, blas.Trans} {
		for _, tb := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			lda, ldb := k+1, n+1
			if ta == blas.Trans {
				lda = m + 1
			}
			if tb == blas.Trans {
				ldb = k + 1
			}
			copy(c[:], a[7:])
			copy(c32[:], a32[7:])
			want = c
			gonum.Implementation{}.Dgemm(ta, tb, m, n, k, 0.5, a[:], lda, b[:], ldb, 2, want[:], n+1)
			l.Dgemm(ta, tb, m, n, k, 0.5, a[:], lda, b[:], ldb, 2, c[:], n+1)
			l.Sgemm(ta, tb, m, n, k, 0.5, a32[:], lda, b32[:], ldb, 2, c32[:], n+1)
			for i, w := range want {
				if !(math.Abs(c[i]-w) < 1e-12) || !(math.Abs(float64(c32[i])-w) < 1e-4) {
					return errors.Errorf("nativeblas: wrong matrix product, element %d is %v and %v, want %v", i, c[i], c32[i], w)
				}
			}
		}
	}
	return nil
}
