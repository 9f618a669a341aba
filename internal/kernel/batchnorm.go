package kernel

import (
	"math"

	"github.com/layernoise/layernoise/internal/parallel"
)

// Norm is a batch norm of x (N, C, Size), where Size is the number of pixels of a channel, or 1. ReLU clips the result at
// zero from below. The running statistics move by the fraction Momentum, and Eps is added to the variance.
type Norm struct {
	N, C, Size    int
	ReLU          bool
	Momentum, Eps float64
}

// NormStats are what a batch norm normalises with, for each channel: the mean and 1/sqrt(variance + Eps).
type NormStats struct {
	Mean, InvStd []float64
}

// NewNormStats makes room for the statistics of c channels.
func NewNormStats(c int) NormStats { return NormStats{make([]float64, c), make([]float64, c)} }

// channels calls f for each channel, with where it starts, at once where there are processors. All that a channel needs is
// done in one go, while its pixels are in the cache.
func (n Norm) channels(f func(c, at int)) {
	parallel.For(n.C, 1+4096/(n.N*n.Size), func(lo, hi int) {
		for c := lo; c < hi; c++ {
			f(c, c*n.Size)
		}
	})
}

// planes are those of a channel.
func (n Norm) planes() planes { return planes{n.Size, n.C * n.Size, n.N} }

// NormTrain is [NormForward] with the statistics of the batch, which it writes to s. It moves the running mean and the
// running unbiased variance towards them.
func NormTrain[T Float](n Norm, s NormStats, runMean, runVar, y, x, scale, shift, residual []T) {
	n.channels(func(c, at int) {
		m := momentsOf(n, x[at:])
		statsOf(n, s, c, m, runMean, runVar)
		normChannel(n, s, c, y, x, scale, shift, residual)
	})
}

// Moments are how many values a channel has, their mean, and the sum of the squares of what they are away from it.
type Moments struct{ Count, Mean, Square float64 }

// momentsOf returns those of a channel of which x is the first plane.
func momentsOf[T Float](n Norm, x []T) Moments {
	count, pivot := float64(n.N*n.Size), x[0] // moments about zero would cancel
	total, square := loopsFor[T]().moments(x, n.planes(), pivot)
	away := total / count
	return Moments{count, float64(pivot) + away, square - float64(total*away)}
}

// Add returns the moments of the values of both.
//
// T. F. Chan, G. H. Golub, R. J. LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances,
// COMPSTAT 1982.
func (m Moments) Add(o Moments) Moments {
	count, away := m.Count+o.Count, o.Mean-m.Mean
	share := o.Count / count
	return Moments{
		Count:  count,
		Mean:   m.Mean + float64(away*share),
		Square: m.Square + o.Square + float64(float64(away*away)*float64(m.Count*share)),
	}
}

// statsOf writes the statistics of a channel to s, and moves the running ones towards them.
func statsOf[T Float](n Norm, s NormStats, c int, m Moments, runMean, runVar []T) {
	s.Mean[c], s.InvStd[c] = m.Mean, 1/math.Sqrt(m.Square/m.Count+n.Eps)
	runMean[c] += T(n.Momentum * (m.Mean - float64(runMean[c])))
	runVar[c] += T(n.Momentum * (m.Square/(m.Count-1) - float64(runVar[c])))
}

// NormMoments writes the moments of each channel of x to m. With [NormStatistics] and [NormForward] it is [NormTrain] for a
// batch of which x is a part.
func NormMoments[T Float](n Norm, m []Moments, x []T) {
	n.channels(func(c, at int) { m[c] = momentsOf(n, x[at:]) })
}

// NormStatistics writes the statistics of channels with the moments m to s, and moves the running ones towards them.
func NormStatistics[T Float](n Norm, s NormStats, m []Moments, runMean, runVar []T) {
	for c, m := range m {
		statsOf(n, s, c, m, runMean, runVar)
	}
}

