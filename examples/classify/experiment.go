package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/layernoise/layernoise/internal/cli"
	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
)

// record is a run: its noise and seed, and what was measured.
type record struct {
	noise
	Seed   uint64  `json:"seed"`
	Points []point `json:"points"` // the first before the training

	// Done says that all epochs were made. Diverged is why they were not, where the loss was no longer finite.
	Done     bool   `json:"done"`
	Diverged string `json:"diverged,omitempty"`

	// Confusion is the confusion matrix of the test images at the end.
	Confusion layers.Confusion `json:"confusion,omitempty"`
}

// ended reports whether there is a run, and it came to its end with finite numbers.
func (r *record) ended() bool { return r != nil && r.Done && r.Diverged == "" }

// end returns what was measured last.
func (r *record) end() point { return r.Points[len(r.Points)-1] }

// String says how the run ended.
func (r *record) String() string {
	if !r.ended() {
		return r.Diverged
	}
	e := r.end()
	return fmt.Sprintf("test accuracy %.2f%%, loss %.4f", 100*e.TestAccuracy, e.TestLoss)
}

// experiment is a set of runs with the same settings, kept in a folder.
type experiment struct {
	Settings *settings `json:"settings"`
	Runs     []*record `json:"runs"`

	images images
	noises []noise // to compare, some of those in Runs
}

// openExperiment reads what the folder holds, if it is of these settings, and the images.
func openExperiment(ctx context.Context, s *settings, noises []noise) (*experiment, error) {
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return nil, errors.Wrap(err, "folder for the results")
	}
	x := &experiment{Settings: s, noises: noises}
	data, err := os.ReadFile(x.file(resultsName))
	switch {
	case err == nil:
		if err := x.take(data); err != nil {
			return nil, err
		}
	case !os.IsNotExist(err):
		return nil, errors.Wrap(err, "earlier results")
	}
	x.images, err = s.open(ctx)
	return x, err
}

// take takes over the runs of results that were saved before.
func (x *experiment) take(data []byte) error {
	var old struct {
		Settings json.RawMessage
		Runs     []*record
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return errors.Wrapf(err, "earlier results in %s", x.file(resultsName))
	}
	var of settings
	if err := json.Unmarshal(old.Settings, &of); err != nil {
		return errors.Wrapf(err, "earlier results in %s", x.file(resultsName))
	}
	before, err := json.Marshal(of)
	if err != nil {
		return err
	}
	now, err := json.Marshal(x.Settings)
	if err != nil {
		return err
	}
	if string(before) != string(now) {
		return cli.Usagef("-out %s holds results of other settings, %s, these are %s: name another folder", x.Settings.out, before, now)
	}
	x.Runs = old.Runs
	return nil
}

// resultsName, tableName, curvesName and mistakesName are the files of results; those that begin with checkpointName are of runs in progress.
const (
	resultsName  = "results.json"
	tableName    = "table.md"
	curvesName   = "curves.png"
	mistakesName = "mistakes.png"

	checkpointName = "checkpoint"
)

func (x *experiment) file(name string) string { return filepath.Join(x.Settings.out, name) }

// find returns the record of a noise and seed, nil if there is none.
func (x *experiment) find(n noise, seed uint64) *record {
	for _, r := range x.Runs {
		if r.noise == n && r.Seed == seed {
			return r
		}
	}
	return nil
}

// train makes the runs that are not there yet.
func (x *experiment) train(ctx context.Context) error {
	s := x.Settings
	bar := cli.Bar(len(x.noises)*s.seeds*s.Epochs, "epochs")
	for seed := uint64(1); seed <= uint64(s.seeds); seed++ {
		for _, n := range x.noises {
			r := x.find(n, seed)
			if r == nil {
				r = &record{noise: n, Seed: seed}
				x.Runs = append(x.Runs, r)
			}
			epoch := 0
			advance := func(to int) {
				_ = bar.Add(to - epoch)
				epoch = to
			}
			if !r.Done {
				if err := x.trainOne(ctx, r, advance); err != nil {
					return errors.WithMessagef(err, "%v, seed %d", n, seed)
				}
			}
			advance(s.Epochs)
			_ = bar.Clear() // the line below takes its place on a terminal
			fmt.Fprintf(os.Stderr, "%v, seed %d: %v\n", n, seed, r)
		}
	}
	if err := bar.Finish(); err != nil {
		return errors.Wrap(err, "progress bar")
	}
	return nil
}

// trainOne makes a run and saves it, also where it has diverged.
func (x *experiment) trainOne(ctx context.Context, r *record, advance func(epoch int)) error {
	t, err := x.newTraining(r)
	if err != nil {
		return err
	}
	defer t.close()
	err = t.run(ctx, advance, x.save)
	if errors.Is(err, layers.ErrNotFinite) {
		r.Diverged, err = err.Error(), nil
	}
	if err != nil {
		return err
	}
	if r.Diverged == "" {
		if r.Confusion, err = t.classifier.Confusion(ctx, t.meter.test); err != nil {
			return err
		}
	}
	r.Done = true
	if err := x.save(); err != nil {
		return err
	}
	if err := os.Remove(t.checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// save writes the results.
func (x *experiment) save() error {
	data, err := json.MarshalIndent(x, "", "\t")
	if err != nil {
		return errors.Wrap(err, "results")
	}
	return writeFile(x.file(resultsName), data)
}

// writeFile writes a file as package outfile does.
func writeFile(name string, data []byte) error {
	return outfile.Write(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// report writes table, curves and the lines that begin with result.
func (x *experiment) report(w io.Writer) error {
	table := x.table()
	fmt.Fprintln(w, table)
	for _, n := range x.noises {
		fmt.Fprintln(w, x.resultLine(n))
	}
	if err := writeFile(x.file(tableName), []byte(table)); err != nil {
		return err
	}
	if err := x.drawCurves(x.file(curvesName)); err != nil {
		return err
	}
	return x.drawMistakes(x.file(mistakesName))
}
