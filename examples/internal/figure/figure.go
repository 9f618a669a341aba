// Package figure draws the pictures of the examples: curves with units and error bars, side by side, with one legend below
// them, as PNG and as SVG.
package figure

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Size of a panel on paper and the resolution of the PNG: 576 x 432 pixels per panel.
const (
	panelWidth  = 4.8 * vg.Inch
	panelHeight = 3.6 * vg.Inch
	resolution  = 120 // pixels per inch

	wide, narrow = vg.Inch / 4, vg.Inch / 8 // between panels and around them
)

var (
	gridColour = color.Gray{Y: 0xe4} // the light grey of the grid behind the curves
	zeroColour = color.Gray{Y: 0x80} // of the line at zero
)

// Panel is one plot of a picture.
type Panel struct {
	Title string
	X, Y  string // labels of the axes, with units

	LogX, LogY bool      // logarithmic axes; values that are not positive are then an error
	Zero       bool      // draws a line at y = 0 and includes it in the axis, as for differences
	FromY      float64   // lower end of the y axis if points lie below it, which are cut off; 0 for no limit
	ToY        float64   // smallest upper end of the y axis; 0 for none
	TicksX     []float64 // labels of the x axis; by default round numbers

	Curves []Curve
	Matrix *Matrix // instead of curves
}

// Save writes the panels, row by row, with letters if there are more than one, to the PNG file and, if its name ends in
// .png, to an SVG file beside it, through package outfile.
func Save(file string, panels ...Panel) error {
	p, err := newPicture(panels)
	if err != nil {
		return errors.WithMessagef(err, "save %s", file)
	}
	if err := outfile.Write(file, p.png); err != nil {
		return errors.Wrapf(err, "figure: save %s", file)
	}
	if ext := filepath.Ext(file); ext == ".png" {
		file = strings.TrimSuffix(file, ext) + ".svg"
		return errors.Wrapf(outfile.Write(file, p.svg), "figure: save %s", file)
	}
	return nil
}

// Write writes the PNG of the panels, row by row, to w.
func Write(w io.Writer, panels ...Panel) error {
	p, err := newPicture(panels)
	if err != nil {
		return err
	}
	return p.png(w)
}

// rowOf returns the number of panels in a row: all, up to three, and two or three if there are more.
func rowOf(panels int) int {
	switch {
	case panels <= 3:
		return panels
	case panels%3 == 0:
		return 3
	}
	return 2
}

// picture is panels ready to be drawn.
type picture struct {
	grid          [][]*plot.Plot
	legend        legend
	width, height vg.Length
}

// newPicture makes the plots of panels, and their legend.
func newPicture(panels []Panel) (*picture, error) {
	if len(panels) == 0 {
		return nil, errors.New("figure: no panels")
	}
	cols := rowOf(len(panels))
	p := &picture{grid: make([][]*plot.Plot, (len(panels)+cols-1)/cols), width: panelWidth * vg.Length(cols)}
	p.legend.style = text.Style{Font: sans(11), Handler: plot.DefaultTextHandler, YAlign: text.YCenter}
	for i := range p.grid {
		p.grid[i] = make([]*plot.Plot, cols)
	}
	for i, panel := range panels {
		drawn, err := panel.plot(&p.legend)
		if err != nil {
			return nil, errors.WithMessagef(err, "panel %q", panel.Title)
		}
		if len(panels) > 1 {
			drawn.Title.Text = fmt.Sprintf("(%c) %s", 'a'+i, drawn.Title.Text)
		}
		p.grid[i/cols][i%cols] = drawn
	}
	p.height = panelHeight*vg.Length(len(p.grid)) + p.legend.height(p.width)
	return p, nil
}

// draw draws the picture on a canvas of its size.
func (p *picture) draw(to vg.CanvasSizer) {
	c := draw.New(to)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	p.legend.draw(draw.Crop(c, 0, 0, 0, p.legend.height(p.width)+narrow/2-p.height))
	tiles := draw.Tiles{
		Rows: len(p.grid), Cols: len(p.grid[0]), PadX: wide, PadY: wide, PadTop: narrow, PadBottom: narrow, PadLeft: narrow, PadRight: narrow,
	}
	for i, row := range plot.Align(p.grid, tiles, draw.Crop(c, 0, 0, p.legend.height(p.width), 0)) {
		for j, tile := range row {
			if p.grid[i][j] != nil {
				p.grid[i][j].Draw(tile)
			}
		}
	}
}

