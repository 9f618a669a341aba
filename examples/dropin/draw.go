package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/layernoise/layernoise/examples/internal/figure"
)

// drawCurves writes a PNG, and an SVG beside it, with the test accuracy and the losses of the curves by epoch, and the
// differences in accuracy from the training without noise, if there is one.
func drawCurves(file string, curves []*curve, s settings, data string) error {
	accuracy := figure.Panel{Title: fmt.Sprintf("%s, sigma %g, %s, one seed", data, s.sigma, s.protocol), X: "epoch", Y: "test accuracy, %"}
	loss := figure.Panel{Title: "Cross entropy on test and training images", X: "epoch", Y: "loss, nats an image", LogY: true}
	difference := figure.Panel{Title: "Accuracy: difference to none, same seed", X: "epoch", Y: "difference, points", Zero: true}
	for _, c := range curves {
		if c.diverged {
			c.trainLoss = c.trainLoss[:len(c.trainLoss)-1] // an incomplete epoch
		}
		accuracy.Curves = append(accuracy.Curves, byEpoch(c.noise, c.noise, percent(c.testAcc, nil), settled))
		training := byEpoch(c.noise, c.noise+", training", c.trainLoss, 0)
		training.Dashed = true
		loss.Curves = append(loss.Curves, byEpoch(c.noise, c.noise, c.testLoss, 0), training)
		if c.noise != "none" && curves[0].noise == "none" {
			difference.Curves = append(difference.Curves, byEpoch(c.noise, c.noise, percent(c.testAcc, curves[0].testAcc), settled))
		}
	}
	panels := []figure.Panel{accuracy, loss, difference}
	for i := range panels { // a diverged training may have no epoch with a finite loss
		panels[i].Curves = slices.DeleteFunc(panels[i].Curves, func(c figure.Curve) bool { return len(c.X) == 0 })
	}
	panels = slices.DeleteFunc(panels, func(p figure.Panel) bool { return len(p.Curves) == 0 })
	return figure.Save(file, panels...)
}

// percent returns accuracies in percent, minus those at the same epochs of another training, up to the shorter length.
func percent(accuracies, less []float64) []float64 {
	var list []float64
	for i, a := range accuracies {
		switch {
		case less == nil:
			list = append(list, 100*a)
		case i < len(less):
			list = append(list, 100*(a-less[i]))
		}
	}
	return list
}

// settled is the initial share of a training in which accuracies rise steeply and would dominate the axis.
const settled = 0.3

// byEpoch gives value i the abscissa i+1, leaving out values that are not finite, and an initial share of the training.
func byEpoch(noise, name string, values []float64, from float64) figure.Curve {
	c := figure.Curve{Name: name, Line: true, Colour: figure.ColourOf(noise)}
	for i, y := range values {
		if (float64(i) >= from*float64(len(values)) || len(values) < 10) && y > math.Inf(-1) && y < math.Inf(1) {
			c.X, c.Y = append(c.X, float64(i+1)), append(c.Y, y)
		}
	}
	return c
}
