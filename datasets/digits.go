package datasets

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Shape and normalisation of Digits. The constants were measured once on Digits(60000, 0) and rounded.
const (
	digitsSide = 28
	digitsMean = 0.1356
	digitsStd  = 0.2467
)

// Digits draws n images of handwritten-looking digits, 28x28 grey. Image i shows the digit i mod 10, so the classes are
// balanced. It needs no files and no network.
//
// Each image is drawn with a pen: one of several ways to write the digit, with control points moved at random, slanted,
// stretched, rotated and shifted, with random stroke width and contrast, plus noise. The set is harder than it looks: a wide
// perceptron that has memorised 1,000 of the images misclassifies about one new image in ten.
//
// Image i depends only on seed and i: Digits(1000, s) is a prefix of Digits(2000, s), and another seed gives independent
// images to test on. The drawing uses integer arithmetic and a correctly rounded square root, so the bytes are the same on
// every machine. Digits panics if n is negative.
func Digits(n int, seed uint64) *Dataset {
	shape := Shape{Channels: 1, Height: digitsSide, Width: digitsSide}
	d := &Dataset{
		name:    "Digits",
		shape:   shape,
		classes: slices.Clone(mnist.classes),
		images:  make([][]byte, n),
		labels:  make([]int, n),
		mean:    []float64{digitsMean},
		std:     []float64{digitsStd},
	}
	pixels := make([]byte, n*shape.Size())
	for i := range n {
		d.labels[i] = i % len(glyphs)
		d.images[i] = pixels[i*shape.Size():][:shape.Size():shape.Size()]
		drawDigit(d.images[i], d.labels[i], newDice(seed, uint64(i)))
	}
	return d
}

// The ranges of a digit's random parameters: lengths in pixels, all in units of one.
const (
	digitJitter     = one * 9 / 10    // of a control point, in units of the grid
	digitScale      = one * 125 / 100 // pixels per unit of the grid, before stretching
	digitStretch    = one * 25 / 100  // of each axis, relative
	digitSlant      = one * 35 / 100  // horizontal shift per vertical unit
	digitTurn       = one * 14 / 100  // tangent of half the angle
	digitShift      = one * 2
	digitThin       = one * 8 / 10 // radius of the pen
	digitThick      = one * 17 / 10
	digitFaint      = 130 // grey level of the ink
	digitNoiseLevel = 40  // largest standard deviation of the noise, in grey levels
)

// drawDigit draws one image.
func drawDigit(dst []byte, digit int, d dice) {
	ways := glyphs[digit]
	g := ways[d.below(len(ways))]
	m := drawPlacement(d)
	pen := d.between(digitThin, digitThick)

	var ink canvas
	for _, s := range g {
		curve := smooth(jitter(s, d))
		for i := range curve.points {
			curve.points[i] = m.apply(curve.points[i])
		}
		ink.stroke(curve, pen)
	}
	develop(dst, &ink, d)
}

// drawPlacement draws the map from the glyphs' grid to the pixels.
func drawPlacement(d dice) affine {
	sx := times(digitScale, one+d.around(digitStretch))
	sy := times(digitScale, one+d.around(digitStretch))
	slant := d.around(digitSlant)
	// With t the tangent of half an angle, the cosine is (1-t^2)/(1+t^2) and the sine 2t/(1+t^2).
	t := d.around(digitTurn)
	cos := (one - times(t, t)) * one / (one + times(t, t))
	sin := 2 * t * one / (one + times(t, t))
	// Rotation times slant times stretch.
	return affine{
		xx: times(cos, sx), xy: -times(times(cos, slant)+sin, sy),
		yx: times(sin, sx), yy: times(cos-times(sin, slant), sy),
		from: point{5 * one, 7 * one},
		to:   point{digitsSide*one/2 + d.around(digitShift), digitsSide*one/2 + d.around(digitShift)},
	}
}

// jitter moves every control point of a stroke at random, keeping the copies of a corner together.
func jitter(s glyphStroke, d dice) glyphStroke {
	moved := glyphStroke{closed: s.closed, points: make([]point, len(s.points))}
	for i, p := range s.points {
		if i > 0 && p == s.points[i-1] {
			moved.points[i] = moved.points[i-1]
			continue
		}
		moved.points[i] = point{p.x + d.around(digitJitter), p.y + d.around(digitJitter)}
	}
	return moved
}

// develop turns ink into grey levels and adds noise, whose level is drawn once per image.
func develop(dst []byte, ink *canvas, d dice) {
	grey := d.between(digitFaint, 255)
	level := d.between(0, digitNoiseLevel)
	for i, cover := range ink {
		noise := d.bell() * level / bellDeviation
		dst[i] = byte(max(0, min(255, times(cover, grey)+noise)))
	}
}

// A glyph is one way to write a digit: strokes of control points on a grid 10 wide and 14 high, y downwards. A stroke is the
// smooth curve defined by its control polygon; a repeated point makes a corner.
type glyph []glyphStroke

type glyphStroke struct {
	closed bool
	points []point
}

// open and loop make the two kinds of stroke, from coordinates x, y, x, y and so on.
func open(xy ...int64) glyphStroke { return glyphStroke{points: pairs(xy)} }
func loop(xy ...int64) glyphStroke { return glyphStroke{closed: true, points: pairs(xy)} }

func pairs(xy []int64) []point {
	points := make([]point, len(xy)/2)
	for i := range points {
		points[i] = point{xy[2*i] * one, xy[2*i+1] * one}
	}
	return points
}

