package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/interval"
	"gonum.org/v1/gonum/stat"
)

// pilotSeed is the seed of the runs with which the sigmas were chosen. Runs with this or a larger seed are measured on
// validation images, and appear only in the table of that choice.
const pilotSeed = 101

// metric is a number of a run.
type metric struct {
	name     string
	of       func(*record) float64
	decimals int
}

var (
	accuracy = metric{"test accuracy, %", func(r *record) float64 { return 100 * r.TestAccuracy }, 1}
	loss     = metric{"test loss", func(r *record) float64 { return r.TestLoss }, 3}
)

// group is runs that differ only in noise, width and seed.
type group struct {
	dataset, scale string
	sigma          float64
}

// key returns the key of a run. Without noise it is the same for all sigmas, and for all scales with the same kind of
// initial weights.
func (g group) key(noise string, width int, seed uint64) key {
	k := key{g.dataset, g.scale, noise, g.sigma, width, seed}
	if noise == "none" {
		k.Sigma = 0
		if !scaleOf(g.scale).small {
			k.Scale = "absolute"
		}
	}
	return k
}

func (g group) String() string { return fmt.Sprintf("%s, sigma %v", scaleOf(g.scale).label, g.sigma) }

// groups returns the groups of runs with noise, in the order of the tables.
func (x results) groups(dataset string) []group {
	var list []group
	for _, k := range x.keys() {
		if g := (group{k.Dataset, k.Scale, k.Sigma}); k.Dataset == dataset && k.Noise != "none" && k.Seed < pilotSeed && !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}

// datasets returns the names of the data sets trained on.
func (x results) datasets() []string { return distinct(x, func(k key) string { return k.Dataset }) }

// widths returns the widths of the networks, from narrow to wide.
func (x results) widths() []int {
	list := distinct(x, func(k key) int { return k.Width })
	slices.Sort(list)
	return list
}

// distinct returns the distinct values of a property of the keys, over the runs for the tables.
func distinct[T comparable](x results, of func(key) T) []T {
	var list []T
	for _, k := range x.keys() {
		if v := of(k); k.Seed < pilotSeed && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// finished returns the run of a key, if it finished.
func (x results) finished(k key) *record {
	if r := x[k]; r != nil && r.Diverged == "" {
		return r
	}
	return nil
}

// mean returns the interval of a metric over the seeds for which it is known.
func (x results) mean(g group, noise string, width int, m metric) interval.Interval {
	var numbers []float64
	for seed := uint64(1); seed < pilotSeed; seed++ {
		if r := x.finished(g.key(noise, width, seed)); r != nil && !math.IsNaN(m.of(r)) {
			numbers = append(numbers, m.of(r))
		}
	}
	return interval.Of(numbers)
}

// difference returns the interval of the paired difference in a metric between two kinds of noise.
func (x results) difference(g group, noise, less string, width int, m metric) interval.Interval {
	var with, without []float64
	for seed := uint64(1); seed < pilotSeed; seed++ {
		a, b := x.finished(g.key(noise, width, seed)), x.finished(g.key(less, width, seed))
		if a != nil && b != nil {
			with, without = append(with, m.of(a)), append(without, m.of(b))
		}
	}
	return interval.Paired(with, without)
}

// comparisons are the differences shown by the tables.
var comparisons = []struct{ name, noise, less string }{
	{"layer less none", "layer", "none"},
	{"all less none", "all", "none"},
	{"all less layer", "all", "layer"},
}

// tables returns the results as Markdown.
func (x results) tables() string {
	var b strings.Builder
	if chosen := x.choiceTable(); chosen != "" {
		fmt.Fprintf(&b, "**The choice of sigma**\n\n%s\n", chosen)
	}
	for _, dataset := range x.datasets() {
		for _, m := range []metric{loss, accuracy} {
			fmt.Fprintf(&b, "**%s, %s**\n\n%s\n", titles[dataset], m.name, x.table(dataset, m))
		}
		if moved := x.movedTable(dataset); moved != "" {
			fmt.Fprintf(&b, "**%s, by how much noise moves the outputs**\n\n%s\n", titles[dataset], moved)
		}
	}
	if n := x.diverged(); n > 0 {
		fmt.Fprintf(&b, "%d runs diverged and are in no mean.\n", n)
	}
	return b.String()
}

var titles = map[string]string{"digits": "Drawn digits", "fashion": "Fashion-MNIST"}

// diverged counts the runs that did not finish.
func (x results) diverged() int {
	n := 0
	for _, r := range x {
		if r.Diverged != "" {
			n++
		}
	}
	return n
}

// table shows a metric by width: the mean without noise, and the paired differences, in bold if their interval excludes
// zero.
func (x results) table(dataset string, m metric) string {
	var b strings.Builder
	widths := x.widths()
	fmt.Fprint(&b, "| |")
	for _, w := range widths {
		fmt.Fprintf(&b, " %d |", w)
	}
	fmt.Fprintf(&b, " tenfold |\n|---|%s\n", strings.Repeat("---|", len(widths)+1))
	row := func(name string, cell func(width int) string, trend string) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, w := range widths {
			fmt.Fprintf(&b, " %s |", cell(w))
		}
		fmt.Fprintf(&b, " %s |\n", trend)
	}
	seen := ""
	for _, g := range x.groups(dataset) {
		if plain := g.key("none", 0, 0).Scale; plain != seen {
			seen = plain
			name := "none, PyTorch's initial weights"
			if scaleOf(g.scale).small {
				name = "none, initial weights of variance 1/width"
			}
			row(name, func(w int) string { return x.mean(g, "none", w, m).Text(m.decimals) }, "")
		}
		row("*"+g.String()+"*", func(w int) string { return seeds(x.difference(g, "all", "layer", w, m)) },
			seeds(x.trend(g, "all", "layer", m)))
		for _, c := range comparisons {
			row(c.name, func(w int) string { return m.bold(x.difference(g, c.noise, c.less, w, m)) }, m.bold(x.trend(g, c.noise, c.less, m)))
		}
	}
	return b.String()
}

// trend returns how much a difference grows when a network becomes ten times as wide: the mean over the seeds of the
// least-squares slope over the logarithm of the width. Seeds with fewer than three widths are left out.
func (x results) trend(g group, noise, less string, m metric) interval.Interval {
	var slopes []float64
	widths := x.widths()
	for seed := uint64(1); seed < pilotSeed; seed++ {
		var logs, differences []float64
		for _, width := range widths {
			a, b := x.finished(g.key(noise, width, seed)), x.finished(g.key(less, width, seed))
			if a != nil && b != nil {
				logs, differences = append(logs, math.Log10(float64(width))), append(differences, m.of(a)-m.of(b))
			}
		}
		if len(logs) >= 3 {
			_, slope := stat.LinearRegression(logs, differences, nil, false)
			slopes = append(slopes, slope)
		}
	}
	return interval.Of(slopes)
}

// bold formats an interval, in bold if it excludes zero.
func (m metric) bold(i interval.Interval) string {
	if i.ExcludesZero() {
		return "**" + i.Signed(m.decimals) + "**"
	}
	return i.Signed(m.decimals)
}

// movedTable shows the effect of noise on trained networks: the expected squared change of the ten outputs by noise on one
// layer at a time and by noise on all at once, and the squared size of the outputs, at the scales' own sigmas.
func (x results) movedTable(dataset string) string {
	var b strings.Builder
	widths := x.widths()
	for _, g := range x.groups(dataset) {
		if g.sigma != scaleOf(g.scale).sigma {
			continue
		}
		for i, mode := range modes {
			cells, some := "", false
			for _, width := range widths {
				layer := x.mean(g, mode, width, metric{of: func(r *record) float64 { return r.moves().Layer }})
				all := x.mean(g, mode, width, metric{of: func(r *record) float64 { return r.moves().All }})
				outputs := x.mean(g, mode, width, metric{of: func(r *record) float64 { return r.moves().Outputs }})
				if layer.N == 0 {
					cells += "  |"
					continue
				}
				cells, some = cells+fmt.Sprintf(" %.0f, %.0f of %.0f |", layer.Mean, all.Mean, outputs.Mean), true
			}
			if !some || i == 0 && g.scale != g.key("none", 0, 0).Scale { // without noise it is the absolute scale's
				continue
			}
			if b.Len() == 0 {
				fmt.Fprint(&b, "| trained with |")
				for _, w := range widths {
					fmt.Fprintf(&b, " %d |", w)
				}
				fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---|", len(widths)))
			}
			fmt.Fprintf(&b, "| %v: %s |%s\n", g, mode, cells)
		}
	}
	return b.String()
}

// seeds describes the number of pairs.
func seeds(i interval.Interval) string {
	switch i.N {
	case 0:
		return ""
	case 1:
		return "1 seed"
	}
	return fmt.Sprintf("%d seeds", i.N)
}

// choiceTable shows the runs with which sigmas were chosen: means of their accuracies with noise on one layer at a time.
func (x results) choiceTable() string {
	var b strings.Builder
	var datasets []string
	var groups []group
	var width int
	accuracies := map[group][]float64{}
	seeds := map[uint64]bool{}
	for _, k := range x.keys() {
		r := x.finished(k)
		if k.Seed < pilotSeed || k.Noise != "layer" || r == nil {
			continue
		}
		if any := (group{"", k.Scale, k.Sigma}); !slices.Contains(groups, any) {
			groups = append(groups, any)
		}
		if !slices.Contains(datasets, k.Dataset) {
			datasets = append(datasets, k.Dataset)
		}
		g := group{k.Dataset, k.Scale, k.Sigma}
		accuracies[g], seeds[k.Seed], width = append(accuracies[g], 100*r.TestAccuracy), true, k.Width
	}
	if len(groups) == 0 {
		return ""
	}
	fmt.Fprintf(&b, "| validation accuracy, %%, layer, width %d, %d seeds | %s | mean |\n|---|%s---|\n",
		width, len(seeds), strings.Join(datasets, " | "), strings.Repeat("---|", len(datasets)))
	for _, g := range groups {
		row, sum := "| "+g.String()+" |", 0.0
		for _, g.dataset = range datasets {
			mean := stat.Mean(accuracies[g], nil) // NaN for none
			sum += mean
			row += fmt.Sprintf(" %.2f |", mean)
		}
		if !math.IsNaN(sum) {
			fmt.Fprintf(&b, "%s %.2f |\n", row, sum/float64(len(datasets)))
		}
	}
	return b.String()
}
