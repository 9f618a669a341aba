package kernel

import (
	"math"

	"github.com/layernoise/layernoise/internal/parallel"
)

// Pool is the shape of a pool: a number of planes, the channels of all images, that it treats alike; x (Planes, H, W),
// result (Planes, OutH, OutW).
type Pool struct {
	Window
	Planes int
}

// each calls f for all planes, at once where there are processors.
func (p Pool) each(f func(plane int)) {
	parallel.For(p.Planes, 1+4096/(p.H*p.W), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i)
		}
	})
}

// eachPlane calls f for all planes, with the elements of x and of y that belong to them.
func eachPlane[T Float](p Pool, x, y []T, f func(x, y []T)) {
	size, pixels := p.H*p.W, p.OutH()*p.OutW()
	p.each(func(i int) { f(x[i*size:][:size], y[i*pixels:][:pixels]) })
}

// area is what a window covers of the image: rows r0 to r1, columns c0 to c1.
type area struct{ r0, r1, c0, c1 int }

// areas calls f for the pixels of the result, row by row.
func (w Window) areas(f func(pixel int, a area)) {
	pixel := 0
	for r := range w.OutH() {
		top := r*w.SH - w.PH
		for c := range w.OutW() {
			left := c*w.SW - w.PW
			f(pixel, area{max(top, 0), min(top+w.KH, w.H), max(left, 0), min(left+w.KW, w.W)})
			pixel++
		}
	}
}

// halves reports whether the window is the one of most networks, 2x2 without overlap or padding.
func (w Window) halves() bool {
	return w.KH == 2 && w.KW == 2 && w.SH == 2 && w.SW == 2 && w.PH == 0 && w.PW == 0
}

// MaxPool is a max pool, with a rectifier behind it or none. For windows of 2x2 without overlap or padding it remembers
// which element of each window is the result, so that the gradient reads neither x nor y.
type MaxPool[T Float] struct {
	Pool
	ReLU  bool
	picks []uint32 // see maxHalves
}

// Forward writes the largest element of each window of x to y, clipped at zero from below with ReLU. Of several NaN and
// other values a NaN is the largest.
func (p *MaxPool[T]) Forward(y, x []T) {
	if p.halves() {
		if p.picks == nil {
			p.picks = make([]uint32, p.Planes*p.OutH()*pickWords(p.W))
		}
		var keep uint32
		if !p.ReLU {
			keep = 1<<32 - 1
		}
		l, none := loopsFor[T](), T(math.Copysign(0, -1)) // to be added
		p.eachRange(func(x0, y0, pick0 int, r pooled) {
			l.maxHalves(y[y0:], p.picks[pick0:], x[x0:], p.W, p.W, r, none, keep)
		})
		return
	}
	low := lowest[T](p.ReLU)
	eachPlane(p.Pool, x, y, func(x, y []T) {
		p.areas(func(pixel int, a area) { y[pixel] = max(x[largest(x, p.W, a)], low) })
	})
}

