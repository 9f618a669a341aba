package main

import (
	"fmt"
	"path/filepath"

	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/examples/internal/interval"
)

// modes are the lines of the pictures.
var modes = []string{"none", "layer", "all"}

// draw draws a picture for each data set: a row of panels for each scale at its own sigma.
func (x results) draw(folder string) error {
	for _, dataset := range x.datasets() {
		var panels []figure.Panel
		for _, g := range x.groups(dataset) {
			if g.sigma == scaleOf(g.scale).sigma {
				panels = append(panels, x.panels(g)...)
			}
		}
		if len(panels) == 0 {
			continue
		}
		file := filepath.Join(folder, dataset+".png")
		if err := figure.Save(file, panels...); err != nil {
			return err
		}
		fmt.Println("picture:", file)
	}
	return nil
}

// panels shows accuracy, loss, and the difference in loss from that without noise.
func (x results) panels(g group) []figure.Panel {
	p := x.panel(fmt.Sprintf("%s: sigma %v, %s", titles[g.dataset], g.sigma, scaleOf(g.scale).label), accuracy.name,
		func(noise string, width int) interval.Interval { return x.mean(g, noise, width, accuracy) }, 0)
	q := x.panel("Means and 95% intervals", loss.name+", nats",
		func(noise string, width int) interval.Interval { return x.mean(g, noise, width, loss) }, 0)
	q.LogY = true
	r := x.panel("Paired differences and 95% intervals", "test loss, less none",
		func(noise string, width int) interval.Interval { return x.difference(g, noise, "none", width, loss) }, 1)
	r.Zero = true
	return []figure.Panel{p, q, r}
}

// barFrom is the number of seeds from which on a point shows its interval: with two it is six times as wide as with three.
const barFrom = 3

// panel shows a number by width, for the modes from the first on.
func (x results) panel(title, unit string, at func(noise string, width int) interval.Interval, first int) figure.Panel {
	p := figure.Panel{Title: title, X: "width, hidden units", Y: unit, LogX: true}
	for i, m := range modes {
		if i < first {
			continue
		}
		c := figure.Curve{Name: m, Line: true, Marks: true, Colour: i + 1}
		for _, width := range x.widths() {
			if y := at(m, width); y.N > 0 {
				if y.N < barFrom {
					y.Half = 0
				}
				c.Add(float64(width), y)
			}
		}
		if len(c.X) > 0 {
			p.Curves = append(p.Curves, c)
		}
	}
	for _, width := range x.widths() {
		p.TicksX = append(p.TicksX, float64(width))
	}
	return p
}
