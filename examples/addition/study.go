package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
)

// tuningSeed is added to the seeds of the tuning, so that they differ from the seeds compared.
const tuningSeed = 1000

// A study is the runs of a tuning and of the comparison after it, stored in a folder.
type study struct {
	Settings settings  `json:"settings"`
	Runs     []*record `json:"runs"`

	Best []trial `json:"best"` // the choice of the tuning, for each kind and weight decay
}

// openStudy reads the results in the folder, which must have the same settings.
func openStudy(s settings) (*study, error) {
	x := &study{Settings: s}
	data, err := os.ReadFile(x.file("results.json"))
	if os.IsNotExist(err) {
		return x, nil
	}
	if err != nil {
		return nil, errors.Wrap(err, "earlier results")
	}
	var old study
	if err := json.Unmarshal(data, &old); err != nil {
		return nil, errors.Wrapf(err, "earlier results in %s", x.file("results.json"))
	}
	if now, before := s.numbers(), old.Settings.numbers(); now != before {
		return nil, cli.Usagef("-out %s holds results of other settings, %s, these are %s: name another folder", s.out, before, now)
	}
	x.Runs = old.Runs
	return x, nil
}

// numbers returns the settings that determine the numbers of a run.
func (s settings) numbers() string {
	data, _ := json.Marshal(s) // cannot fail: no number is infinite
	return string(data)
}

func (x *study) file(name string) string { return filepath.Join(x.Settings.out, name) }

// find returns a run, nil if there is none yet.
func (x *study) find(t trial, seed uint64) *record {
	for _, r := range x.Runs {
		if r.trial == t && r.Seed == seed {
			return r
		}
	}
	return nil
}

// run makes the missing runs: for each kind and weight decay those of the tuning, and then those to be compared, of the best
// trial.
func (x *study) run(ctx context.Context) error {
	s := x.Settings
	bar := cli.Bar(len(s.weightDecays)*len(kinds), "kinds and weight decays")
	for _, decay := range s.weightDecays {
		for _, k := range kinds {
			best, err := x.tune(ctx, k, decay)
			if err != nil {
				return err
			}
			x.Best = append(x.Best, best)
			for seed := 1; seed <= s.seeds; seed++ {
				if _, err := x.make(ctx, best, uint64(seed), s.Steps); err != nil {
					return err
				}
			}
			_ = bar.Add(1)
		}
	}
	_ = bar.Finish()
	return x.save()
}

// tune returns the trial of a kind whose runs take the fewest steps in total, counting all steps for runs that do not reach
// the goal; the first among equal ones. A trial is abandoned once it has taken as many steps as the best before it.
func (x *study) tune(ctx context.Context, k kind, decay float64) (best trial, err error) {
	least := 0 // steps of the best
	for i, t := range k.trials(decay) {
		left := least
		if i == 0 {
			left = x.Settings.tuningRuns*x.Settings.Steps + 1
		}
		taken := 0
		for run := 0; run < x.Settings.tuningRuns && taken < left; run++ {
			r, err := x.make(ctx, t, tuningSeed+1+uint64(run), min(x.Settings.Steps, left-taken))
			if err != nil {
				return best, err
			}
			taken += r.Steps
		}
		if taken < left {
			best, least = t, taken
		}
	}
	return best, nil
}

// make returns a run, from the stored results if it is there.
func (x *study) make(ctx context.Context, t trial, seed uint64, limit int) (*record, error) {
	if r := x.find(t, seed); r != nil {
		return r, nil
	}
	r, err := train(ctx, x.Settings, t, seed, limit)
	if err != nil {
		return nil, errors.WithMessagef(err, "%v, seed %d", t, seed)
	}
	x.Runs = append(x.Runs, r)
	return r, x.save()
}

// best returns the tuning's choice for a kind.
func (x *study) best(k kind, decay float64) trial {
	return x.Best[slices.IndexFunc(x.Best, func(t trial) bool { return t.Kind == k.name && t.WeightDecay == decay })]
}

// compared returns the runs of a trial that are compared, by seed.
func (x *study) compared(t trial) []*record {
	var runs []*record
	for seed := 1; seed <= x.Settings.seeds; seed++ {
		runs = append(runs, x.find(t, uint64(seed)))
	}
	return runs
}

// save writes results.json.
func (x *study) save() error {
	return outfile.Write(x.file("results.json"), func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetIndent("", "\t")
		if err := out.Encode(x); err != nil {
			return fmt.Errorf("results: %w", err)
		}
		return nil
	})
}
