package main

import (
	"fmt"

	"github.com/layernoise/layernoise/internal/figure"
)

// drawCurves draws what was measured along the training.
func (x *experiment) drawCurves(file string) error {
	s := x.Settings
	title := fmt.Sprintf("%s, %s", s.Dataset, s.Net)
	if s.Subset > 0 {
		title = fmt.Sprintf("%s, %d images, %s", s.Dataset, s.Subset, s.Net)
	}
	over := fmt.Sprintf("%d seeds, mean and standard deviation", s.seeds)
	if s.seeds == 1 {
		over = "1 seed"
	}
	always := func(point) bool { return true }
	panels := []figure.Panel{
		{Title: title + "\n" + over, Y: "test accuracy, %", Curves: x.curves(accuracy, always)},
		{Title: "Loss on images not trained on", Y: "test loss, nats an image", Curves: x.curves(testLoss, always)},
		{Title: "Loss on the training images", Y: "training loss, nats an image", LogY: true, Curves: x.curves(trainLoss, always)},
		{Title: "Sharpness: trace of the Hessian of the training loss", Y: "trace, nats an image by weight squared",
			Curves: x.curves(sharpness, func(p point) bool { return p.HessianTrace != nil })},
	}
	for i := range panels {
		panels[i].X = "epoch"
		if len(panels[i].Curves) == 0 {
			return nil // every run has diverged: there is nothing to draw
		}
	}
	return figure.Save(file, panels...)
}

// curves returns, for each noise, the mean over the seeds of a number where it was measured.
func (x *experiment) curves(of func(point) float64, measured func(point) bool) []figure.Curve {
	var list []figure.Curve
	for i, n := range x.noises {
		var at []float64
		var runs [][]float64
		for k, r := range x.finished(n) {
			var y []float64
			for _, p := range r.Points {
				if !measured(p) {
					continue
				}
				if y = append(y, of(p)); k == 0 {
					at = append(at, float64(p.Epoch))
				}
			}
			runs = append(runs, y)
		}
		if len(runs) > 0 {
			c := figure.Mean(n.String(), at, runs)
			c.Colour, c.Marks = i+1, true
			list = append(list, c)
		}
	}
	return list
}
