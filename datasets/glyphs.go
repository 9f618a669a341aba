package datasets

// A glyph is one way to write a digit: strokes of control points on a grid 10
// wide and 14 high, y downwards. A stroke is the smooth curve that its control
// polygon suggests; a point that is named twice makes a corner.
type glyph []glyphStroke

type glyphStroke struct {
	closed bool
	points []point
}

// open and loop are the two kinds of stroke, from x, y, x, y and so on.
func open(xy ...int64) glyphStroke { return glyphStroke{points: pairs(xy)} }
func loop(xy ...int64) glyphStroke { return glyphStroke{closed: true, points: pairs(xy)} }

func pairs(xy []int64) []point {
	points := make([]point, len(xy)/2)
	for i := range points {
		points[i] = point{xy[2*i] * one, xy[2*i+1] * one}
	}
	return points
}

// glyphs are the ways in which each of the ten digits is written.
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
