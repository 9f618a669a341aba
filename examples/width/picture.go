package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/figure"
)

// quantity is a number that a panel shows for a network.
type quantity struct {
	title, unit string
	measured    func(cell) estimate
	closed      func(form) float64
}

var quantities = []quantity{
	{"extra loss", "mean loss under noise less that without",
		func(c cell) estimate { return c.extra }, func(f form) float64 { return f.extra }},
	{"variance of the loss", "variance, loss squared",
		func(c cell) estimate { return c.loss }, func(f form) float64 { return f.loss }},
	{"variance of the gradient", "variance, (loss/weight) squared",
		func(c cell) estimate { return c.gradient }, func(f form) float64 { return f.gradient }},
}

// extraPanels makes the picture of the extra loss, with a panel for each kind of network.
func extraPanels(s settings, rows []row) []figure.Panel {
	var list []figure.Panel
	for i := range kinds {
		p := panel(rows, i, quantities[0])
		p.Title = fmt.Sprintf("%s, sigma %v", capital(kinds[i].name), s.sigma)
		list = append(list, p)
	}
	return list
}

// variancePanels makes the picture of the variances, with a row of panels for each kind of network.
func variancePanels(rows []row) []figure.Panel {
	var list []figure.Panel
	for i := range kinds {
		for _, q := range quantities[1:] {
			p := panel(rows, i, q)
			p.Title = fmt.Sprintf("%s: %s", capital(kinds[i].name), q.title)
			list = append(list, p)
		}
	}
	return list
}

// panel shows a number for a kind of network: measured points with standard errors, and lines for closed forms, or through
// the points if there are none.
func panel(rows []row, kind int, q quantity) figure.Panel {
	p := figure.Panel{X: "width, hidden units", Y: q.unit, LogX: true, LogY: true}
	for _, r := range rows {
		p.TicksX = append(p.TicksX, float64(r.width))
	}
	for j, n := range noises {
		points := figure.Curve{Name: n.name, X: p.TicksX, Marks: true, Colour: n.colour}
		closed := figure.Curve{Name: n.name + ", closed form", X: p.TicksX, Line: true, Dashed: true, Colour: n.colour}
		for _, r := range rows {
			c := r.cells[kind][j]
			e := q.measured(c)
			points.Y, points.Err, closed.Y = append(points.Y, e.mean), append(points.Err, e.err), append(closed.Y, q.closed(c.closed))
		}
		if math.IsNaN(closed.Y[0]) {
			points.Line = true
			p.Curves = append(p.Curves, points)
			continue
		}
		p.Curves = append(p.Curves, points, closed)
	}
	return p
}

// capital makes the first letter a capital.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
