package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/examples/internal/survival"
	"github.com/layernoise/layernoise/internal/outfile"
)

// report writes the table, to w and to table.md, and the picture.
func (x *study) report(w io.Writer) error {
	table := x.table()
	if err := outfile.Write(x.file("table.md"), func(file io.Writer) error {
		_, err := io.WriteString(file, table)
		return err
	}); err != nil {
		return err
	}
	if err := figure.Save(x.file("survival.png"), x.panels()...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s\npicture: %s\n", table, x.file("survival.png"))
	return err
}

// table returns a line for each weight decay and kind.
func (x *study) table() string {
	var out strings.Builder
	fmt.Fprintln(&out, "| weight decay | kind | tuned to | arrived | median of steps | first, last | sooner than none : later |")
	fmt.Fprintln(&out, "|---|---|---|---|---|---|---|")
	for _, decay := range x.Settings.weightDecays {
		none := x.observed(kinds[0], decay)
		for _, k := range kinds {
			runs := x.observed(k, decay)
			fmt.Fprintf(&out, "| %v | %s | %s | %s | %s | %s | %s |\n",
				decay, k.name, tuned(k, x.best(k, decay)), arrived(runs), x.median(runs), spread(runs), against(k, runs, none))
		}
	}
	return out.String()
}

// observed returns the runs of a kind in the form of package survival, by seed.
func (x *study) observed(k kind, decay float64) []survival.Run {
	var runs []survival.Run
	for _, r := range x.compared(x.best(k, decay)) {
		runs = append(runs, r.observed())
	}
	return runs
}

func tuned(k kind, t trial) string {
	if k.strength == "" {
		return fmt.Sprintf("lr %v", t.LearnRate)
	}
	return fmt.Sprintf("lr %v, %s %v", t.LearnRate, k.strength, t.Strength)
}

func arrived(runs []survival.Run) string {
	n := 0
	for _, r := range runs {
		if r.Happened {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(runs))
}

// median returns the Kaplan-Meier median.
func (x *study) median(runs []survival.Run) string {
	m := survival.KaplanMeier(runs).Median()
	if math.IsInf(m, 1) {
		return fmt.Sprintf("over %d", x.Settings.Steps)
	}
	return fmt.Sprint(m)
}

// spread returns the steps of the first and the last run to reach the goal, or says that not all did.
func spread(runs []survival.Run) string {
	first, last, all := math.Inf(1), 0.0, true
	for _, r := range runs {
		if r.Happened {
			first, last = min(first, r.Time), max(last, r.Time)
		}
		all = all && r.Happened
	}
	switch {
	case math.IsInf(first, 1):
		return ""
	case !all:
		return fmt.Sprintf("%v, never", first)
	}
	return fmt.Sprintf("%v, %v", first, last)
}

// against compares runs with those of the same seeds without noise.
func against(k kind, runs, none []survival.Run) string {
	if k.name == kinds[0].name {
		return ""
	}
	sooner, later := 0, 0
	for i := range runs {
		switch survival.Before(runs[i], none[i]) {
		case -1:
			sooner++
		case 1:
			later++
		}
	}
	return fmt.Sprintf("%d : %d (p %.2g)", sooner, later, survival.SignTest(sooner, later))
}

// panels shows the share of runs that have reached the goal, over the steps.
func (x *study) panels() []figure.Panel {
	var panels []figure.Panel
	for _, decay := range x.Settings.weightDecays {
		panel := figure.Panel{
			Title: fmt.Sprintf("Weight decay %v, %d seeds", decay, x.Settings.seeds),
			X:     "steps", Y: fmt.Sprintf("share of runs at %v of test accuracy", goal),
			ToY: 1,
		}
		for _, k := range kinds {
			c := figure.Curve{Name: k.name, Line: true, Colour: k.colour, Variant: k.variant}
			c.X, c.Y = survival.KaplanMeier(x.observed(k, decay)).Happened(float64(x.Settings.Steps))
			panel.Curves = append(panel.Curves, c)
		}
		panels = append(panels, panel)
	}
	return panels
}
