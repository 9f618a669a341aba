package figure

import (
	"math"
	"slices"

	"github.com/layernoise/layernoise/examples/internal/interval"
	"github.com/pkg/errors"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curve is a sequence of points.
type Curve struct {
	Name string // for the legend, which has an entry for each distinct name
	X, Y []float64
	Err  []float64 // half the height of the error bars; nil for none

	Line   bool // joins the points by a line
	Dashed bool // makes the line dotted and thin, for example for a closed form
	Marks  bool // marks the points
	Band   bool // draws the errors as a band, which is the default for many points

	// Colour is the number of the colour, mark and dashes, from 1: None, Layer, All, ... By default it is the position of the
	// curve in its panel.
	Colour int

	// Variant distinguishes curves of one colour, such as noise of several sizes: each is lighter than the one before.
	Variant int
}

// Add adds a point with its interval.
func (c *Curve) Add(x float64, y interval.Interval) {
	c.X, c.Y = append(c.X, x), append(c.Y, y.Mean)
	if y.N > 1 || c.Err != nil {
		for len(c.Err) < len(c.X)-1 {
			c.Err = append(c.Err, 0)
		}
		half := y.Half
		if y.N < 2 {
			half = 0
		}
		c.Err = append(c.Err, half)
	}
}

// Mean makes a curve of the means over runs, with their 95% intervals as error bars: runs[k][i] is the value of run k at
// x[i]. A single run has no error bars.
func Mean(name string, x []float64, runs [][]float64) Curve {
	c := Curve{Name: name, Line: true}
	at := make([]float64, len(runs))
	for i := range x {
		for k, run := range runs {
			at[k] = run[i]
		}
		c.Add(x[i], interval.Of(at))
	}
	return c
}

// check returns why the curve cannot be drawn in the panel.
func (p Panel) check(c Curve) error {
	if len(c.X) == 0 || len(c.X) != len(c.Y) || c.Err != nil && len(c.Err) != len(c.X) {
		return errors.Errorf("figure: %d x values, %d y values, %d errors", len(c.X), len(c.Y), len(c.Err))
	}
	if !c.Line && !c.Marks {
		return errors.New("figure: neither line nor marks")
	}
	for i := range c.X {
		if p.LogX && c.X[i] <= 0 || p.LogY && c.Y[i] <= 0 {
			return errors.Errorf("figure: point (%v, %v) on a logarithmic axis", c.X[i], c.Y[i])
		}
	}
	return nil
}

// finite returns the curves without points that are not finite, such as those of a diverged training.
func (p Panel) finite() ([]Curve, error) {
	curves := slices.Clone(p.Curves)
	for i := range curves {
		c := &curves[i]
		if err := p.check(*c); err != nil {
			return nil, errors.WithMessagef(err, "curve %q", c.Name)
		}
		x, y, half := c.X, c.Y, c.Err
		c.X, c.Y, c.Err = nil, nil, nil
		for k := range x {
			sum := x[k] + y[k]
			if math.IsNaN(sum) || math.IsInf(sum, 0) || half != nil && math.IsInf(half[k], 1) {
				continue
			}
			c.X, c.Y = append(c.X, x[k]), append(c.Y, y[k])
			if half != nil {
				c.Err = append(c.Err, half[k])
			}
		}
	}
	return curves, nil
}

// marksOfLine is the approximate number of marks on a line whose points are not marked: enough to recognise it without its
// colour.
const marksOfLine = 7

// add draws a curve into the plot and returns its symbols for the legend.
func (p Panel) add(out *plot.Plot, c Curve, s style) ([]plot.Thumbnailer, error) {
	points := make(plotter.XYs, len(c.X))
	for i := range points {
		points[i] = plotter.XY{X: p.x(c.X[i]), Y: p.y(c.Y[i])}
	}
	if c.Err != nil {
		if err := p.addErrors(out, c, points, s); err != nil {
			return nil, err
		}
	}
	var thumbs []plot.Thumbnailer
	if c.Line {
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, errors.Wrap(err, "figure: line")
		}
		line.LineStyle = s.line
		out.Add(line)
		thumbs = append(thumbs, line)
	}
	marked := points
	if !c.Marks {
		marked = nil
		if every := (len(points) + marksOfLine - 1) / marksOfLine; !c.Dashed && len(points) > marksOfLine {
			for i := every / 2; i < len(points); i += every {
				marked = append(marked, points[i])
			}
		}
	}
	if len(marked) > 0 {
		marks, err := plotter.NewScatter(marked)
		if err != nil {
			return nil, errors.Wrap(err, "figure: marks")
		}
		marks.GlyphStyle = s.mark
		out.Add(marks)
		thumbs = append(thumbs, marks)
	}
	return thumbs, nil
}

// bandFrom is the number of points from which on error bars are drawn as a band.
const bandFrom = 16

// addErrors draws the error bars of a curve, as a band if there are many.
func (p Panel) addErrors(out *plot.Plot, c Curve, points plotter.XYs, s style) error {
	bars := make(plotter.YErrors, len(points))
	for i, e := range c.Err {
		if math.IsNaN(e) {
			e = 0
		}
		low := c.Y[i] - e
		if p.LogY && low <= c.Y[i]/10 { // the bar (nearly) leaves the axis: let it end a decade below its point
			low = c.Y[i] / 10
		}
		bars[i].Low, bars[i].High = points[i].Y-p.y(low), p.y(c.Y[i]+e)-points[i].Y
	}
	if len(points) < bandFrom && !c.Band {
		drawn, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{points, bars})
		if err != nil {
			return errors.Wrap(err, "figure: error bars")
		}
		drawn.LineStyle = draw.LineStyle{Color: s.line.Color, Width: vg.Points(0.9)}
		drawn.CapWidth = vg.Points(4)
		out.Add(drawn)
		return nil
	}
	outline := make(plotter.XYs, 2*len(points))
	for i, q := range points {
		outline[i] = plotter.XY{X: q.X, Y: q.Y + bars[i].High}
		outline[len(outline)-1-i] = plotter.XY{X: q.X, Y: q.Y - bars[i].Low}
	}
	band, err := plotter.NewPolygon(outline)
	if err != nil {
		return errors.Wrap(err, "figure: error band")
	}
	band.Color = s.band
	band.LineStyle.Width = 0
	out.Add(band)
	return nil
}
