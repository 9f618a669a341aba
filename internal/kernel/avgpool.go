package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// AvgPool writes the mean of each window of x to y. What a window covers of the
// padding counts as zeros.
func AvgPool[T Float](p Pool, y, x []T) {
	scale := 1 / T(p.KH*p.KW)
	eachPlane(p, x, y, func(x, y []T) {
		p.areas(func(pixel int, a area) {
			var s T
			for r := a.r0; r < a.r1; r++ {
				s += sum(x[r*p.W+a.c0 : r*p.W+max(a.c0, a.c1)])
			}
			y[pixel] = T(s * scale)
		})
	})
}

// AvgPoolGrad writes the gradient with respect to x to dx.
func AvgPoolGrad[T Float](p Pool, dx, dy []T) {
	scale := 1 / T(p.KH*p.KW)
	eachPlane(p, dx, dy, func(dx, dy []T) {
		clear(dx)
		p.areas(func(pixel int, a area) {
			g := T(dy[pixel] * scale)
			for r := a.r0; r < a.r1; r++ {
				for i := r*p.W + a.c0; i < r*p.W+a.c1; i++ {
					dx[i] += g
				}
			}
		})
	})
}

// MeanPlanes writes the mean of each plane of x (len(y), size) to y.
func MeanPlanes[T Float](y, x []T, size int) {
	parallel.For(len(y), 1+4096/size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = sum(x[i*size:][:size]) / T(size)
		}
	})
}

// SpreadPlanes writes dy/size to all elements of the planes of dx (len(dy),
// size): the gradient of MeanPlanes.
func SpreadPlanes[T Float](dx, dy []T, size int) {
	parallel.For(len(dy), 1+4096/size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			g := dy[i] / T(size)
			plane := dx[i*size:][:size]
			for j := range plane {
				plane[j] = g
			}
		}
	})
}