func (p *picture) png(w io.Writer) error {
	canvas := vgimg.NewWith(vgimg.UseWH(p.width, p.height), vgimg.UseDPI(resolution))
	p.draw(canvas)
	_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
	return errors.Wrap(err, "figure: write PNG")
}

func (p *picture) svg(w io.Writer) error {
	canvas := vgsvg.New(p.width, p.height)
	p.draw(canvas)
	_, err := canvas.WriteTo(w)
	return errors.Wrap(err, "figure: write SVG")
}

// sans is the font of all texts.
func sans(points float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(points)}
}

// newPlot makes gonum's plot with the panel's labels.
func (p Panel) newPlot() *plot.Plot {
	out := plot.New()
	out.Title.Text, out.X.Label.Text, out.Y.Label.Text = p.Title, p.X, p.Y
	out.Title.Padding = vg.Points(6)
	out.Title.TextStyle.Font = sans(11)
	for _, axis := range []*plot.Axis{&out.X, &out.Y} {
		axis.Label.TextStyle.Font, axis.Tick.Label.Font = sans(10), sans(9)
	}
	return out
}

// plot makes gonum's plot of the panel, and adds its curves to the legend.
func (p Panel) plot(l *legend) (*plot.Plot, error) {
	if p.Matrix != nil {
		return p.plotMatrix()
	}
	if len(p.Curves) == 0 {
		return nil, errors.New("figure: no curves")
	}
	out := p.newPlot()
	out.X.Tick.Marker, out.Y.Tick.Marker = ticks(p.LogX), ticks(p.LogY)
	if p.TicksX != nil {
		out.X.Tick.Marker = p.ticksAt(p.TicksX)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gridColour, gridColour
	out.Add(grid)
	if p.Zero {
		if p.LogY {
			return nil, errors.New("figure: no zero on a logarithmic axis")
		}
		zero := plotter.NewFunction(func(float64) float64 { return 0 })
		zero.LineStyle = draw.LineStyle{Color: zeroColour, Width: vg.Points(1)}
		out.Add(zero)
		out.Y.Min, out.Y.Max = min(out.Y.Min, 0), max(out.Y.Max, 0)
	}
	var err error
	if p.Curves, err = p.finite(); err != nil {
		return nil, err
	}
	drawn := 0
	for i, c := range p.apart() {
		if len(c.X) == 0 {
			continue
		}
		drawn++
		thumbs, err := p.add(out, c, styleOf(c, i))
		if err != nil {
			return nil, errors.WithMessagef(err, "curve %q", c.Name)
		}
		l.add(c.Name, thumbs)
	}
	if drawn == 0 {
		out.Title.Text += "\n(no finite numbers)"
		out.X.Min, out.X.Max, out.Y.Min, out.Y.Max = 0, 1, 0, 1
	}
	if p.FromY != 0 {
		out.Y.Min = max(out.Y.Min, p.y(p.FromY))
	}
	if p.ToY != 0 {
		out.Y.Max = max(out.Y.Max, p.y(p.ToY))
	}
	stretch(&out.X, margin)
	stretch(&out.Y, margin)
	return out, nil
}

// beside is the distance, as a share of the x axis, between error bars that would otherwise hide each other.
const beside = 0.006

// apart returns the curves, with those that have error bars moved a little to the left and right.
func (p Panel) apart() []Curve {
	barred := func(c Curve) bool { return c.Err != nil && !c.Band && len(c.X) < bandFrom }
	low, high, n := math.Inf(1), math.Inf(-1), 0
	for _, c := range p.Curves {
		if barred(c) {
			n++
		}
		for _, x := range c.X {
			low, high = min(low, p.x(x)), max(high, p.x(x))
		}
	}
	curves := slices.Clone(p.Curves)
	place := -float64(n-1) / 2
	for i := range curves {
		if c := &curves[i]; barred(*c) {
			c.X = slices.Clone(c.X)
			for k := range c.X {
				shift := place * beside * (high - low) // of the axis
				if p.LogX {
					c.X[k] *= math.Pow(10, shift)
				} else {
					c.X[k] += shift
				}
			}
			place++
		}
	}
	return curves
}

// margin is the share of an axis that is left free at both ends of the curves.
const margin = 0.05

// stretch lengthens an axis at both ends.
func stretch(axis *plot.Axis, share float64) {
	more := (axis.Max - axis.Min) * share / (1 - 2*share)
	axis.Min, axis.Max = axis.Min-more, axis.Max+more
}
