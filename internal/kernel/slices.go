package kernel

import (
	"math"
	"unsafe"

	"github.com/layernoise/layernoise/internal/parallel"
)

// elements calls f for ranges of n elements that do not depend on each other, at once where there are processors and enough
// elements.
func elements(n int, f func(lo, hi int)) { parallel.For(n, 1<<14, f) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// roundUp is the smallest multiple of unit that is n or more.
func roundUp(n, unit int) int { return ceilDiv(n, unit) * unit }

// bits are the elements of x as the integers of their bit patterns, in the same memory.
func bits[U uint32 | uint64, T Float](x []T) []U {
	return unsafe.Slice((*U)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

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

// toChannelsLast copies planes of numbers, plane apart, one for each channel, to rows of
// channels: element i of each plane to the row that begins at pixels[i].
func toChannelsLast[T Float](dst []T, pixels []int, src []T, plane, channels int) {
	for c := range channels {
		row := src[c*plane:][:len(pixels)]
		for i, at := range pixels {
			dst[at+c] = row[i]
		}
	}
}

// fromChannelsLast is the reverse of toChannelsLast.
func fromChannelsLast[T Float](dst []T, plane, channels int, src []T, pixels []int) {
	for c := range channels {
		row := dst[c*plane:][:len(pixels)]
		for i, at := range pixels {
			row[i] = src[at+c]
		}
	}
}
