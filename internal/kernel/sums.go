package kernel

// The sums are made of eight, one for the elements whose number leaves the same
// rest when divided by eight, as a vector register makes them.

// sum adds up x.
func sum[T Float](x []T) T {
	var a, b, c, d, e, f, g, h T
	for ; len(x) >= 8; x = x[8:] {
		a, b, c, d = a+x[0], b+x[1], c+x[2], d+x[3]
		e, f, g, h = e+x[4], f+x[5], g+x[6], h+x[7]
	}
	s := [8]T{a, b, c, d, e, f, g, h}
	for i, v := range x {
		s[i] += v
	}
	return fold(s)
}

// sumSquares returns the sum of (x - mean)^2.
func sumSquares[T Float](x []T, mean T) T {
	var s [8]T
	for ; len(x) >= 8; x = x[8:] {
		for i, v := range x[:8] {
			d := v - mean
			s[i] += T(d * d)
		}
	}
	for i, v := range x {
		d := v - mean
		s[i] += T(d * d)
	}
	return fold(s)
}

// sumMoment returns the sums of g and of g*(x - mean).
func sumMoment[T Float](g, x []T, mean T) (total, moment T) {
	var s, m [8]T
	x = x[:len(g)]
	for ; len(g) >= 8 && len(x) >= 8; g, x = g[8:], x[8:] {
		for i, v := range g[:8] {
			s[i] += v
			m[i] += T(v * (x[i] - mean))
		}
	}
	for i, v := range g {
		s[i] += v
		m[i] += T(v * (x[i] - mean))
	}
	return fold(s), fold(m)
}

// fold adds up the eight sums.
func fold[T Float](s [8]T) T {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}
