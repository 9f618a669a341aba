package main

import (
	"fmt"
	"math"

	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/examples/internal/interval"
)

// normal is half the width of a 95% interval of a measurement, in standard errors.
const normal = 1.96

// over returns the interval, over the seeds, of a number of a method's training.
func (x *results) over(method int, of func(trace) float64) interval.Interval {
	var list []float64
	for _, r := range x.runs {
		list = append(list, of(r.traces[method]))
	}
	return interval.Of(list)
}

func last[T any](x []T) T { return x[len(x)-1] }

// panels returns the panels of the picture.
func (x *results) panels() []figure.Panel {
	over := fmt.Sprintf("%d seeds", x.seeds)
	if x.seeds == 1 {
		over = "one seed"
	}
	return []figure.Panel{
		{
			Title: fmt.Sprintf("Loss under noise, %d layers, sigma %v, seed 1", x.depth, x.sigma), X: "step", Y: "expected loss", LogX: true, LogY: true,
			Curves: x.underNoiseCurves(),
		}, {
			Title: "Measured less closed form, " + over, X: "step", Y: "difference, % of the closed form", LogX: true, Zero: true,
			Curves: x.differences(),
		}, {
			Title: "Loss at the weights without noise, " + over, X: "step", Y: "loss", LogX: true, LogY: true, FromY: x.floor(),
			Curves: x.along(func(t trace, k int) float64 { return t.loss[k] }),
		}, {
			Title: "What was learnt, seed 1", X: "number", Y: "singular value of the product", Zero: true,
			Curves: x.spectrum(),
		}, {
			Title: fmt.Sprintf("The first %d singular values, %s", x.rank, over), X: "step", Y: "their mean", LogX: true,
			Curves: append(x.along(func(t trace, k int) float64 { return x.first(t.values[k]) }), x.level()),
		}, {
			Title: "The other singular values, " + over, X: "step", Y: "their mean", LogX: true, Zero: true,
			Curves: x.along(func(t trace, k int) float64 { return x.others(t.values[k]) }),
		},
	}
}

// first and others return the means of the planted singular values and of the rest, which errors make; NaN if there are none.
func (x *results) first(values []float64) float64  { return mean(values[:min(x.rank, len(values))]) }
func (x *results) others(values []float64) float64 { return mean(values[min(x.rank, len(values)):]) }

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// underNoiseCurves returns the measurements for the first seed, with 95% intervals, and the closed forms.
func (x *results) underNoiseCurves() []figure.Curve {
	var list []figure.Curve
	for i, m := range methods {
		t := x.runs[0].traces[i]
		if m.closed {
			continue
		}
		marks := figure.Curve{Name: m.name, Marks: true, Colour: m.colour}
		for i, e := range t.measured {
			marks.X, marks.Y, marks.Err = append(marks.X, x.at[x.marked()[i]]), append(marks.Y, e.Mean), append(marks.Err, normal*e.StdErr)
		}
		list = append(list, marks, figure.Curve{Name: last(methods).name, X: x.at, Y: t.closed, Line: true, Dashed: true, Colour: m.colour})
	}
	return list
}

// differences returns the relative differences between measurements and closed forms: means over the seeds with 95%
// intervals.
func (x *results) differences() []figure.Curve {
	var list []figure.Curve
	for i, m := range methods {
		if m.closed {
			continue
		}
		c := figure.Curve{Name: m.name, Marks: true, Colour: m.colour}
		for j, k := range x.marked() {
			c.Add(x.at[k], x.over(i, func(t trace) float64 { return 100 * (t.measured[j].Mean/t.closed[k] - 1) }))
		}
		list = append(list, c)
	}
	return list
}

// along returns the curves of one quantity along the trainings.
func (x *results) along(of func(t trace, k int) float64) []figure.Curve {
	var list []figure.Curve
	for i, m := range methods {
		runs := make([][]float64, len(x.runs))
		for j, r := range x.runs {
			for k := range x.at {
				runs[j] = append(runs[j], of(r.traces[i], k))
			}
		}
		c := figure.Mean(m.name, x.at, runs)
		c.Colour, c.Dashed = m.colour, m.closed
		if m.closed {
			c.Err = nil // its band would be drawn over that of "layer"
		}
		list = append(list, c)
	}
	return list
}

// spectrum returns the singular values at the end of the first seed's trainings, and the planted ones.
func (x *results) spectrum() []figure.Curve {
	var list []figure.Curve
	add := func(c figure.Curve, values []float64) {
		if values == nil { // the training diverged
			return
		}
		for i, v := range values {
			c.X, c.Y = append(c.X, float64(i+1)), append(c.Y, v)
		}
		list = append(list, c)
	}
	for i, m := range methods {
		add(figure.Curve{Name: m.name, Marks: !m.closed, Line: m.closed, Dashed: m.closed, Colour: m.colour}, last(x.runs[0].traces[i].values))
	}
	add(figure.Curve{Name: plantedName, Marks: true, Colour: plantedColour, Variant: 1}, x.runs[0].truth)
	return list
}

// Name and colour of the planted matrix.
const (
	plantedName   = "planted"
	plantedColour = figure.Decay
)

// level returns the level of the planted singular values.
func (x *results) level() figure.Curve {
	planted := math.Sqrt(float64(x.rows) * float64(x.cols))
	return figure.Curve{
		Name: plantedName, X: []float64{x.at[0], last(x.at)}, Y: []float64{planted, planted}, Line: true, Colour: plantedColour, Variant: 1,
	}
}

// floor returns the lower end of the axis of losses: without noise they fall far below those with noise.
func (x *results) floor() float64 {
	end := x.over(len(methods)-1, func(t trace) float64 { return last(t.loss) }).Mean
	if math.IsNaN(end) {
		return 0
	}
	return end / 1000
}
