package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/fence"
	"gonum.org/v1/gonum/blas"
)

// TestBounds: the kernels read and write nothing before or behind the matrices.
func TestBounds(t *testing.T) {
	defer func(k32, k64 *kernels) { use32, use64 = k32, k64 }(use32, use64)
	r := rand.New(rand.NewPCG(1, 2))
	for l := cpu.Plain + 1; l <= cpu.Best(); l++ {
		use32, use64 = kernels32Of(l), kernels64Of(l)
		for range 60 {
			var size [3]int
			for i := range size {
				size[i] = 1 + r.IntN([]int{20, 100, 300}[r.IntN(3)])
			}
			ta, tb := []blas.Transpose{blas.NoTrans, blas.Trans}[r.IntN(2)], []blas.Transpose{blas.NoTrans, blas.Trans}[r.IntN(2)]
			t.Run(fmt.Sprintf("%v,%v,%c%c", l, size, ta, tb), func(t *testing.T) {
				for _, begin := range []bool{true, false} {
					testBounds[float32](t, begin, ta, tb, size[0], size[1], size[2])
					testBounds[float64](t, begin, ta, tb, size[0], size[1], size[2])
				}
			})
		}
	}
}

func testBounds[T Float](t *testing.T, begin bool, ta, tb blas.Transpose, m, n, k int) {
	lda, ldb := k, n
	if ta == blas.Trans {
		lda = m
	}
	if tb == blas.Trans {
		ldb = k
	}
	a, b, c := fence.Slice[T](t, m*k, begin), fence.Slice[T](t, k*n, begin), fence.Slice[T](t, m*n, begin)
	for _, beta := range []T{0, 1} {
		Gemm(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, n)
		Serial(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, n)
	}
	if a, ok := any(a).([]float32); ok && Descends(m, n, k) {
		Descend(ta, tb, m, n, k, a, lda, any(b).([]float32), ldb, any(c).([]float32), fence.Slice[float32](t, m*n, begin), Descent{0.1, 0.9, 0.5})
	}
}
