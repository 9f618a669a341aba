// Package figure draws the pictures of the examples: curves with legends, units and error bars, side by side in one PNG.
package figure

import (
	"image/color"
	"io"

	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Size of one panel on paper and the resolution of the picture: 660 x 480 pixels a panel.
const (
	panelWidth  = 5.5 * vg.Inch
	panelHeight = 4 * vg.Inch
	resolution  = 120 // pixels an inch

	wide, narrow = vg.Inch / 4, vg.Inch / 8 // between panels and around them
)

// gridColour is the light grey of the grid behind the curves.
var gridColour = color.Gray{Y: 0xe4}

// Panel is one plot of a picture.
type Panel struct {
	Title string
	X, Y  string // labels of the axes, with units

	LogX, LogY bool      // logarithmic axes; values that are not positive are then an error
	TicksX     []float64 // where the x axis is labelled; by default at round numbers

	Curves []Curve
	Matrix *Matrix // in the place of curves
}

// Save writes the panels, row by row, to the PNG file, as package outfile does.
func Save(file string, panels ...Panel) error {
	err := outfile.Write(file, func(w io.Writer) error { return Write(w, panels...) })
	return errors.Wrapf(err, "figure: save %s", file)
}

// rowOf is how many panels stand in a row: all, up to three, and two or three where there are more.
func rowOf(panels int) int {
	switch {
	case panels <= 3:
		return panels
	case panels%3 == 0:
		return 3
	}
	return 2
}

// Write writes the PNG of the panels, row by row, to w.
func Write(w io.Writer, panels ...Panel) error {
	if len(panels) == 0 {
		return errors.New("figure: no panels")
	}
	cols := rowOf(len(panels))
	grid := make([][]*plot.Plot, (len(panels)+cols-1)/cols)
	for i := range grid {
		grid[i] = make([]*plot.Plot, cols)
	}
	for i, panel := range panels {
		p, err := panel.plot()
		if err != nil {
			return errors.WithMessagef(err, "panel %q", panel.Title)
		}
		grid[i/cols][i%cols] = p
	}
	canvas := vgimg.NewWith(vgimg.UseWH(panelWidth*vg.Length(cols), panelHeight*vg.Length(len(grid))), vgimg.UseDPI(resolution))
	tiles := draw.Tiles{Rows: len(grid), Cols: cols, PadX: wide, PadY: wide, PadTop: narrow, PadBottom: narrow, PadLeft: narrow, PadRight: narrow}
	for i, row := range plot.Align(grid, tiles, draw.New(canvas)) {
		for j, c := range row {
			if grid[i][j] != nil {
				grid[i][j].Draw(c)
			}
		}
	}
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return errors.Wrap(err, "figure: write PNG")
	}
	return nil
}

// plot makes gonum's plot of the panel.
func (p Panel) plot() (*plot.Plot, error) {
	if p.Matrix != nil {
		return p.plotMatrix()
	}
	if len(p.Curves) == 0 {
		return nil, errors.New("figure: no curves")
	}
	out := plot.New()
	out.Title.Text, out.X.Label.Text, out.Y.Label.Text = p.Title, p.X, p.Y
	out.Title.Padding = vg.Points(6)
	out.X.Tick.Marker, out.Y.Tick.Marker = ticks(p.LogX), ticks(p.LogY)
	if p.TicksX != nil {
		out.X.Tick.Marker = p.ticksAt(p.TicksX)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gridColour, gridColour
	out.Add(grid)
	for i, c := range p.Curves {
		if err := p.add(out, c, styleOf(c, i)); err != nil {
			return nil, errors.WithMessagef(err, "curve %q", c.Name)
		}
	}
	p.stretch(out, margin, margin)
	p.placeLegend(out)
	return out, nil
}
