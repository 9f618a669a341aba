package gemm

import "unsafe"

// asRow returns the product with the transposed matrices if c is a column that lies like a row, so that only rows need to be
// fast. The chains are the same.
func (p *product[T]) asRow() *product[T] {
	if p.n > 1 || p.m == 1 || p.ldc > 1 {
		return p
	}
	return &product[T]{ta: !p.tb, tb: !p.ta, m: 1, n: p.m, k: p.k, a: p.b, lda: p.ldb, b: p.a, ldb: p.lda, c: p.c, ldc: p.m, add: p.add}
}

// dotProducts computes a row of c from the rows of a transposed b, and reports whether it can: there must be enough of them,
// and the numbers of a must lie side by side.
func (p *product[T]) dotProducts(use *kernels) bool {
	if use.dots == nil || p.m > 1 || p.n < dotRows || !p.tb || p.ta && p.lda > 1 {
		return false
	}
	if !p.add {
		clear(p.c[:p.n])
	}
	w := spaces.Get().(*workspace)
	defer spaces.Put(w)
	sums := unsafe.Slice((*T)(unsafe.Pointer(w.c.room(dotRows*use.size))), dotRows)
	group := 16 / use.size
	whole := p.k / group * group
	for j := 0; j < p.n; j += dotRows {
		from := min(j, p.n-dotRows) // the last ones together with some that are done
		copy(sums, p.c[from:])
		if whole > 0 {
			use.dots(pointer(sums), pointer(p.a), pointer(p.b[from*p.ldb:]), p.ldb*use.size, whole/group)
		}
		for i := j - from; i < dotRows; i++ {
			row := p.b[(from+i)*p.ldb:]
			for q := whole; q < p.k; q++ {
				sums[i] = fma(p.a[q], row[q], sums[i])
			}
		}
		copy(p.c[j:p.n], sums[j-from:])
	}
	return true
}
