//go:build !arm64

package gemm

import "math"

// FMA32 is x*y + z with one rounding.
func FMA32(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z) // exact: 48 bits at most
	s := p + c
	// Rounding once more, to float32, goes wrong only if s lies half way between two numbers and was rounded to lie there.
	// Those are no more than 24 bits apart unless they are denormal.
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
