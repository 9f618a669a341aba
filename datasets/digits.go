package datasets

import "slices"

// Shape and normalisation of Digits. The constants were measured once on
// Digits(60000, 0) and rounded.
const (
	digitsSide = 28
	digitsMean = 0.1356
	digitsStd  = 0.2467
)

// Digits draws n images of handwritten-looking digits, 28x28 grey, image i
// showing the digit i mod 10, so that the classes are balanced. It needs no
// file and no network.
//
// Every image is drawn by a pen: one of several ways to write the digit, its
// control points moved at random, slanted, stretched, turned, shifted, with a
// random stroke width and contrast, under noise. This makes a harder set than
// its looks suggest: a wide perceptron that has learnt 1,000 of the images by
// heart is wrong on about one new image in ten.
//
// Image i is a function of seed and i alone: Digits(1000, s) is the beginning
// of Digits(2000, s), and another seed gives independent images to test on.
// The drawing uses integer arithmetic and a correctly rounded square root, so
// the bytes are the same on every machine. It panics when n is negative.
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

// The ranges of a drawn digit; lengths in pixels, everything in units of one.
const (
	digitJitter     = one * 9 / 10    // of a control point, in units of the grid
	digitScale      = one * 125 / 100 // pixels a unit of the grid, before stretching
	digitStretch    = one * 25 / 100  // of each axis, relative
	digitSlant      = one * 35 / 100  // horizontal shift a vertical unit
	digitTurn       = one * 14 / 100  // tangent of half the angle
	digitShift      = one * 2
	digitThin       = one * 8 / 10 // radius of the pen
	digitThick      = one * 17 / 10
	digitFaint      = 130 // grey level of the ink
	digitNoiseLevel = 40  // standard deviation of the noise, in grey levels, at most
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

// drawPlacement draws the map from the grid of the glyphs to the pixels.
func drawPlacement(d dice) affine {
	sx := times(digitScale, one+d.around(digitStretch))
	sy := times(digitScale, one+d.around(digitStretch))
	slant := d.around(digitSlant)
	// With t the tangent of half an angle, its cosine is (1-t^2)/(1+t^2) and
	// its sine 2t/(1+t^2).
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

// jitter moves every control point of a stroke, and the copies of a corner
// together.
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

// develop turns ink into grey levels and adds noise, of a level drawn for the
// whole image.
func develop(dst []byte, ink *canvas, d dice) {
	grey := d.between(digitFaint, 255)
	level := d.between(0, digitNoiseLevel)
	for i, cover := range ink {
		noise := d.bell() * level / bellDeviation
		dst[i] = byte(max(0, min(255, times(cover, grey)+noise)))
	}
}
