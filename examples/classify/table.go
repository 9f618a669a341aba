package main

import (
	"fmt"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/interval"
)

// The measurements, in the units of tables and pictures.
func accuracy(p point) float64   { return 100 * p.Accuracy }
func loss(p point) float64       { return p.Loss }
func calibrated(p point) float64 { return 100 * p.ECE }
func trainLoss(p point) float64  { return p.TrainLoss }
func sharpness(p point) float64  { return p.HessianTrace.Mean }

// column is a number in the table. If it is paired, another column shows the difference from the runs without any method.
type column struct {
	name     string
	of       func(point) float64
	decimals int
	paired   bool
}

// columns returns the columns for the runs on the given images, with traces only if they were measured.
func (x *results) columns(on string) []column {
	list := []column{
		{"accuracy, %", accuracy, 2, true},
		{"loss (NLL)", loss, 3, true},
		{"ECE, %", calibrated, 2, true},
		{"training loss", trainLoss, 3, false},
	}
	if x.traced(on) {
		list = append(list,
			column{"l2 norm", func(p point) float64 { return p.L2 }, 2, false},
			column{"Hessian trace", sharpness, 0, false},
			column{"by differences", func(p point) float64 { return p.DifferenceTrace.Mean }, 0, false})
	}
	return list
}

// traced reports whether all runs on the given images have traces at their ends.
func (x *results) traced(on string) bool {
	for _, r := range x.Runs {
		if r.On == on && r.ended() && (r.end().HessianTrace == nil || r.end().DifferenceTrace == nil) {
			return false
		}
	}
	return true
}

