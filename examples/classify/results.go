package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/layernoise/layernoise/examples/internal/interval"
	"github.com/pkg/errors"
)

// results are runs with the same settings: the data of all tables and pictures.
type results struct {
	Settings *settings
	Runs     []*record
}

// MarshalJSON writes a line for each run, in the order of tables, so that files of results can be compared line by line.
func (x *results) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	settings, err := json.Marshal(x.Settings)
	if err != nil {
		return nil, errors.Wrap(err, "settings")
	}
	fmt.Fprintf(&b, "{\"settings\": %s,\n\"runs\": [", settings)
	slices.SortFunc(x.Runs, func(a, b *record) int { return a.task.compare(b.task) })
	for i, r := range x.Runs {
		line, err := json.Marshal(r)
		if err != nil {
			return nil, errors.Wrapf(err, "run %v", r.task)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n%s", line)
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}

// readResults reads what MarshalJSON wrote.
func readResults(data []byte) (*results, error) {
	var x struct {
		Settings *settings
		Runs     []*record
	}
	if err := json.Unmarshal(data, &x); err != nil {
		return nil, errors.Wrap(err, "results")
	}
	if x.Settings == nil {
		return nil, errors.New("results without settings")
	}
	return &results{x.Settings, x.Runs}, nil
}

// compare orders tasks as in tables and results.
func (t task) compare(o task) int {
	return cmp.Or(cmp.Compare(t.On, o.On), t.choice.compare(o.choice), cmp.Compare(t.Seed, o.Seed))
}

func (c choice) compare(o choice) int {
	return cmp.Or(cmp.Compare(slices.Index(kindNames, c.Kind), slices.Index(kindNames, o.Kind)),
		cmp.Compare(c.Strength, o.Strength), cmp.Compare(c.LearnRate, o.LearnRate))
}

// find returns the run of a task, nil if there is none.
func (x *results) find(t task) *record {
	for _, r := range x.Runs {
		if r.task == t {
			return r
		}
	}
	return nil
}

// choices returns those that have runs on the given images, in the order of tables.
func (x *results) choices(on string) []choice {
	var list []choice
	for _, r := range x.Runs {
		if r.On == on && r.Done && !slices.Contains(list, r.choice) {
			list = append(list, r.choice)
		}
	}
	slices.SortFunc(list, choice.compare)
	return list
}

// finished returns the runs of a choice that finished, by seed, and how many diverged.
func (x *results) finished(c choice, on string) (list []*record, diverged int) {
	for _, r := range x.Runs {
		switch {
		case r.choice != c || r.On != on:
		case r.ended():
			list = append(list, r)
		case r.Diverged != "":
			diverged++
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(a.Seed, b.Seed) })
	return list, diverged
}

// over returns the interval of a number at the end of a choice's runs.
func (x *results) over(c choice, on string, of func(point) float64) interval.Interval {
	var list []float64
	runs, _ := x.finished(c, on)
	for _, r := range runs {
		list = append(list, of(r.end()))
	}
	return interval.Of(list)
}

// baseline returns the choice without any method to compare c with: that of the same learning rate, or the only one.
func (x *results) baseline(c choice, on string) (none choice, found bool) {
	var all []choice
	for _, o := range x.choices(on) {
		if o.Kind == "none" {
			all = append(all, o)
		}
	}
	for _, o := range all {
		if o.LearnRate == c.LearnRate {
			return o, c.Kind != "none"
		}
	}
	if len(all) == 1 {
		return all[0], c.Kind != "none"
	}
	return none, false
}

// pair is a run and the run without any method with the same seed.
type pair struct{ with, without *record }

// pairs returns the runs of a choice that have such a counterpart.
func (x *results) pairs(c choice, on string) []pair {
	none, found := x.baseline(c, on)
	if !found {
		return nil
	}
	var list []pair
	runs, _ := x.finished(c, on)
	for _, r := range runs {
		if plain := x.find(task{none, on, r.Seed}); plain.ended() {
			list = append(list, pair{r, plain})
		}
	}
	return list
}

// difference returns the interval of the paired difference in a number between a choice's runs and those without any method.
func (x *results) difference(c choice, on string, of func(point) float64) interval.Interval {
	var with, without []float64
	for _, p := range x.pairs(c, on) {
		with, without = append(with, of(p.with.end())), append(without, of(p.without.end()))
	}
	return interval.Paired(with, without)
}
