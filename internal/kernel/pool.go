package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// Pool is the shape of a pool: a number of planes, the channels of all images,
// that it treats alike; x (Planes, H, W), result (Planes, OutH, OutW).
type Pool struct {
	Window
	Planes int
}

// eachPlane calls f for all planes, with the elements of x and of y that belong
// to them, at once where there are processors.
func eachPlane[T Float](p Pool, x, y []T, f func(x, y []T)) {
	eachPlane2(p, x, x, y, func(x, _, y []T) { f(x, y) })
}

// eachPlane2 is eachPlane for two slices of the shape of x.
func eachPlane2[T Float](p Pool, x1, x2, y []T, f func(x1, x2, y []T)) {
	size, places := p.H*p.W, p.OutH()*p.OutW()
	parallel.For(p.Planes, 1+4096/size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(x1[i*size:][:size], x2[i*size:][:size], y[i*places:][:places])
		}
	})
}

// area is what a window covers of the image: rows r0 to r1, columns c0 to c1.
type area struct{ r0, r1, c0, c1 int }

// areas calls f for the places of the window, row by row.
func (w Window) areas(f func(place int, a area)) {
	place := 0
	for r := range w.OutH() {
		top := r*w.SH - w.PH
		for c := range w.OutW() {
			left := c*w.SW - w.PW
			f(place, area{max(top, 0), min(top+w.KH, w.H), max(left, 0), min(left+w.KW, w.W)})
			place++
		}
	}
}

// halves reports whether the window is the one of most networks, 2x2 without
// overlap or padding.
func (w Window) halves() bool {
	return w.KH == 2 && w.KW == 2 && w.SH == 2 && w.SW == 2 && w.PH == 0 && w.PW == 0
}
