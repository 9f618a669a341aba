package main

import (
	"fmt"

	"github.com/layernoise/layernoise/examples/internal/figure"
)

// collapse is the drop in accuracy below none, in points, beyond which a strength is not shown: it would dominate the axis.
const collapse = 10

// levelName is what the legend calls the runs of none. They have no strength, and are shown as a horizontal line.
const levelName = "none (has no strength)"

// drawSweep draws, for each learning rate, accuracy and loss on validation images over the strength, with a line for each
// kind, and the level of none.
func (x *results) drawSweep(file string) error {
	var panels []figure.Panel
	for _, q := range []struct {
		y   string
		of  func(point) float64
		log bool
	}{{"validation accuracy, %", accuracy, false}, {"validation loss (NLL), nats an image", loss, true}} {
		for _, rate := range x.rates() {
			curves := x.byStrength(rate, q.of)
			if len(curves) == 0 {
				continue
			}
			where := fmt.Sprintf("%s, lr %v\n%s", x.title(), rate, x.seeds(onValidation))
			panel := figure.Panel{Title: where, X: x.strengths(), Y: q.y, LogX: true, LogY: q.log, Curves: curves}
			if level := curves[0]; !q.log && level.Name == levelName {
				panel.FromY = level.Y[0] - collapse
			}
			panels = append(panels, panel)
		}
	}
	if len(panels) == 0 {
		return nil
	}
	return figure.Save(file, panels...)
}

// strengths describes the strengths of the runs on validation images.
func (x *results) strengths() string {
	for _, c := range x.choices(onValidation) {
		if c.Kind != "none" && c.Kind != "layer" && c.Kind != "all" {
			return "strength: sigma, weight decay, probability, rho or share"
		}
	}
	return "sigma, in the units of the weights"
}

// rates returns the learning rates of the runs on validation images.
func (x *results) rates() []float64 {
	var list []float64
	seen := map[float64]bool{}
	for _, c := range x.choices(onValidation) {
		if !seen[c.LearnRate] {
			seen[c.LearnRate] = true
			list = append(list, c.LearnRate)
		}
	}
	return list
}

// byStrength returns a curve for each kind, and a level for none, as wide as the others.
func (x *results) byStrength(rate float64, of func(point) float64) []figure.Curve {
	var list []figure.Curve
	var level *figure.Curve
	low, high := 0.0, 0.0
	for _, kind := range kindNames {
		curve := figure.Curve{Name: kind, Colour: figure.ColourOf(kind), Line: true, Marks: true}
		for _, c := range x.choices(onValidation) {
			if c.Kind != kind || c.LearnRate != rate || c.Strength == 0 && kind != "none" { // the axis is logarithmic
				continue
			}
			if i := drawn(x.over(c, onValidation, of)); i.N > 0 {
				curve.Add(c.Strength, i)
			}
		}
		switch {
		case len(curve.X) == 0:
		case kind == "none":
			level = &curve
		default:
			for _, s := range curve.X {
				if low == 0 || s < low {
					low = s
				}
				high = max(high, s)
			}
			list = append(list, curve)
		}
	}
	if level != nil && high > 0 {
		level.X = []float64{low, high}
		level.Y = []float64{level.Y[0], level.Y[0]}
		if level.Err != nil {
			level.Err = []float64{level.Err[0], level.Err[0]}
		}
		level.Name, level.Marks, level.Band = levelName, false, true
		list = append([]figure.Curve{*level}, list...)
	}
	return list
}
