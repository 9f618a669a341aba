package gemm

import "math"

// FMA32 is x*y + z with one rounding.
func FMA32(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z) // exact: 48 bits at most
	s := p + c
	// Rounding once more, to float32, goes wrong only if s lies half way between two
	// numbers and was rounded to lie there. Those are no more than 24 bits apart
	// unless they are denormal.
	const (
		half = 1 << 28
		rest = 1<<29 - 1
	)
	bits := math.Float64bits(s)
	if exponent := bits >> 52 & 0x7ff; bits&rest != half && exponent >= 1023-126 || exponent == 0x7ff {
		return float32(s)
	}
	// The error of the sum (Knuth's), exact.
	d := s - p
	e := (p - (s - d)) + (c - d)
	// Round to odd instead: toward zero, and the last bit set if that was not exact.
	if e != 0 && bits&1 == 0 {
		if (e > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}

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

// plain computes the product as the definition says, row by row so that the inner
// loop runs over the columns.
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

// strides returns the distances between the rows and the columns of op(x), whose
// numbers have a size and whose rows in memory lie ld apart.
func strides(transposed bool, ld, size int) (row, col int) {
	if transposed {
		return size, ld
	}
	return ld, size
}
