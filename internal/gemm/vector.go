package gemm

import "unsafe"

// asRow returns the product with the transposed matrices if c is a column that lies
// like a row, so that only rows need to be fast. The chains are the same.
func (p *product[T]) asRow() *product[T] {
	if p.n > 1 || p.m == 1 || p.ldc > 1 {
		return p
	}
	return &product[T]{ta: !p.tb, tb: !p.ta, m: 1, n: p.m, k: p.k, a: p.b, lda: p.ldb, b: p.a, ldb: p.lda, c: p.c, ldc: p.m, add: p.add}
}

// dotProducts computes a row of c from the rows of a transposed b, and reports
// whether it can: the numbers of a must lie side by side.
func (p *product[T]) dotProducts(use *kernels) bool {
	if use.dots == nil || p.m > 1 || !p.tb || p.ta && p.lda > 1 {
		return false
	}
	if !p.add {
		clear(p.c[:p.n])
	}
	w := spaces.Get().(*workspace)
	defer spaces.Put(w)
	sums := unsafe.Slice((*T)(unsafe.Pointer(w.c.room(dotRows*use.size))), dotRows)
	group := 16 / use.size
	for j := 0; j < p.n; j += dotRows {
		n, whole := min(dotRows, p.n-j), p.k/group*group
		copy(sums, p.c[j:j+n])
		if whole > 0 {
			for i := range w.rows {
				w.rows[i] = pointer(p.b[(j+min(i, n-1))*p.ldb:])
			}
			use.dots(pointer(sums), pointer(p.a), &w.rows, whole/group)
		}
		for i := range n {
			row := p.b[(j+i)*p.ldb:]
			for q := whole; q < p.k; q++ {
				sums[i] = fma(p.a[q], row[q], sums[i])
			}
		}
		copy(p.c[j:j+n], sums)
	}
	return true
}
