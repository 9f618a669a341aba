package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// MaxPool is a max pool, with a rectifier behind it or none. For windows of 2x2
// without overlap or padding it remembers which element of each window is the
// result, so that the gradient reads neither x nor y.
type MaxPool[T Float] struct {
	Pool
	ReLU  bool
	picks []uint32 // see maxHalves
}

// Forward writes the largest element of each window of x to y, clipped at zero
// from below with ReLU. Of several NaN and other values a NaN is the largest.
func (p *MaxPool[T]) Forward(y, x []T) {
	if p.halves() {
		if p.picks == nil {
			p.picks = make([]uint32, p.Planes*p.OutH()*pickWords(p.W))
		}
		var keep uint32
		if !p.ReLU {
			keep = 1<<32 - 1
		}
		l := loopsFor[T]()
		p.eachRows(func(x0, y0, pick0, rows int) { l.maxHalves(y[y0:], p.picks[pick0:], x[x0:], p.W, rows, keep) })
		return
	}
	low := lowest[T](p.ReLU)
	eachPlane(p.Pool, x, y, func(x, y []T) {
		p.areas(func(pixel int, a area) { y[pixel] = max(x[largest(x, p.W, a)], low) })
	})
}

// Backward writes to dx the elements of dy, each added up where the result y of
// its window of x comes from, the first of equal elements, and zero elsewhere. It
// belongs to the last Forward.
func (p *MaxPool[T]) Backward(dx, x, y, dy []T) {
	if p.halves() {
		if p.W%2 != 0 || p.H%2 != 0 {
			clear(dx) // what no window covers
		}
		l := loopsFor[T]()
		p.eachRows(func(x0, y0, pick0, rows int) { l.unpoolHalves(dx[x0:], p.picks[pick0:], dy[y0:], p.W, rows) })
		return
	}
	size, pixels := p.H*p.W, p.OutH()*p.OutW()
	p.each(func(i int) {
		dx, x, y, dy := dx[i*size:][:size], x[i*size:][:size], y[i*pixels:][:pixels], dy[i*pixels:][:pixels]
		clear(dx)
		p.areas(func(pixel int, a area) {
			if !p.ReLU || y[pixel] != 0 {
				dx[largest(x, p.W, a)] += dy[pixel]
			}
		})
	})
}

// eachRows calls f for all rows of windows of 2x2, at once where there are
// processors, with the indices in x, y and the picks where they begin.
func (p *MaxPool[T]) eachRows(f func(x0, y0, pick0, rows int)) {
	outH, outW, words := p.OutH(), p.OutW(), pickWords(p.W)
	planes := func(lo, hi int) { f(lo*p.H*p.W, lo*outH*outW, lo*outH*words, (hi-lo)*outH) }
	parallel.For(p.Planes, 1+4096/(p.H*p.W), func(lo, hi int) {
		if p.H%2 == 0 { // the rows of one plane follow on those of another
			planes(lo, hi)
			return
		}
		for i := lo; i < hi; i++ {
			planes(i, i+1)
		}
	})
}

// largest returns where in x, with rows of the given width, the largest element
// of an area is.
func largest[T Float](x []T, width int, a area) int {
	best := a.r0*width + a.c0
	for r := a.r0; r < a.r1; r++ {
		for i := r*width + a.c0; i < r*width+a.c1; i++ {
			if x[i] > x[best] || x[i] != x[i] && x[best] == x[best] {
				best = i
			}
		}
	}
	return best
}
