package gemm

import "math"

// fma is x*y + z with one rounding.
func fma[T Float](x, y, z T) T {
	switch z := any(z).(type) {
	case float32:
		return T(FMA32(float32(x), float32(y), z))
	case float64:
		return T(math.FMA(float64(x), float64(y), z))
	}
	panic("unreachable")
}

// plain computes the product as the definition says, row by row so that the inner loop runs over the columns.
func (p *product[T]) plain() {
	aRow, aCol := strides(p.ta, p.lda, 1)
	bRow, bCol := strides(p.tb, p.ldb, 1)
	for i := range p.m {
		row := p.c[i*p.ldc:][:p.n]
		if !p.add {
			clear(row)
		}
		for q := range p.k {
			x, b := p.a[i*aRow+q*aCol], p.b[q*bRow:]
			for j := range row {
				row[j] = fma(x, b[j*bCol], row[j])
			}
		}
	}
}

// strides returns the distances between the rows and the columns of op(x), whose numbers have a size and whose rows in
// memory lie ld apart.
func strides(transposed bool, ld, size int) (row, col int) {
	if transposed {
		return size, ld
	}
	return ld, size
}
