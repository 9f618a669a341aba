package main

import (
	"fmt"

	"github.com/layernoise/layernoise/internal/figure"
)

// quantities are what the picture shows of each network.
var quantities = []struct {
	title, unit string
	measured    func(measured) estimate
	closed      func(form) float64
}{
	{"extra loss", "mean less R(w), units of the loss", func(m measured) estimate { return m.extra }, func(f form) float64 { return f.extra }},
	{"variance of the loss", "variance, loss squared", func(m measured) estimate { return m.loss }, func(f form) float64 { return f.loss }},
	{"variance of the gradient", "variance, (loss/weight) squared", func(m measured) estimate { return m.gradient }, func(f form) float64 { return f.gradient }},
}

// panels are the picture: three numbers, for linear networks above and ReLU networks below.
func panels(s settings, rows []row) []figure.Panel {
	widths := make([]float64, len(rows))
	for k, r := range rows {
		widths[k] = float64(r.width)
	}
	var above, below []figure.Panel
	for _, q := range quantities {
		panel := func(network string) figure.Panel {
			return figure.Panel{
				Title: fmt.Sprintf("%s network: %s\nsigma %v, %d draws, standard errors", network, q.title, s.sigma, s.draws),
				X:     "width, hidden units", Y: q.unit, LogX: true, LogY: true, TicksX: widths,
			}
		}
		linear, relu := panel("Linear"), panel("ReLU")
		for i, n := range noises {
			points := figure.Curve{Name: n.name, X: widths, Marks: true, Colour: i + 2}
			closed := figure.Curve{Name: n.name + ", closed form", X: widths, Line: true, Dashed: true, Colour: i + 2}
			joined := figure.Curve{Name: n.name, X: widths, Marks: true, Line: true, Colour: i + 2}
			for _, r := range rows {
				add(&points, q.measured(r.linear[i]))
				add(&joined, q.measured(r.relu[i]))
				closed.Y = append(closed.Y, q.closed(r.closed[i]))
			}
			linear.Curves, relu.Curves = append(linear.Curves, points, closed), append(relu.Curves, joined)
		}
		above, below = append(above, linear), append(below, relu)
	}
	return append(above, below...)
}

// add adds a point with its error bar to a curve.
func add(c *figure.Curve, e estimate) { c.Y, c.Err = append(c.Y, e.mean), append(c.Err, e.err) }
