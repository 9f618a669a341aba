package main

import (
	"fmt"

	"github.com/layernoise/layernoise/examples/internal/interval"
)

// alongTable shows the means of accuracy and loss on test images along the training.
func (x *results) alongTable() string {
	choices := x.choices(onTest)
	cells, rule := []string{"accuracy, % / loss after epoch"}, []string{"---"}
	var epochs []int
	for _, c := range choices {
		runs, _ := x.finished(c, onTest)
		for i := len(epochs) + 1; i < pointsOf(runs); i++ { // the first point is before the training
			e := runs[0].Points[i].Epoch
			epochs, cells, rule = append(epochs, e), append(cells, fmt.Sprint(e)), append(rule, "---")
		}
	}
	table := rowOf(cells...) + rowOf(rule...)
	for _, c := range choices {
		cells := []string{x.name(c)}
		runs, _ := x.finished(c, onTest)
		for _, e := range epochs {
			cell := ""
			if a := after(runs, e, accuracy); a.N > 0 {
				cell = fmt.Sprintf("%.1f / %.3f", a.Mean, after(runs, e, loss).Mean)
			}
			cells = append(cells, cell)
		}
		table += rowOf(cells...)
	}
	return table
}

// after returns the interval of a number after an epoch, over the runs that were measured there.
func after(runs []*record, epoch int, of func(point) float64) interval.Interval {
	var list []float64
	for _, r := range runs {
		if p := r.at(epoch); p != nil {
			list = append(list, of(*p))
		}
	}
	return interval.Of(list)
}

// equalEpochsTable compares methods that train for fewer epochs with none after as many, for several experiments that differ
// in the share of wrong labels.
func equalEpochsTable(experiments []*results) string {
	columns := []column{{"accuracy, %", accuracy, 2, false}, {"loss (NLL)", loss, 3, false}, {"ECE, %", calibrated, 2, false}}
	table := head([]string{"wrong labels", "less none after as many epochs", "epochs"}, columns)
	for _, x := range experiments {
		for _, c := range x.choices(onTest) {
			var with, without []point
			for _, p := range x.pairs(c, onTest) {
				end := p.with.end()
				if then := p.without.at(end.Epoch); then != nil && end.Epoch < p.without.end().Epoch {
					with, without = append(with, end), append(without, *then)
				}
			}
			if len(with) == 0 || c.Kind == "stop" { // which is none after as many epochs
				continue
			}
			cells := []string{fmt.Sprintf("%v%%", 100*x.Settings.LabelNoise), x.name(c), fmt.Sprint(with[0].Epoch)}
			for _, column := range columns {
				cells = append(cells, interval.Paired(each(with, column.of), each(without, column.of)).Signed(column.decimals))
			}
			table += rowOf(cells...)
		}
	}
	return table
}

// each returns a number of every point.
func each(points []point, of func(point) float64) []float64 {
	var list []float64
	for _, p := range points {
		list = append(list, of(p))
	}
	return list
}
