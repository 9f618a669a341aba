package gemm

import "unsafe"

// turned computes c = op(a) op(b) as the transpose of op(b)' op(a)', and reports whether that pays: b is read as it lies then,
// instead of being copied to panels that few rows of a use, and c is transposed, which is smaller. The chains are the same,
// for a product of two numbers does not depend on their order.
func (p *product[T]) turned(use *kernels) bool {
	if p.add || p.near || use.packed || use.transpose == nil ||
		p.m < turnLeast || p.m > turnRows || p.n < turnTimes*p.m || p.k < p.m || p.tb && p.ldb*use.size >= farA {
		return false
	}
	w := spaces.Get().(*workspace)
	defer spaces.Put(w)
	turned := w.c.room(p.n * p.m * use.size)
	q := product[T]{ta: !p.tb, tb: !p.ta, m: p.n, n: p.m, k: p.k, a: p.b, lda: p.ldb, b: p.a, ldb: p.lda,
		c: unsafe.Slice((*T)(unsafe.Pointer(turned)), p.n*p.m), ldc: p.m}
	q.blocks(use)

	t := block{kernels: use, space: w}
	c, row := pointer(p.c), p.ldc*use.size
	for j := 0; j < p.n; j += use.lanes {
		from, columns := at(turned, j*p.m*use.size), min(use.lanes, p.n-j)
		if columns == use.lanes {
			t.packTransposed(at(c, j*use.size), row, from, p.m*use.size, p.m, columns)
		} else {
			t.transposeRest(at(c, j*use.size), row, from, p.m*use.size, 0, p.m, columns)
		}
	}
	return true
}
