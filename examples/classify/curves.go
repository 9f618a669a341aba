package main

import (
	"fmt"
	"slices"

	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/examples/internal/interval"
)

// title describes what was trained on what.
func (x *results) title() string {
	s := x.Settings
	images := s.Dataset
	if n := s.Subset; n > 0 {
		images = fmt.Sprintf("%s, %d images", images, n)
	}
	if s.LabelNoise > 0 {
		images = fmt.Sprintf("%s, %v%% wrong labels", images, 100*s.LabelNoise)
	}
	return fmt.Sprintf("%s, %s", images, s.Net)
}

// seeds describes the number of runs behind the intervals: that of the choice with the most.
func (x *results) seeds(on string) string {
	most := 0
	for _, c := range x.choices(on) {
		runs, _ := x.finished(c, on)
		most = max(most, len(runs))
	}
	switch {
	case most < 2:
		return "one seed"
	case most == 2:
		return "mean over 2 seeds"
	}
	return fmt.Sprintf("mean over %d seeds, 95%% interval", most)
}

// drawn returns the part of an interval that pictures show: for two numbers only the mean, since their interval, thirteen
// standard errors each way, would dominate the axis.
func drawn(i interval.Interval) interval.Interval {
	if i.N == 2 {
		i.N = 1
	}
	return i
}

// drawCurves draws the measurements along the training: accuracy and losses, and below them the differences from the runs
// without any method, and the trace of the Hessian.
func (x *results) drawCurves(file string) error {
	always := func(point) bool { return true }
	settled := func(p point) bool { return x.settled(p.Epoch) }
	panel := func(title, y string, curves []figure.Curve) figure.Panel {
		return figure.Panel{Title: title, X: "epoch", Y: y, Curves: curves}
	}
	panels := []figure.Panel{
		panel(x.title()+"\n"+x.seeds(onTest), "test accuracy, %", x.curves(accuracy, settled)),
		panel("Loss on test images\n"+x.seeds(onTest), "test loss (NLL), nats an image", x.curves(loss, always)),
		panel("Loss on the training images\n"+x.seeds(onTest), "training loss, nats an image", x.curves(trainLoss, always)),
		panel("Accuracy: difference to none, paired by seed\n"+x.seeds(onTest), "difference, points", x.differences(accuracy)),
		panel("Test loss: difference to none, paired by seed\n"+x.seeds(onTest), "difference, nats an image", x.differences(loss)),
	}
	panels[1].LogY, panels[2].LogY = true, true
	panels[3].Zero, panels[4].Zero = true, true
	if x.Settings.TraceEvery < x.Settings.Epochs && x.traced(onTest) {
		trace := panel("Sharpness: trace of the Hessian of the training loss\n"+x.seeds(onTest), "trace, nats an image by weight squared",
			x.curves(sharpness, func(p point) bool { return p.HessianTrace != nil }))
		trace.LogY = true
		panels = append(panels, trace)
	} else {
		panels = append(panels, panel("Calibration error on test images\n"+x.seeds(onTest), "ECE, %", x.curves(calibrated, settled)))
	}
	// There are no curves if every run has diverged, or there is nothing to compare with.
	panels = slices.DeleteFunc(panels, func(p figure.Panel) bool { return len(p.Curves) == 0 })
	if len(panels) == 0 {
		return nil
	}
	return figure.Save(file, panels...)
}

// settled reports whether an epoch is past the first quarter of the training, where accuracies rise steeply: they would
// dominate the axes, and the comparison is made at the end.
func (x *results) settled(epoch int) bool { return 4*epoch >= x.Settings.Epochs }

// style returns how pictures show a choice: by its kind, and by its rank among the choices of that kind.
func (x *results) style(c choice, on string) figure.Curve {
	variant := 0
	for _, o := range x.choices(on) {
		if o.Kind == c.Kind && o.compare(c) < 0 {
			variant++
		}
	}
	return figure.Curve{Name: x.name(c), Colour: figure.ColourOf(c.Kind), Variant: variant, Line: true, Marks: true}
}

// curves returns, for each choice, the mean over the seeds of a number at the epochs where it was measured. The value before
// training is left out: it would dominate the axes.
func (x *results) curves(of func(point) float64, measured func(point) bool) []figure.Curve {
	var list []figure.Curve
	for _, c := range x.choices(onTest) {
		runs, _ := x.finished(c, onTest)
		curve := x.style(c, onTest)
		for i := range pointsOf(runs) {
			p := runs[0].Points[i]
			if p.Epoch == 0 || !measured(p) {
				continue
			}
			var numbers []float64
			for _, r := range runs {
				numbers = append(numbers, of(r.Points[i]))
			}
			curve.Add(float64(p.Epoch), drawn(interval.Of(numbers)))
		}
		if len(curve.X) > 0 {
			list = append(list, curve)
		}
	}
	return list
}

// differences returns, for each choice, the mean paired difference to none along the training.
func (x *results) differences(of func(point) float64) []figure.Curve {
	var list []figure.Curve
	for _, c := range x.choices(onTest) {
		pairs := x.pairs(c, onTest)
		if len(pairs) == 0 {
			continue
		}
		curve := x.style(c, onTest)
		for _, p := range pairs[0].with.Points {
			var with, without []float64
			for _, pair := range pairs {
				a, b := pair.with.at(p.Epoch), pair.without.at(p.Epoch)
				if x.settled(p.Epoch) && a != nil && b != nil {
					with, without = append(with, of(*a)), append(without, of(*b))
				}
			}
			if len(with) > 0 {
				curve.Add(float64(p.Epoch), drawn(interval.Paired(with, without)))
			}
		}
		if len(curve.X) > 0 {
			list = append(list, curve)
		}
	}
	return list
}

// pointsOf returns how many points all of the runs have in common.
func pointsOf(runs []*record) int {
	if len(runs) == 0 {
		return 0
	}
	least := len(runs[0].Points)
	for _, r := range runs {
		least = min(least, len(r.Points))
	}
	return least
}

// at returns the measurement after an epoch, nil if there is none.
func (r *record) at(epoch int) *point {
	for i := range r.Points {
		if r.Points[i].Epoch == epoch {
			return &r.Points[i]
		}
	}
	return nil
}