// RunningStats writes running statistics to s.
func RunningStats[T Float](n Norm, s NormStats, runMean, runVar []T) {
	for c, v := range runVar {
		s.Mean[c], s.InvStd[c] = float64(runMean[c]), 1/math.Sqrt(float64(v)+n.Eps)
	}
}

// lineOf returns the function a*(x - mean) + b that a channel of a batch norm is. It subtracts first because a*x would
// cancel with a*mean, and b makes up for the rounding of the mean.
func lineOf[T Float](s NormStats, c int, scale, shift []T) (mean, a, b T) {
	mean, a = T(s.Mean[c]), T(float64(scale[c])*s.InvStd[c])
	rest := s.Mean[c] - float64(mean)
	return mean, a, T(float64(shift[c])-float64(float64(a)*rest)) + 0 // which is never -0
}

// NormForward computes y = (x - mean)*invStd*scale + shift, plus residual unless that is nil.
func NormForward[T Float](n Norm, s NormStats, y, x, scale, shift, residual []T) {
	n.channels(func(c, _ int) { normChannel(n, s, c, y, x, scale, shift, residual) })
}

// normChannel is NormForward for one channel.
func normChannel[T Float](n Norm, s NormStats, c int, y, x, scale, shift, residual []T) {
	l, low, at := loopsFor[T](), lowest[T](n.ReLU), c*n.Size
	mean, a, b := lineOf(s, c, scale, shift)
	if residual != nil {
		l.normJoin(y[at:], x[at:], residual[at:], n.planes(), mean, a, b, low)
		return
	}
	l.normForward(y[at:], x[at:], n.planes(), mean, a, b, low)
}

// NormGrad computes the gradients with respect to x, the scale and the shift from dy, and from the input and statistics of
// the forward pass. With ReLU dy is gated first, by the sign of the result computed once more; n.ReLU must be off where a
// residual was added, and dy gated by the caller. With batch the statistics are the batch's, and so depend on x.
//
// With g the gated gradient, h = (x - mean)*invStd, and m values a channel:
//
//	dshift = sum(g), dscale = sum(g*h)
//	dx = scale*invStd*g                                (running statistics)
//	dx = scale*invStd*(g - dshift/m - h*dscale/m)      (the batch's)
func NormGrad[T Float](n Norm, s NormStats, dx, dscale, dshift, x, scale, shift, dy []T, batch bool) {
	var count float64 // whose statistics do not depend on x
	if batch {
		count = float64(n.N * n.Size)
	}
	n.channels(func(c, at int) {
		sums := gradSums(n, s, c, x, scale, shift, dy)
		dshift[c], dscale[c] = T(sums.Shift), T(sums.Scale)
		normGradChannel(n, s, c, sums, count, dx, x, scale, shift, dy)
	})
}

// NormSums are the sums over a channel that are the gradients of its shift and its scale.
type NormSums struct{ Shift, Scale float64 }

// NormGradSums writes the sums of each channel of dy. With [NormGradX] it is [NormGrad] for a batch of which dy is a part.
func NormGradSums[T Float](n Norm, s NormStats, sums []NormSums, x, scale, shift, dy []T) {
	n.channels(func(c, _ int) { sums[c] = gradSums(n, s, c, x, scale, shift, dy) })
}

// NormGradX computes the gradient with respect to x alone, from the sums over all of a batch that has count values a channel.
func NormGradX[T Float](n Norm, s NormStats, sums []NormSums, count float64, dx, x, scale, shift, dy []T) {
	n.channels(func(c, _ int) { normGradChannel(n, s, c, sums[c], count, dx, x, scale, shift, dy) })
}

// keep is the mask that leaves gradients as they are, or zero to gate them.
func (n Norm) keep() uint32 {
	if n.ReLU {
		return 0
	}
	return 1<<32 - 1
}