// glyphs lists the ways to write each of the ten digits.
var glyphs = [10][]glyph{
	0: {
		{loop(1, 0, 9, 0, 9, 14, 1, 14)},
		{open(7, 0, 1, 0, 0, 14, 8, 15, 11, 2, 5, 0)},
	},
	1: {
		{open(5, 0, 5, 14)},
		{open(2, 4, 6, 0, 6, 0, 6, 14)},
		{open(2, 4, 5, 0, 5, 0, 5, 14), open(1, 14, 9, 14)},
	},
	2: {
		{open(1, 3, 2, 0, 9, 0, 9, 6, 1, 14, 1, 14, 10, 14)},
		{open(1, 3, 2, 0, 9, 0, 9, 7, 3, 15, 0, 13, 2, 10, 5, 14, 10, 14)},
	},
	3: {
		{open(1, 2, 2, 0, 9, 0, 9, 6, 4, 7, 4, 7, 10, 7, 10, 14, 2, 15, 0, 12)},
		{open(1, 0, 1, 0, 9, 0, 9, 0, 4, 6, 4, 6, 10, 6, 10, 14, 3, 15, 0, 12)},
	},
	4: {
		{open(7, 14, 7, 0, 7, 0, 0, 10, 0, 10, 10, 10)},
		{open(2, 0, 0, 8, 0, 8, 9, 8), open(8, 2, 7, 14)},
	},
	5: {
		{open(9, 0, 2, 0, 2, 0, 1, 6, 1, 6, 9, 4, 11, 14, 2, 16, 0, 12)},
		{open(2, 0, 1, 6, 1, 6, 10, 5, 10, 14, 2, 15, 0, 12), open(2, 0, 9, 0)},
	},
	6: {
		{open(8, 0, 2, 1, -1, 14, 9, 16, 10, 6, 3, 6, 1, 10)},
		{open(6, 0, 1, 7, 1, 15, 9, 15, 9, 8, 3, 7, 1, 11)},
	},
	7: {
		{open(1, 0, 9, 0, 9, 0, 4, 14)},
		{open(1, 0, 9, 0, 9, 0, 4, 14), open(2, 7, 9, 7)},
		{open(1, 2, 1, 0, 1, 0, 9, 0, 9, 0, 5, 6, 4, 14)},
	},
	8: {
		{open(9, 3, 8, -1, 1, -1, 0, 5, 10, 8, 10, 15, 0, 15, 0, 9, 9, 6, 9, 2)},
		{loop(2, 0, 8, 0, 8, 7, 2, 7), loop(1, 6, 9, 6, 9, 14, 1, 14)},
	},
	9: {
		{open(9, 4, 8, -1, 0, -1, 0, 8, 7, 8, 9, 3, 9, 3, 8, 14)},
		{open(9, 4, 7, -1, 0, 0, 1, 8, 8, 8, 9, 2, 9, 2, 10, 14, 5, 15, 2, 13)},
	},
}

// one is the unit of the fixed-point numbers in which digits are drawn, with 16 fractional bits. Floating point would not
// give the same picture everywhere, since compilers may fuse operations differently.
const one = 1 << 16

// times returns the product of two fixed-point numbers.
func times(a, b int64) int64 { return a * b >> 16 }

// A point has fixed-point coordinates, y downwards.
type point struct{ x, y int64 }

// An affine maps points on the glyphs' grid to pixels.
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

// smoothings is how often corners are cut.
const smoothings = 3

// smooth turns a control polygon into (nearly) the quadratic B-spline that it controls, by cutting its corners: each side is
// replaced by its middle half. Open strokes keep their ends.
//
// G. Chaikin, An algorithm for high-speed curve generation, Computer Graphics and Image Processing 3 (4), 1974.
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

// A canvas holds the ink coverage of each pixel, from 0 to one.
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

// segment draws a line from a to b. Coverage is full up to half a pixel inside the pen's edge and falls to zero half a pixel
// outside.
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

// pixelRange returns the pixels in [lo, hi) that lie on the canvas.
func pixelRange(lo, hi int64) (from, to int64) {
	return max(0, lo>>16), min(digitsSide, hi>>16+1)
}

// distance returns the distance from p to the segment from a to b.
func distance(p, a, b point) int64 {
	x, y := p.x-a.x, p.y-a.y
	dx, dy := b.x-a.x, b.y-a.y
	if square := dx*dx + dy*dy; square > 0 {
		t := max(0, min(one, (x*dx+y*dy)*one/square))
		x -= times(t, dx)
		y -= times(t, dy)
	}
	// The sum is below 2^53, so the conversion is exact, and IEEE 754 rounds the root correctly.
	return int64(math.Sqrt(float64(x*x + y*y)))
}

// A dice draws integers from the random stream of one image.
type dice struct{ rng *rand.PCG }

func newDice(seed, image uint64) dice { return dice{rand.NewPCG(seed, image)} }

// between draws from lo to hi, both included, uniformly to within 2^-32.
func (d dice) between(lo, hi int64) int64 {
	const bits = 32
	return lo + int64(d.rng.Uint64()>>bits)*(hi-lo+1)>>bits
}

func (d dice) below(n int) int         { return int(d.between(0, int64(n)-1)) }
func (d dice) around(most int64) int64 { return d.between(-most, most) }

// bellDeviation is the rounded standard deviation of bell: its variance is 340, sixteen times that of a nibble, (16^2-1)/12.
const bellDeviation = 18

// bell draws from a bell-shaped distribution about zero: the sum of the sixteen nibbles of a word, minus its mean.
func (d dice) bell() int64 {
	w := d.rng.Uint64()
	const low = 0x0f0f0f0f0f0f0f0f
	bytes := w&low + w>>4&low // eight sums of two nibbles
	return int64(bytes*0x0101010101010101>>56) - 120
}