// rowOf formats a line of a Markdown table.
func rowOf(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// head formats the first two lines of a table.
func head(before []string, columns []column) string {
	names := before
	for _, c := range columns {
		names = append(names, c.name)
		if c.paired {
			names = append(names, "less none")
		}
	}
	rule := make([]string, len(names))
	for i := range rule {
		rule[i] = "---"
	}
	return rowOf(names...) + rowOf(rule...)
}

// table returns the results of the runs on test images as Markdown: means and standard deviations over the seeds, and the
// paired differences from the runs without any method with their 95% intervals.
func (x *results) table() string {
	columns := x.columns(onTest)
	return head([]string{"test images", "runs"}, columns) + x.rows(onTest, nil, columns)
}

// rows formats a row for each choice, beginning with the given cells.
func (x *results) rows(on string, before []string, columns []column) string {
	var b strings.Builder
	for _, c := range x.choices(on) {
		runs, diverged := x.finished(c, on)
		number := fmt.Sprint(len(runs))
		if diverged > 0 {
			number += fmt.Sprintf(" (%d diverged)", diverged)
		}
		cells := append(append([]string(nil), before...), x.name(c), number)
		for _, column := range columns {
			cells = append(cells, x.over(c, on, column.of).Spread(column.decimals))
			if column.paired {
				cells = append(cells, x.difference(c, on, column.of).Signed(column.decimals))
			}
		}
		b.WriteString(rowOf(cells...))
	}
	return b.String()
}

// name is what tables and pictures call a choice: with its learning rate if there are several.
func (x *results) name(c choice) string {
	for _, r := range x.Runs {
		if r.LearnRate != c.LearnRate {
			return fmt.Sprintf("%v, lr %v", c, c.LearnRate)
		}
	}
	return c.String()
}

// wrongLabelsTable combines several experiments that differ in the share of wrong labels.
func wrongLabelsTable(experiments []*results) string {
	columns := []column{{"accuracy, %", accuracy, 2, true}, {"loss (NLL)", loss, 3, true}, {"ECE, %", calibrated, 2, true}}
	table := head([]string{"wrong labels", "test images", "runs"}, columns)
	for _, x := range experiments {
		table += x.rows(onTest, []string{fmt.Sprintf("%v%%", 100*x.Settings.LabelNoise)}, columns)
	}
	return table
}

// sweepTable returns the results of the runs on validation images, and marks the choices that were evaluated on test images.
func (x *results) sweepTable() string {
	columns := []column{{"accuracy, %", accuracy, 2, true}, {"loss (NLL)", loss, 3, true}, {"ECE, %", calibrated, 2, false}}
	table := head([]string{"validation images", "runs"}, columns) + x.rows(onValidation, nil, columns)
	for _, c := range x.choices(onTest) {
		from := fmt.Sprintf("| %s |", x.name(c))
		table = strings.Replace(table, from, fmt.Sprintf("| **%s** |", x.name(c)), 1)
	}
	return table
}

// resultLines returns the results in a form for programs.
func (x *results) resultLines() []string {
	var lines []string
	for _, c := range x.choices(onTest) {
		line := fmt.Sprintf("result noise=%s %s=%v lr=%v", c.Kind, parameter(c), c.Strength, c.LearnRate)
		acc, nll := x.over(c, onTest, accuracy), x.over(c, onTest, loss)
		if acc.N == 0 {
			lines = append(lines, line+" diverged")
			continue
		}
		line += fmt.Sprintf(" runs=%d test_acc=%s test_loss=%s test_ece=%.2f", acc.N, spread(acc, 2), spread(nll, 4), x.over(c, onTest, calibrated).Mean)
		if x.traced(onTest) {
			line += fmt.Sprintf(" hessian_trace=%.1f", x.over(c, onTest, sharpness).Mean)
		}
		if d := x.difference(c, onTest, accuracy); d.N > 1 {
			e := x.difference(c, onTest, loss)
			line += fmt.Sprintf(" acc_less_none=%+.2f stderr=%.2f interval=%+.2f..%+.2f loss_less_none=%+.4f stderr=%.4f interval=%+.4f..%+.4f",
				d.Mean, d.StdErr(), d.Low(), d.High(), e.Mean, e.StdErr(), e.Low(), e.High())
		}
		lines = append(lines, line)
	}
	return lines
}

// parameter is the name of the strength in a result line.
func parameter(c choice) string {
	if name := kinds[c.Kind].strength; name != "" {
		return strings.ReplaceAll(name, " ", "_")
	}
	return "sigma"
}

// spread formats a mean and a standard deviation, which is 0 for a single number.
func spread(i interval.Interval, decimals int) string {
	if i.N == 1 {
		i.Std = 0
	}
	return fmt.Sprintf("%.*f±%.*f", decimals, i.Mean, decimals, i.Std)
}

// verdicts says in words whether each choice is better than none on test images.
func (x *results) verdicts() []string {
	var lines []string
	for _, c := range x.choices(onTest) {
		d, e := x.difference(c, onTest, accuracy), x.difference(c, onTest, loss)
		switch {
		case c.Kind == "none" || d.N == 0:
		case d.N == 1:
			lines = append(lines, fmt.Sprintf("%s: one pair of runs says nothing of the difference to none", x.name(c)))
		default:
			lines = append(lines, fmt.Sprintf("%s %s none in test accuracy, %s, and %s it in test loss, %s", x.name(c),
				verdict(d), inWords(d, "points", 2), verdict(interval.Interval{N: e.N, Mean: -e.Mean, Std: e.Std, Half: e.Half}), inWords(e, "nats", 3)))
		}
	}
	return lines
}

// standardErrors is how many standard errors a difference must exceed. Its interval must exclude zero, too: with few seeds that
// asks for more.
const standardErrors = 2

func verdict(gain interval.Interval) string {
	if gain.Mean > standardErrors*gain.StdErr() && gain.ExcludesZero() {
		return "beats"
	}
	return "does not beat"
}

func inWords(d interval.Interval, unit string, decimals int) string {
	return fmt.Sprintf("by %+.*f %s = %.1f standard errors of the paired difference over %d seeds (95%% interval %+.*f to %+.*f)",
		decimals, d.Mean, unit, d.Mean/d.StdErr(), d.N, decimals, d.Low(), decimals, d.High())
}
