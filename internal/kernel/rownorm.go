package kernel

import (
	"math"

	"github.com/layernoise/layernoise/internal/parallel"
)

// RowNorm is a norm of each row of x (Rows, Cols): a layer norm, or with Root a root mean square norm, which takes no mean off.
// Eps is added to the variance, or to the mean square.
type RowNorm struct {
	Rows, Cols int
	Root       bool
	Eps        float64
}

// normBlock is how many rows share sums of the gradients of gain and bias. It depends on nothing, so that neither do the sums.
const normBlock = 32

// blocks calls f for each block of rows, at once where there are processors.
func (n RowNorm) blocks(f func(block, lo, hi int)) {
	parallel.For((n.Rows+normBlock-1)/normBlock, 1+1<<13/(normBlock*n.Cols), func(lo, hi int) {
		for b := lo; b < hi; b++ {
			f(b, b*normBlock, min((b+1)*normBlock, n.Rows))
		}
	})
}

// RowNormForward computes y = (x - mean)/sqrt(variance + eps)*gain + bias, and writes mean and inverse root of each row to s.
func RowNormForward[T Float](n RowNorm, s NormStats, y, x, gain, bias []T) {
	l := loopsFor[T]()
	n.blocks(func(_, lo, hi int) {
		for i := lo; i < hi; i++ { // all before the first is used, so that none is waited for
			row := x[i*n.Cols:][:n.Cols]
			n.measure(s, i, l.momentsOf(row, n.pivot(float64(row[0]))))
		}
		for i := lo; i < hi; i++ {
			at := i * n.Cols
			mean, a, c := rowLine[T](s, i)
			l.rowNorm(y[at:][:n.Cols], x[at:][:n.Cols], gain, bias, mean, a, c)
		}
	})
}

// pivot is what is taken off before moments are taken: moments of a row far from zero would cancel.
func (n RowNorm) pivot(first float64) float64 {
	if n.Root {
		return 0
	}
	return first
}

// measure writes the statistics of row i to s, from the sums of x - pivot and of its square.
func (n RowNorm) measure(s NormStats, i int, m sums) {
	mean, square := 0.0, m.square
	if !n.Root {
		away := m.total / float64(n.Cols)
		mean, square = m.pivot+away, m.square-float64(m.total*away)
	}
	s.Mean[i], s.InvStd[i] = mean, 1/math.Sqrt(square/float64(n.Cols)+n.Eps)
}

// sums are those of x - pivot and of its square.
type sums struct{ pivot, total, square float64 }

// momentsOf are the sums of a row.
func (l *loops[T]) momentsOf(row []T, pivot float64) sums {
	total, square := l.moments(row, planes{len(row), len(row), 1}, T(pivot))
	return sums{pivot, total, square}
}

// rowLine returns what brings row i to mean zero and variance one, a*(x - mean) + c, where c makes up for the rounding of the
// mean.
func rowLine[T Float](s NormStats, i int) (mean, a, c T) {
	mean, a = T(s.Mean[i]), T(s.InvStd[i])
	return mean, a, T(s.InvStd[i]*(float64(mean)-s.Mean[i])) + 0 // which is never -0
}

// RowNormGrad computes the gradients with respect to x, gain and bias from dy, and from the input and the statistics of the
// forward pass. dbias may be nil. With h = (x - mean)/sqrt(variance + eps) and g = dy*gain, and means over the row:
//
//	dgain = sum of dy*h over the rows, dbias = sum of dy
//	dx = (g - mean(g) - h*mean(g*h))/sqrt(variance + eps)     without mean(g) for a root mean square norm
//
// Each block of rows has its own sums, which are added up in order. skip, if it is not nil, is added to dx.
func RowNormGrad[T Float](n RowNorm, s NormStats, dx, dgain, dbias, x, gain, dy, skip []T) {
	l, count := loopsFor[T](), (n.Rows+normBlock-1)/normBlock
	parts := borrow[T](2 * count * n.Cols)
	defer giveBack(parts)
	n.blocks(func(b, lo, hi int) {
		part := parts[2*b*n.Cols:][:2*n.Cols]
		clear(part)
		for i := lo; i < hi; i++ {
			at := i * n.Cols
			mean, a, c := rowLine[T](s, i)
			total, moment := l.rowNormSums(dy[at:][:n.Cols], x[at:][:n.Cols], gain, mean, a, c)
			if n.Root {
				total = 0
			}
			cols := float64(n.Cols)
			l.rowNormGrad(dx[at:][:n.Cols], dy[at:][:n.Cols], x[at:][:n.Cols], gain, part[:n.Cols], part[n.Cols:],
				mean, a, c, T(total/cols), T(moment/cols))
			if skip != nil {
				accumulate(dx[at:][:n.Cols], skip[at:])
			}
		}
	})
	clear(dgain)
	clear(dbias)
	for b := range count {
		part := parts[2*b*n.Cols:]
		accumulate(dgain, part)
		accumulate(dbias, part[n.Cols:])
	}
}

// rowNorm writes (a*(x - mean) + c)*gain + bias to y.
func rowNorm[T Float](y, x, gain, bias []T, mean, a, c T) {
	x, gain, bias = x[:len(y)], gain[:len(y)], bias[:len(y)]
	for i, v := range x {
		h := T(a*(v-mean)) + c
		y[i] = T(h*gain[i]) + bias[i]
	}
}

// rowNormSums returns the sums of g = dy*gain and of g*(a*(x - mean) + c), in float64, each made of eight as that of sum is.
func rowNormSums[T Float](dy, x, gain []T, mean, a, c T) (total, moment float64) {
	x, gain = x[:len(dy)], gain[:len(dy)]
	var s, m [8]float64
	for i, v := range x {
		g, h := dy[i]*gain[i], T(a*(v-mean))+c
		s[i%8] += float64(g)
		m[i%8] += float64(float64(g) * float64(h))
	}
	return fold(s), fold(m)
}

// rowNormGrad writes a*(g - mean1 - h*mean2) to dx, with g and h as in rowNormSums, and adds dy*h to dgain and dy to dbias.
func rowNormGrad[T Float](dx, dy, x, gain, dgain, dbias []T, mean, a, c, mean1, mean2 T) {
	dy, x, gain, dgain, dbias = dy[:len(dx)], x[:len(dx)], gain[:len(dx)], dgain[:len(dx)], dbias[:len(dx)]
	for i, v := range x {
		u, h := dy[i], T(a*(v-mean))+c
		dgain[i] += T(u * h)
		dbias[i] += u
		dx[i] = a * (T(u*gain[i]) - mean1 - T(h*mean2))
	}
}
