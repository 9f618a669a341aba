package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// Pool is the shape of a pool: a number of planes, the channels of all images,
// that it treats alike; x (Planes, H, W), result (Planes, OutH, OutW).
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

// eachPlane calls f for all planes, with the elements of x and of y that belong
// to them.
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

// halves reports whether the window is the one of most networks, 2x2 without
// overlap or padding.
func (w Window) halves() bool {
	return w.KH == 2 && w.KW == 2 && w.SH == 2 && w.SW == 2 && w.PH == 0 && w.PW == 0
}
