package kernel

// sum adds up x. It makes eight sums, one for the elements whose number leaves the same rest when divided by eight, as a
// vector register does, and adds them up.
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

// fold adds up the eight sums.
func fold[T Float](s [8]T) T {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}
