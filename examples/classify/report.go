package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/layernoise/layernoise/internal/figure"
	"gonum.org/v1/gonum/stat"
)

// finished returns the runs of a noise that came to their end, by seed.
func (x *experiment) finished(n noise) []*record {
	var list []*record
	for seed := uint64(1); seed <= uint64(x.Settings.seeds); seed++ {
		if r := x.find(n, seed); r.ended() {
			list = append(list, r)
		}
	}
	return list
}

// spread is a mean and a standard deviation.
type spread struct{ mean, std float64 }

// over returns the spread of a number of the runs' ends. The deviation of a single run is NaN.
func over(runs []*record, of func(point) float64) spread {
	list := make([]float64, len(runs))
	for i, r := range runs {
		list[i] = of(r.end())
	}
	mean, std := stat.MeanStdDev(list, nil)
	return spread{mean, std}
}

// paired returns the spread of the differences to the runs without noise of the same seeds, and false if there are none.
func (x *experiment) paired(n noise, of func(point) float64) (spread, bool) {
	var list []float64
	for _, r := range x.finished(n) {
		if plain := x.find(noise{Kind: "none"}, r.Seed); plain.ended() {
			list = append(list, of(r.end())-of(plain.end()))
		}
	}
	if n.Kind == "none" || len(list) == 0 {
		return spread{}, false
	}
	mean, std := stat.MeanStdDev(list, nil)
	return spread{mean, std}, true
}

// text writes the spread with the given number of decimals.
func (s spread) text(decimals int) string {
	if math.IsNaN(s.std) {
		return fmt.Sprintf("%.*f", decimals, s.mean)
	}
	return fmt.Sprintf("%.*f ± %.*f", decimals, s.mean, decimals, s.std)
}

func accuracy(p point) float64  { return 100 * p.TestAccuracy }
func testLoss(p point) float64  { return p.TestLoss }
func trainLoss(p point) float64 { return p.TrainLoss }
func sharpness(p point) float64 { return p.HessianTrace.Mean }

// table returns the results as Markdown.
func (x *experiment) table() string {
	var b strings.Builder
	b.WriteString("| noise | runs | test accuracy, % | test loss | training loss | Hessian trace | the same by differences | l2 norm | accuracy less that without noise | loss less that without noise |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, n := range x.noises {
		runs := x.finished(n)
		diverged := x.Settings.seeds - len(runs)
		if len(runs) == 0 {
			fmt.Fprintf(&b, "| %v | 0 (%d diverged) | | | | | | | | |\n", n, diverged)
			continue
		}
		count := fmt.Sprint(len(runs))
		if diverged > 0 {
			count += fmt.Sprintf(" (%d diverged)", diverged)
		}
		fmt.Fprintf(&b, "| %v | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", n, count,
			over(runs, accuracy).text(2), over(runs, testLoss).text(3), over(runs, trainLoss).text(4), over(runs, sharpness).text(1),
			over(runs, func(p point) float64 { return p.DifferenceTrace.Mean }).text(1), over(runs, func(p point) float64 { return p.L2 }).text(2), x.difference(n, accuracy, 2), x.difference(n, testLoss, 3))
	}
	return b.String()
}

// difference writes a paired difference with its sign.
func (x *experiment) difference(n noise, of func(point) float64, decimals int) string {
	d, ok := x.paired(n, of)
	if !ok {
		return ""
	}
	sign := ""
	if d.mean >= 0 {
		sign = "+"
	}
	return sign + d.text(decimals)
}

// resultLine returns the results of a noise for programs.
func (x *experiment) resultLine(n noise) string {
	runs := x.finished(n)
	if len(runs) == 0 {
		return fmt.Sprintf("result noise=%s sigma=%v diverged", n.Kind, n.Sigma)
	}
	acc, loss := over(runs, accuracy), over(runs, testLoss)
	return fmt.Sprintf("result noise=%s sigma=%v test_acc=%.2f±%.2f test_loss=%.4f±%.4f hessian_trace=%.1f",
		n.Kind, n.Sigma, acc.mean, zeroNaN(acc.std), loss.mean, zeroNaN(loss.std), over(runs, sharpness).mean)
}

// zeroNaN makes the deviation of a single number zero.
func zeroNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

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
		{Title: "Sharpness: trace of the Hessian of the training loss", Y: "trace, nats by weight squared",
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
