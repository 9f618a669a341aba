// Package gemm multiplies matrices, float32 and float64, with the same bits on every machine.
//
// # Definition
//
// For c (m, n), op(a) (m, k) and op(b) (k, n), an element of
//
//	c = alpha op(a) op(b) + beta c
//
// is one chain of fused multiply-adds in the order of k, each with one rounding to the nearest, ties to even:
//
//	s = beta*c[i][j]                      0 if beta is 0, whatever c holds; unchanged if beta is 1
//	s = fma(alpha*a[i][p], b[p][j], s)    for p = 0 ... k-1; not at all if alpha is 0
//	c[i][j] = s
//
// where beta*c and alpha*a are rounded before they are used. Denormal numbers, infinities and the signs of zeros follow IEEE
// 754; that a result is a NaN is defined, its payload is not.
//
// The plain Go code computes just that. The kernels for AVX-512, AVX2 and NEON hold many chains in registers at once, the
// blocks of k that suit the cache continue the chains through c, and processors share the rows or columns of c, never the
// terms of a sum: so neither the instructions, the blocking nor the number of threads changes a bit.
//
// # How
//
// A product is cut into blocks of columns and of terms (see block). A block of b is copied to panels as wide as a tile, a
// block of a to strips as high as a tile, in the order in which the kernels read them, wherever that pays; a kernel then
// computes the tiles of c below each other, each of one to fourteen rows times one to eight vectors, with one pass over the
// panel for each strip. Between its terms it fetches what the next blocks need into the cache (see ahead).
// A product of few rows and many columns, as the passes of a fully connected layer are, is computed as its transpose (see
// turned). The gradient of weights need not be stored (see Descend).
package gemm
