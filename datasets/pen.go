package datasets

import "math"

// one is the unit of the fixed-point numbers in which digits are drawn: 16
// binary places. Integers, because the same picture is promised everywhere
// and floating point may be contracted differently by each compiler back end.
const one = 1 << 16

// times is the product of two fixed-point numbers.
func times(a, b int64) int64 { return a * b >> 16 }

// A point has fixed-point coordinates, y downwards.
type point struct{ x, y int64 }

// An affine maps points of the glyphs' grid to pixels.
type affine struct {
	xx, xy, yx, yy int64
	from, to       point
}

func (m affine) apply(p point) point {
	x, y := p.x-m.from.x, p.y-m.from.y
	return point{
		m.to.x + times(m.xx, x) + times(m.xy, y),
		m.to.y + times(m.yx, x) + times(m.yy, y),
	}
}

// smoothings is the number of times that corners are cut.
const smoothings = 3

// smooth turns a control polygon into (nearly) the quadratic B-spline that it
// controls, by cutting its corners: each side is replaced by its middle half.
// Open strokes keep their ends.
//
// G. Chaikin, An algorithm for high-speed curve generation, Computer Graphics
// and Image Processing 3 (4), 1974.
func smooth(s glyphStroke) glyphStroke {
	for range smoothings {
		s.points = cutCorners(s)
	}
	return s
}

func cutCorners(s glyphStroke) []point {
	n := len(s.points)
	sides := n
	var cut []point
	if !s.closed {
		sides = n - 1
		cut = append(cut, s.points[0])
	}
	for i := range sides {
		a, b := s.points[i], s.points[(i+1)%n]
		cut = append(cut,
			point{(3*a.x + b.x) / 4, (3*a.y + b.y) / 4},
			point{(a.x + 3*b.x) / 4, (a.y + 3*b.y) / 4})
	}
	if !s.closed {
		cut = append(cut, s.points[n-1])
	}
	return cut
}

// A canvas holds how far each pixel is covered by ink, from 0 to one.
type canvas [digitsSide * digitsSide]int64

// stroke draws a polygon with a round pen of the given radius.
func (c *canvas) stroke(s glyphStroke, radius int64) {
	for i, p := range s.points {
		if i > 0 {
			c.segment(s.points[i-1], p, radius)
		}
	}
	if s.closed {
		c.segment(s.points[len(s.points)-1], s.points[0], radius)
	}
}

// segment draws from a to b. A pixel is covered in full up to half a pixel
// inside the pen's edge, and less and less until half a pixel outside.
func (c *canvas) segment(a, b point, radius int64) {
	reach := radius + one/2
	x0, x1 := pixelRange(min(a.x, b.x)-reach, max(a.x, b.x)+reach)
	y0, y1 := pixelRange(min(a.y, b.y)-reach, max(a.y, b.y)+reach)
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			centre := point{x*one + one/2, y*one + one/2}
			cover := max(0, min(one, reach-distance(centre, a, b)))
			at := &c[y*digitsSide+x]
			*at = max(*at, cover)
		}
	}
}

// pixelRange are the pixels from lo up to, but not including, hi that lie on
// the canvas.
func pixelRange(lo, hi int64) (from, to int64) {
	return max(0, lo>>16), min(digitsSide, hi>>16+1)
}

// distance is the distance from p to the segment from a to b.
func distance(p, a, b point) int64 {
	x, y := p.x-a.x, p.y-a.y
	dx, dy := b.x-a.x, b.y-a.y
	if square := dx*dx + dy*dy; square > 0 {
		t := max(0, min(one, (x*dx+y*dy)*one/square))
		x -= times(t, dx)
		y -= times(t, dy)
	}
	// Below 2^53, so the conversion is exact; IEEE 754 rounds the root right.
	return int64(math.Sqrt(float64(x*x + y*y)))
}
