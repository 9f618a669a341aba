package nativeblas

import (
	"slices"
	"strings"

	"gonum.org/v1/gonum/blas"
)

// Before it multiplies, a BLAS copies both matrices to the order in which its
// inner loop reads them. For products of up to a million multiplications the
// kernels of OpenBLAS for AVX-512 read float32 matrices where they are; for four
// times that, made of such products, they are up to a third faster. This pays as
// long as the matrices stay in the cache, and not where b is transposed, for
// which those kernels copy nevertheless or are slow: callers that can, transpose it
// before. See interface/gemm.c and kernel/x86_64/sgemm_small_kernel_permit_skylakex.c
// in OpenBLAS, since 0.3.17.
const (
	smallVolume = 1_000_000 // multiplications of a product that copies nothing
	smallRows   = 48        // of c in such a product; its kernels take 12 or fewer at once
	smallCols   = 128       // of c; they take 64
	cached      = 250_000   // elements of a, b and c; beyond that a copy is read faster than rows that lie apart
)

// smallCores are the names of OpenBLAS's kernels with AVX-512.
var smallCores = []string{"SkylakeX", "Cooperlake", "Sapphirerapids", "SapphireRapids"}

// hasSmall reports whether the library that calls itself name has the kernels.
func hasSmall(name string) bool {
	return strings.HasPrefix(name, "OpenBLAS") && slices.ContainsFunc(smallCores, func(core string) bool {
		return strings.Contains(name, " "+core+" ")
	})
}

// cuts reports whether the product is to be made of small ones.
func (p product[T]) cuts() bool {
	return p.tb == blas.NoTrans && p.m*p.n*p.k > smallVolume && p.m*p.k+p.k*p.n+p.m*p.n <= cached
}

// small calls f for products of at most smallVolume multiplications, which
// together are p.
func (p product[T]) small(f func(p product[T])) {
	terms := max(1, smallVolume/(min(smallRows, p.m)*min(smallCols, p.n)))
	terms = (p.k + (p.k-1)/terms) / ((p.k-1)/terms + 1)
	for j := 0; j < p.n; j += smallCols {
		cols := p.cols(j, min(j+smallCols, p.n))
		for q := 0; q < p.k; q += terms {
			sum := cols.terms(q, min(q+terms, p.k))
			if q > 0 {
				sum.beta = 1
			}
			for i := 0; i < p.m; i += smallRows {
				f(sum.rows(i, min(i+smallRows, p.m)))
			}
		}
	}
}