// Backward writes to dx the elements of dy, each added up where the result y of its window of x comes from, the first of
// equal elements, and zero elsewhere. It belongs to the last Forward.
func (p *MaxPool[T]) Backward(dx, x, y, dy []T) {
	if p.halves() {
		if p.W%2 != 0 || p.H%2 != 0 {
			clear(dx) // what no window covers
		}
		l := loopsFor[T]()
		p.eachRange(func(x0, y0, pick0 int, r pooled) { l.unpoolHalves(dx[x0:], p.picks[pick0:], dy[y0:], p.W, p.W, r) })
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

// eachRange calls f for ranges of planes with windows of 2x2, at once where there are processors, with the indices in x, y and
// the picks where they begin.
func (p *MaxPool[T]) eachRange(f func(x0, y0, pick0 int, r pooled)) {
	size, pixels, picks := p.H*p.W, p.OutH()*p.OutW(), p.OutH()*pickWords(p.W)
	parallel.For(p.Planes, 1+4096/size, func(lo, hi int) {
		f(lo*size, lo*pixels, lo*picks, pooled{p.OutH(), hi - lo, p.OutH(), p.H})
	})
}

// largest returns where in x, with rows of the given width, the largest element of an area is.
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

// A word of picks stands for eight windows of 2x2 in a row, a byte of it for one of their four elements: a bit is set if
// that element is the result of the window. No bit is, if a rectifier has cut the result off. Bit i is for window
// pickOrder[i], as a shuffle of registers leaves the windows.
var pickOrder = [8]int{0, 1, 4, 5, 2, 3, 6, 7}

// pickWords is the number of words for a row of windows of an image's width.
func pickWords(width int) int { return ceilDiv(width/2, len(pickOrder)) }

// pooled is what a loop pools: count planes, one or more, of so many rows of windows of 2x2. A plane lies lines of the image,
// and apart rows of y and of the picks, behind the one before.
type pooled = struct{ rows, count, apart, lines int }

// eachRow calls f for all rows of windows, with the numbers of a line of the image and of a row of y and of the picks.
func eachRow(p pooled, f func(line, row int)) {
	for i := range p.count {
		for r := range p.rows {
			f(i*p.lines+2*r, i*p.apart+r)
		}
	}
}

// maxHalves writes the largest elements of windows of 2x2 of x + v to y, and the picks. Lines of x have the given width, and lie
// a pitch apart. Results that are not positive become zero unless keep has all bits set. Of a window with a NaN the last element
// is picked.
func maxHalves[T Float](y []T, picks []uint32, x []T, width, pitch int, p pooled, v T, keep uint32) {
	n, words := width/2, pickWords(width)
	eachRow(p, func(line, row int) {
		out, word := y[row*n:][:n], picks[row*words:][:words]
		top, bottom := x[line*pitch:][:2*n], x[(line+1)*pitch:][:2*n]
		clear(word)
		for c := range out {
			a, b, d := top[2*c]+v, top[2*c+1]+v, bottom[2*c]+v
			m := max(max(a, b), max(d, bottom[2*c+1]+v))
			if m <= 0 && keep == 0 {
				out[c] = 0
				continue
			}
			out[c] = m
			isA := one[uint32](a == m)
			isB := one[uint32](b == m) &^ isA
			isC := one[uint32](d == m) &^ (isA | isB)
			isD := 1 &^ (isA | isB | isC)
			word[c/8] |= (isA | isB<<8 | isC<<16 | isD<<24) << pickOrder[c%8]
		}
	})
}

// unpoolHalves writes the elements of dy to dx where the picks say, and zero to the other elements of the windows.
func unpoolHalves[T Float](dx []T, picks []uint32, dy []T, width, pitch int, p pooled) {
	switch dx := any(dx).(type) {
	case []float32:
		unpoolBits(bits[uint32](dx), picks, bits[uint32](any(dy).([]float32)), width, pitch, p)
	case []float64:
		unpoolBits(bits[uint64](dx), picks, bits[uint64](any(dy).([]float64)), width, pitch, p)
	}
}

// unpoolBits picks by masks: which element it is cannot be predicted.
func unpoolBits[U uint32 | uint64](dx []U, picks []uint32, dy []U, width, pitch int, p pooled) {
	n, words := width/2, pickWords(width)
	eachRow(p, func(line, row int) {
		dy, word := dy[row*n:][:n], picks[row*words:][:words]
		top, bottom := dx[line*pitch:][:2*n], dx[(line+1)*pitch:][:2*n]
		for c, g := range dy {
			pick := U(word[c/8] >> pickOrder[c%8])
			top[2*c], top[2*c+1] = g&-(pick&1), g&-(pick>>8&1)
			bottom[2*c], bottom[2*c+1] = g&-(pick>>16&1), g&-(pick>>24&1)
		}
	})
}

func one[U uint32 | uint64](b bool) U {
	if b {
		return 1
	}
	return 0
}

// AvgPool writes the mean of each window of x to y. What a window covers of the padding counts as zeros.
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
	l := loopsFor[T]()
	parallel.For(len(y), 1+4096/size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = l.sum(x[i*size:][:size]) / T(size)
		}
	})
}

// SpreadPlanes writes dy/size to all elements of the planes of dx (len(dy), size): the gradient of MeanPlanes.
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
