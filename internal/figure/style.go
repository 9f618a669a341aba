package figure

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// palette is the colour-blind safe one of M. Okabe and K. Ito, Color Universal Design, 2008, without its yellow.
var palette = []color.NRGBA{
	{R: 0x00, G: 0x00, B: 0x00, A: 0xff},
	{R: 0x00, G: 0x72, B: 0xb2, A: 0xff},
	{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff},
	{R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
	{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
	{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff},
	{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff},
}

// style is how a curve is drawn.
type style struct {
	line draw.LineStyle
	mark draw.GlyphStyle
	band color.NRGBA
}

// styleOf returns the style of the curve at a place of its panel.
func styleOf(c Curve, place int) style {
	n := place
	if c.Colour > 0 {
		n = c.Colour - 1
	}
	ink := palette[n%len(palette)]
	s := style{
		line: draw.LineStyle{Color: ink, Width: vg.Points(1.5)},
		mark: draw.GlyphStyle{Color: ink, Radius: vg.Points(3), Shape: draw.CircleGlyph{}},
		band: ink,
	}
	s.band.A = 0x30
	if c.Dashed {
		s.line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		s.line.Width = vg.Points(1)
	}
	return s
}
