package kernel

import (
	"math"

	"github.com/layernoise/layernoise/internal/parallel"
)

// Norm is the shape of a batch norm: x (N, C, Size), where Size is the number of
// pixels of a channel, or 1. ReLU clips the result at zero from below.
type Norm struct {
	N, C, Size int
	ReLU       bool
}

// NormStats are what a batch norm normalises with, for each channel: the mean
// and 1/sqrt(variance + eps).
type NormStats[T Float] struct {
	Mean, InvStd []T
}

// NewNormStats makes room for the statistics of c channels.
func NewNormStats[T Float](c int) NormStats[T] {
	return NormStats[T]{make([]T, c), make([]T, c)}
}

// channels calls f for each channel, at once where there are processors. All
// that a channel needs is done in one go, while its pixels are in the cache.
func (n Norm) channels(f func(c int)) {
	parallel.For(n.C, 1+4096/(n.N*n.Size), func(lo, hi int) {
		for c := lo; c < hi; c++ {
			f(c)
		}
	})
}

// plane is where channel c of image i starts.
func (n Norm) plane(i, c int) int { return (i*n.C + c) * n.Size }

// BatchStats writes the statistics of the batch to s, and moves the running mean
// and the running unbiased variance towards them by the fraction momentum.
func BatchStats[T Float](n Norm, s NormStats[T], runMean, runVar []T, x []T, momentum, eps float64) {
	l, count := loopsFor[T](), float64(n.N*n.Size)
	n.channels(func(c int) {
		var total, square float64
		for i := range n.N {
			total += float64(l.sum(x[n.plane(i, c):][:n.Size]))
		}
		mean := total / count
		for i := range n.N {
			square += float64(l.sumSquares(x[n.plane(i, c):][:n.Size], T(mean)))
		}
		variance := square / count
		s.Mean[c], s.InvStd[c] = T(mean), T(1/math.Sqrt(variance+eps))
		runMean[c] += T(momentum * (mean - float64(runMean[c])))
		runVar[c] += T(momentum * (square/(count-1) - float64(runVar[c])))
	})
}

// RunningStats writes running statistics to s.
func RunningStats[T Float](s NormStats[T], runMean, runVar []T, eps float64) {
	copy(s.Mean, runMean)
	for c, v := range runVar {
		s.InvStd[c] = T(1 / math.Sqrt(float64(v)+eps))
	}
}

// line returns the function a*x + b that a channel of a batch norm is.
func (s NormStats[T]) line(c int, scale, shift []T) (a, b T) {
	a = scale[c] * s.InvStd[c]
	return a, shift[c] - T(s.Mean[c]*a) + 0 // which is never -0
}

// NormForward computes y = (x - mean)*invStd*scale + shift, plus residual unless
// that is nil.
func NormForward[T Float](n Norm, s NormStats[T], y, x, scale, shift, residual []T) {
	l, low := loopsFor[T](), lowest[T](n.ReLU)
	n.channels(func(c int) {
		a, b := s.line(c, scale, shift)
		for i := range n.N {
			at := n.plane(i, c)
			out, in := y[at:][:n.Size], x[at:][:n.Size]
			if residual != nil {
				l.joinClip(out, in, residual[at:][:n.Size], a, b, low)
			} else {
				l.lineClip(out, in, a, b, low)
			}
		}
	})
}

// lineClip writes a*x + b to y, clipped at low.
func lineClip[T Float](y, x []T, a, b, low T) {
	x = x[:len(y)]
	for j, v := range x {
		y[j] = max(T(a*v)+b, low)
	}
}

// joinClip writes a*x + b + residual to y, clipped at low.
func joinClip[T Float](y, x, residual []T, a, b, low T) {
	x, residual = x[:len(y)], residual[:len(y)]
	for j, v := range x {
		y[j] = max(T(a*v)+b+residual[j], low)
	}
}

// NormGrad computes the gradients with respect to x, the scale and the shift
// from dy, and from the input and statistics of the forward pass. With ReLU dy
// is gated first, by the sign of the result computed once more; n.ReLU must be
// off where a residual was added, and dy gated by the caller. With batch the
// statistics are the batch's, and so depend on x.
//
// With g the gated gradient, h = (x - mean)*invStd, and m values a channel:
//
//	dshift = sum(g), dscale = sum(g*h)
//	dx = scale*invStd*g                                (running statistics)
//	dx = scale*invStd*(g - dshift/m - h*dscale/m)      (the batch's)
func NormGrad[T Float](n Norm, s NormStats[T], dx, dscale, dshift, x, scale, shift, dy []T, batch bool) {
	l, count := loopsFor[T](), float64(n.N*n.Size)
	n.channels(func(c int) {
		a, b := s.line(c, scale, shift)
		mean, invStd := s.Mean[c], s.InvStd[c]
		var total, moment float64
		for i := range n.N {
			at := n.plane(i, c)
			g := dy[at:][:n.Size]
			if n.ReLU {
				g = dx[at:][:n.Size]
				l.gateLine(g, x[at:], dy[at:], a, b)
			}
			t, m := l.sumMoment(g, x[at:], mean)
			total += float64(t)
			moment += float64(m)
		}
		moment *= float64(invStd)
		dshift[c], dscale[c] = T(total), T(moment)

		// dx = a*g + p*x + q
		var p, q T
		if batch {
			p = T(-float64(a) * float64(invStd) * moment / count)
			q = T(-float64(a)*total/count) - p*mean
		}
		for i := range n.N {
			at := n.plane(i, c)
			g := dy[at:][:n.Size]
			if n.ReLU {
				g = dx[at:][:n.Size]
			}
			l.combine(dx[at:][:n.Size], g, x[at:], a, p, q)
		}
	})
}

// gateLine writes to g the elements of dy where a*x + b is positive, and zero
// elsewhere.
func gateLine[T Float](g, x, dy []T, a, b T) {
	x, dy = x[:len(g)], dy[:len(g)]
	for j, v := range x {
		g[j] = keepPositive(dy[j], T(a*v)+b)
	}
}

// combine writes a*g + p*x + q to dx.
func combine[T Float](dx, g, x []T, a, p, q T) {
	g, x = g[:len(dx)], x[:len(dx)]
	for j := range dx {
		dx[j] = T(a*g[j]) + T(p*x[j]) + q
	}
}
