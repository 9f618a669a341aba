package kernel

import "math"

// lowest is where results are clipped from below.
func lowest[T Float](relu bool) T {
	if relu {
		return 0
	}
	return T(math.Inf(-1))
}

// addClip writes x + v to y, clipped at low.
func addClip[T Float](y, x []T, v, low T) {
	x = x[:len(y)]
	for i, u := range x {
		y[i] = max(u+v, low)
	}
}

// clipRows is addClip for rows of the given width that lie apart.
func clipRows[T Float](y []T, yStride int, x []T, xStride, width, rows int, v, low T) {
	for r := range rows {
		addClip(y[r*yStride:][:width], x[r*xStride:], v, low)
	}
}
