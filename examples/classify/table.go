package main

import (
	"fmt"
	"math"
	"strings"

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

// spreadOf returns the spread of numbers. The deviation of a single one is NaN.
func spreadOf(list []float64) spread {
	mean, std := stat.MeanStdDev(list, nil)
	return spread{mean, std}
}

// over returns the spread of a number of the runs' ends.
func over(runs []*record, of func(point) float64) spread {
	list := make([]float64, len(runs))
	for i, r := range runs {
		list[i] = of(r.end())
	}
	return spreadOf(list)
}

// paired returns the spread of the differences to the runs without noise of the same seeds, and false if there are none.
func (x *experiment) paired(n noise, of func(point) float64) (spread, bool) {
	var list []float64
	for _, r := range x.finished(n) {
		if plain := x.find(noise{Kind: "none"}, r.Seed); plain.ended() {
			list = append(list, of(r.end())-of(plain.end()))
		}
	}
	return spreadOf(list), n.Kind != "none" && len(list) > 0
}

// text writes the spread with the given number of decimals.
func (s spread) text(decimals int) string {
	if math.IsNaN(s.std) {
		return fmt.Sprintf("%.*f", decimals, s.mean)
	}
	return fmt.Sprintf("%.*f ± %.*f", decimals, s.mean, decimals, s.std)
}

// signed writes the spread with a sign before it.
func (s spread) signed(decimals int) string {
	if s.mean < 0 {
		return s.text(decimals)
	}
	return "+" + s.text(decimals)
}

func accuracy(p point) float64  { return 100 * p.TestAccuracy }
func testLoss(p point) float64  { return p.TestLoss }
func trainLoss(p point) float64 { return p.TrainLoss }
func sharpness(p point) float64 { return p.HessianTrace.Mean }

// columns are the numbers of the table. Those that are paired have a column for their differences, too.
var columns = []struct {
	name     string
	of       func(point) float64
	decimals int
	paired   bool
}{
	{"test accuracy, %", accuracy, 2, true},
	{"test loss", testLoss, 3, true},
	{"training loss", trainLoss, 3, false},
	{"l2 norm", func(p point) float64 { return p.L2 }, 2, false},
	{"Hessian trace", sharpness, 0, false},
	{"by differences", func(p point) float64 { return p.DifferenceTrace.Mean }, 0, false},
}

// table returns the results as Markdown.
func (x *experiment) table() string {
	var b strings.Builder
	write := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head, rule := []string{"noise", "runs"}, []string{"---", "---"}
	for _, c := range columns {
		head, rule = append(head, c.name), append(rule, "---")
		if c.paired {
			head, rule = append(head, "less that without noise"), append(rule, "---")
		}
	}
	write(head)
	write(rule)
	for _, n := range x.noises {
		runs := x.finished(n)
		row := []string{n.String(), fmt.Sprint(len(runs))}
		if diverged := x.Settings.seeds - len(runs); diverged > 0 {
			row[1] += fmt.Sprintf(" (%d diverged)", diverged)
		}
		for _, c := range columns {
			cell, difference := "", ""
			if len(runs) > 0 {
				cell = over(runs, c.of).text(c.decimals)
			}
			if d, ok := x.paired(n, c.of); ok {
				difference = d.signed(c.decimals)
			}
			row = append(row, cell)
			if c.paired {
				row = append(row, difference)
			}
		}
		write(row)
	}
	return b.String()
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