// gradSums returns the sums of a channel.
func gradSums[T Float](n Norm, s NormStats, c int, x, scale, shift, dy []T) NormSums {
	at := c * n.Size
	mean, a, b := lineOf(s, c, scale, shift)
	total, moment := loopsFor[T]().normSums(dy[at:], x[at:], n.planes(), mean, a, b, n.keep())
	rest := s.Mean[c] - float64(mean)
	return NormSums{Shift: total, Scale: s.InvStd[c] * (moment - float64(total*rest))}
}

// normGradChannel writes the gradient with respect to the x of a channel. The statistics depend on count values, or on none for 0.
func normGradChannel[T Float](n Norm, s NormStats, c int, sums NormSums, count float64, dx, x, scale, shift, dy []T) {
	at := c * n.Size
	mean, a, b := lineOf(s, c, scale, shift)
	var dyMean, slope float64 // dx = a*(g - dyMean - slope*(x - mean))
	if count > 0 {
		rest := s.Mean[c] - float64(mean)
		slope = s.InvStd[c] * sums.Scale / count
		dyMean = sums.Shift/count - float64(slope*rest)
	}
	loopsFor[T]().normGrad(dx[at:], dy[at:], x[at:], n.planes(), mean, a, b, T(dyMean), T(slope), n.keep())
}

// planes are the planes of a channel in a batch: count of them, of size elements, each a stride from the one before.
type planes = struct{ size, stride, count int }

// moments returns the sums of x - pivot and of its square. As all sums over planes, they are in float64, and made of eight
// as that of sum is.
func moments[T Float](x []T, p planes, pivot T) (total, square float64) {
	var s, q [8]float64
	for k := range p.count {
		for i, v := range x[k*p.stride:][:p.size] {
			d := float64(v - pivot)
			s[i%8] += d
			q[i%8] += float64(d * d)
		}
	}
	return fold(s), fold(q)
}

// normForward writes a*(x - mean) + b to y, clipped at low.
func normForward[T Float](y, x []T, p planes, mean, a, b, low T) {
	for k := range p.count {
		y, x := y[k*p.stride:][:p.size], x[k*p.stride:][:p.size]
		for i, v := range x {
			y[i] = max(T(a*(v-mean))+b, low)
		}
	}
}

// normJoin writes a*(x - mean) + b + residual to y, clipped at low.
func normJoin[T Float](y, x, residual []T, p planes, mean, a, b, low T) {
	for k := range p.count {
		y, x, residual := y[k*p.stride:][:p.size], x[k*p.stride:][:p.size], residual[k*p.stride:][:p.size]
		for i, v := range x {
			y[i] = max(T(a*(v-mean))+b+residual[i], low)
		}
	}
}

// normSums returns the sums of g and of g*(x - mean), where g is dy, or unless keep is set, zero where a*(x - mean) + b is
// not positive.
func normSums[T Float](dy, x []T, p planes, mean, a, b T, keep uint32) (total, moment float64) {
	var s, m [8]float64
	for k := range p.count {
		dy, x := dy[k*p.stride:][:p.size], x[k*p.stride:][:p.size]
		for i, v := range x {
			d, g := v-mean, dy[i]
			if keep == 0 {
				g = keepPositive(g, T(a*d)+b)
			}
			s[i%8] += float64(g)
			m[i%8] += float64(float64(g) * float64(d))
		}
	}
	return fold(s), fold(m)
}

// normGrad writes a*(g - dyMean - slope*(x - mean)) to dx, with g as in normSums.
func normGrad[T Float](dx, dy, x []T, p planes, mean, a, b, dyMean, slope T, keep uint32) {
	for k := range p.count {
		dx, dy, x := dx[k*p.stride:][:p.size], dy[k*p.stride:][:p.size], x[k*p.stride:][:p.size]
		for i, v := range x {
			d, g := v-mean, dy[i]
			if keep == 0 {
				g = keepPositive(g, T(a*d)+b)
			}
			dx[i] = a * (g - dyMean - T(slope*d))
		}
	}
}
