package figure

import (
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curve is a row of points.
type Curve struct {
	Name string // for the legend
	X, Y []float64
	Err  []float64 // half the height of the error bars; nil for none

	Line   bool // joins the points by a line
	Dashed bool // makes the line dashed and thin, as for a closed form
	Marks  bool // marks the points

	// Colour is the number of the colour, from 1. By default the place of the curve in its panel.
	Colour int
}

// Mean makes a curve of the means over runs, with the standard deviations as error bars: runs[k][i] is what run k gave at
// x[i]. A single run has no error bars.
func Mean(name string, x []float64, runs [][]float64) Curve {
	c := Curve{Name: name, X: x, Y: make([]float64, len(x)), Line: true}
	if len(runs) > 1 {
		c.Err = make([]float64, len(x))
	}
	at := make([]float64, len(runs))
	for i := range x {
		for k, run := range runs {
			at[k] = run[i]
		}
		c.Y[i] = stat.Mean(at, nil)
		if c.Err != nil {
			c.Err[i] = stat.StdDev(at, nil)
		}
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
		if p.LogX && !(c.X[i] > 0) || p.LogY && !(c.Y[i] > 0) {
			return errors.Errorf("figure: point (%v, %v) on a logarithmic axis", c.X[i], c.Y[i])
		}
	}
	return nil
}

// add draws a curve into the plot.
func (p Panel) add(out *plot.Plot, c Curve, s style) error {
	if err := p.check(c); err != nil {
		return err
	}
	points := make(plotter.XYs, len(c.X))
	for i := range points {
		points[i] = plotter.XY{X: p.x(c.X[i]), Y: p.y(c.Y[i])}
	}
	if c.Err != nil {
		if err := p.addErrors(out, c, points, s); err != nil {
			return err
		}
	}
	var thumbs []plot.Thumbnailer
	if c.Line {
		line, err := plotter.NewLine(points)
		if err != nil {
			return errors.Wrap(err, "figure: line")
		}
		line.LineStyle = s.line
		out.Add(line)
		thumbs = append(thumbs, line)
	}
	if c.Marks {
		marks, err := plotter.NewScatter(points)
		if err != nil {
			return errors.Wrap(err, "figure: marks")
		}
		marks.GlyphStyle = s.mark
		out.Add(marks)
		thumbs = append(thumbs, marks)
	}
	if c.Name != "" {
		out.Legend.Add(c.Name, thumbs...)
	}
	return nil
}

// bandFrom is the number of points from which on error bars are drawn as a band.
const bandFrom = 25

// addErrors draws the error bars of a curve, as a band where there are many.
func (p Panel) addErrors(out *plot.Plot, c Curve, points plotter.XYs, s style) error {
	bars := make(plotter.YErrors, len(points))
	for i, e := range c.Err {
		low := c.Y[i] - e
		if p.LogY && low <= 0 { // the bar leaves the axis: it ends a decade below its point
			low = c.Y[i] / 10
		}
		bars[i].Low, bars[i].High = points[i].Y-p.y(low), p.y(c.Y[i]+e)-points[i].Y
	}
	if len(points) < bandFrom {
		drawn, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{points, bars})
		if err != nil {
			return errors.Wrap(err, "figure: error bars")
		}
		drawn.LineStyle = draw.LineStyle{Color: s.line.Color, Width: vg.Points(1)}
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
