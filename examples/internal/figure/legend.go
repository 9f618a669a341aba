package figure

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// legend is the legend of a picture, below its panels: an entry for each name, in lines as wide as the picture.
type legend struct {
	names  []string
	thumbs map[string][]plot.Thumbnailer
	style  text.Style
}

// Measures of the legend.
const (
	legendLine  = 0.26 * vg.Inch
	legendThumb = 0.4 * vg.Inch
	legendGap   = 0.08 * vg.Inch // between a curve's symbol and its name
	legendApart = 0.3 * vg.Inch  // between entries
)

// add adds the symbols of a curve if its name is new, or if they include more than before, such as a line where there were
// only marks.
func (l *legend) add(name string, thumbs []plot.Thumbnailer) {
	if old, known := l.thumbs[name]; known || name == "" {
		if known && len(thumbs) > len(old) {
			l.thumbs[name] = thumbs
		}
		return
	}
	if l.thumbs == nil {
		l.thumbs = map[string][]plot.Thumbnailer{}
	}
	l.names = append(l.names, name)
	l.thumbs[name] = thumbs
}

// width returns the width of an entry.
func (l *legend) width(name string) vg.Length { return legendThumb + legendGap + l.style.Width(name) }

// lines distributes the entries over lines.
func (l *legend) lines(width vg.Length) [][]string {
	var lines [][]string
	var used vg.Length
	for _, name := range l.names {
		w := l.width(name) + legendApart
		if len(lines) == 0 || used+w > width {
			lines = append(lines, nil)
			used = 0
		}
		last := len(lines) - 1
		lines[last] = append(lines[last], name)
		used += w
	}
	return lines
}

// height returns the height of the legend in a picture of the given width.
func (l *legend) height(width vg.Length) vg.Length {
	return legendLine * vg.Length(len(l.lines(width)))
}

// draw draws the lines, each centred, from the top of the canvas.
func (l *legend) draw(c draw.Canvas) {
	width := c.Max.X - c.Min.X
	y := c.Max.Y
	for _, line := range l.lines(width) {
		y -= legendLine
		total := -legendApart
		for _, name := range line {
			total += l.width(name) + legendApart
		}
		x := c.Min.X + (width-total)/2
		for _, name := range line {
			icon := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + legendThumb, Y: y + legendLine},
			}}
			for _, t := range l.thumbs[name] {
				t.Thumbnail(&icon)
			}
			c.FillText(l.style, vg.Point{X: x + legendThumb + legendGap, Y: y + legendLine/2}, name)
			x += l.width(name) + legendApart
		}
	}
}
