package main

import (
	"fmt"
	"math"

	"github.com/layernoise/layernoise/internal/figure"
)

// drawCurves writes a PNG with the test accuracy and the losses of the curves by epoch.
func drawCurves(file string, curves []*curve, s settings, data string) error {
	accuracy := figure.Panel{Title: fmt.Sprintf("%s, sigma %g, %s", data, s.sigma, s.protocol), X: "epoch", Y: "test accuracy (%)"}
	loss := figure.Panel{Title: "Cross entropy: training dashed", X: "epoch", Y: "loss (nats)"}
	for i, c := range curves {
		percent := make([]float64, len(c.testAcc))
		for j, a := range c.testAcc {
			percent[j] = 100 * a
		}
		accuracy.Curves = append(accuracy.Curves, byEpoch("noise "+c.noise, i, percent))
		training := byEpoch("", i, c.trainLoss)
		training.Dashed = true
		loss.Curves = append(loss.Curves, byEpoch("noise "+c.noise, i, c.testLoss), training)
	}
	return figure.Save(file, accuracy, loss)
}

// byEpoch gives value i the abscissa i+1, and leaves out what is not finite.
func byEpoch(name string, colour int, values []float64) figure.Curve {
	c := figure.Curve{Name: name, Line: true, Colour: colour + 1}
	for i, y := range values {
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			c.X, c.Y = append(c.X, float64(i+1)), append(c.Y, y)
		}
	}
	return c
}
