package figure

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Numbers of the colours, so that a method looks the same in every picture.
const (
	None = iota + 1
	Layer
	All
	Decay
	Dropout
	SAM
	HalfSAM
	Stop
)

// methods are the names of the methods with these colours, as used in every picture and table.
var methods = []string{"none", "layer", "all", "decay", "dropout", "sam", "sam-half", "stop"}

// ColourOf returns the number of a method's colour, 0 if it has none.
func ColourOf(method string) int { return slices.Index(methods, method) + 1 }

// inks are the colours, by their numbers from 1: the palette of M. Okabe and K. Ito, Color Universal Design, 2008, for all
// kinds of colour blindness, with a grey for its yellow. Their greys are too similar, so each has its own mark and dashes.
var inks = []struct {
	color  color.NRGBA
	mark   draw.GlyphDrawer
	dashes []vg.Length
}{
	{color.NRGBA{R: 0x00, G: 0x00, B: 0x00, A: 0xff}, draw.CircleGlyph{}, nil},
	{color.NRGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, draw.BoxGlyph{}, nil},
	{color.NRGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, draw.PyramidGlyph{}, []vg.Length{vg.Points(8), vg.Points(2)}},
	{color.NRGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, diamond{}, []vg.Length{vg.Points(5), vg.Points(2)}},
	{color.NRGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, hollow{draw.CircleGlyph{}}, []vg.Length{vg.Points(8), vg.Points(2), vg.Points(2), vg.Points(2)}},
	{color.NRGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, hollow{draw.BoxGlyph{}}, nil},
	{color.NRGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, hollow{draw.PyramidGlyph{}}, []vg.Length{vg.Points(5), vg.Points(2)}},
	{color.NRGBA{R: 0x77, G: 0x77, B: 0x77, A: 0xff}, draw.CrossGlyph{}, []vg.Length{vg.Points(2), vg.Points(2)}},
}

// style is how a curve is drawn.
type style struct {
	line draw.LineStyle
	mark draw.GlyphStyle
	band color.NRGBA
}

// styleOf returns the style of the curve at the given position of its panel.
func styleOf(c Curve, place int) style {
	n := place
	if c.Colour > 0 {
		n = c.Colour - 1
	}
	ink := inks[n%len(inks)]
	shade := lighter(ink.color, c.Variant)
	s := style{
		line: draw.LineStyle{Color: shade, Width: vg.Points(1.6), Dashes: ink.dashes},
		mark: draw.GlyphStyle{Color: shade, Radius: vg.Points(3), Shape: ink.mark},
		band: shade,
	}
	if c.Variant%2 == 1 {
		s.mark.Shape = hollow{ink.mark}
	}
	s.band.A = 0x30
	if c.Dashed {
		s.line.Dashes = []vg.Length{vg.Points(1.5), vg.Points(2.5)}
		s.line.Width = vg.Points(1.2)
	}
	return s
}

// lighter mixes a colour with white, more for later variants.
func lighter(c color.NRGBA, variant int) color.NRGBA {
	keep := math.Pow(0.6, float64(variant))
	part := func(x uint8) uint8 { return uint8(math.Round(255 - (255-float64(x))*keep)) }
	return color.NRGBA{R: part(c.R), G: part(c.G), B: part(c.B), A: c.A}
}

// hollow is a mark with a white middle.
type hollow struct{ draw.GlyphDrawer }

func (h hollow) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	h.GlyphDrawer.DrawGlyph(c, s, at)
	s.Color, s.Radius = color.White, s.Radius*0.55
	h.GlyphDrawer.DrawGlyph(c, s, at)
}

// diamond is a filled square standing on its corner.
type diamond struct{}

func (diamond) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	r := s.Radius * 1.2
	var p vg.Path
	p.Move(vg.Point{X: at.X, Y: at.Y + r})
	p.Line(vg.Point{X: at.X + r, Y: at.Y})
	p.Line(vg.Point{X: at.X, Y: at.Y - r})
	p.Line(vg.Point{X: at.X - r, Y: at.Y})
	p.Close()
	c.SetColor(s.Color)
	c.Fill(p)
}
