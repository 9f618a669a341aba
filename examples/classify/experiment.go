package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
	"github.com/schollz/progressbar/v3"
)

// experiment is a set of runs with the same settings, stored in a folder.
type experiment struct {
	results
	images images
}

// make makes the missing runs of the choices. In a sweep, those are first the runs on validation images, and then the runs
// on test images of the best choice of each kind.
func (x *experiment) make(ctx context.Context, choices []choice) error {
	s := x.Settings
	if s.sweep {
		tuning := tasks(choices, onValidation, tuneSeed, s.tuneSeeds)
		if err := x.train(ctx, tuning); err != nil {
			return err
		}
		if n := x.missing(tuning); n > 0 {
			x.tell("%d runs on validation images are left to others: when all are in %s, the same command goes on", n, x.file(runsFolder))
			return nil
		}
		choices = x.best(choices)
	}
	return x.train(ctx, tasks(choices, onTest, 0, s.seeds))
}

// missing returns how many of the runs have not been made.
func (x *experiment) missing(list []task) int {
	n := 0
	for _, t := range list {
		if r := x.find(t); r == nil || !r.Done {
			n++
		}
	}
	return n
}

// tell writes a line to standard error, from only one of the processes that make a run together.
func (x *experiment) tell(format string, args ...any) {
	if x.Settings.first() {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}

// tasks lists runs of all choices with the given number of seeds after first.
func tasks(choices []choice, on string, first, seeds int) []task {
	var list []task
	for seed := range seeds {
		for _, c := range choices {
			list = append(list, task{c, on, uint64(first + seed + 1)})
		}
	}
	return list
}

// pause is how long a process waits while others make the remaining runs.
const pause = time.Second

// train makes those of this process's runs that no process has made yet, and waits for other processes to finish theirs,
// unless this process makes only a part. At the end it has read all runs in the folder.
func (x *experiment) train(ctx context.Context, all []task) error {
	epochs, left := 0, x.Settings.mine(all)
	for _, t := range left {
		epochs += x.Settings.epochs(t.choice)
	}
	bar := progressbar.DefaultSilent(int64(epochs))
	if x.Settings.reports() {
		bar = cli.Bar(epochs, "epochs")
	}
	for len(left) > 0 {
		var elsewhere []task
		for _, t := range left {
			made := 0
			r, err := x.trainOne(ctx, t, func(to int) {
				_ = bar.Add(to - made)
				made = to
			})
			if err != nil {
				return errors.WithMessage(err, t.String())
			}
			if r == nil {
				elsewhere = append(elsewhere, t)
				continue
			}
			_ = bar.Add(x.Settings.epochs(t.choice) - made)
			_ = bar.Clear() // make room for the line below on a terminal
			x.tell("%v: %s", t, r.outcome())
		}
		if x.Settings.parts > 0 {
			break
		}
		if len(elsewhere) == len(left) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
		}
		left = elsewhere
	}
	if err := bar.Finish(); err != nil {
		return errors.Wrap(err, "progress bar")
	}
	runs, err := onFirst(x.Settings, func() ([]*record, error) {
		err := x.gather()
		return x.Runs, err
	})
	x.Runs = runs
	return err
}

// claimed is a run that this process may make, or has made, unless another process is making it.
type claimed struct {
	Elsewhere bool
	Run       *record // progress so far, nil for none
}

// trainOne returns a run, making it if necessary; nil if another process is making it.
func (x *experiment) trainOne(ctx context.Context, t task, advance func(epoch int)) (*record, error) {
	if r := x.find(t); r != nil && r.Done {
		return r, nil
	}
	var release func()
	c, err := onFirst(x.Settings, func() (c claimed, err error) {
		if release, err = x.claim(t); err != nil || release == nil {
			return claimed{Elsewhere: true}, err
		}
		c.Run, err = x.read(x.runFile(t, ".json")) // another process may have worked on it
		return c, err
	})
	if release != nil {
		defer release()
	}
	if err != nil || c.Elsewhere {
		return nil, err
	}
	r := c.Run
	if r == nil {
		if r = x.find(t); r == nil {
			r = &record{task: t}
		}
	}
	x.adopt(r)
	if r.Done {
		return r, nil
	}
	return r, x.complete(ctx, r, advance)
}

// complete makes the rest of a run and stores it, even if it has diverged.
func (x *experiment) complete(ctx context.Context, r *record, advance func(epoch int)) error {
	t, err := x.newTraining(r)
	if err != nil {
		return err
	}
	defer t.close()
	err = t.run(ctx, advance, func() error { return x.keep(r) })
	if errors.Is(err, layers.ErrNotFinite) {
		r.Diverged, err = err.Error(), nil
	}
	if err != nil {
		return err
	}
	if r.Diverged == "" && r.On == onTest {
		if r.Confusion, err = t.classifier.Confusion(ctx, t.meter.measured); err != nil {
			return err
		}
	}
	r.Done = true
	if err := x.keep(r); err != nil {
		return err
	}
	if t.checkpoint == "" || !x.Settings.first() {
		return nil
	}
	if err := os.Remove(t.checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// best returns, for each kind, the choice that did best on validation images: by the mean of accuracy or loss over its runs,
// all of which must have finished, and by the other number if they are equal.
func (x *experiment) best(choices []choice) []choice {
	var list []choice
	for _, name := range kindNames {
		var of []choice
		for _, c := range choices {
			if runs, diverged := x.finished(c, onValidation); c.Kind == name && len(runs) > 0 && diverged == 0 {
				of = append(of, c)
			}
		}
		if len(of) > 0 {
			list = append(list, slices.MaxFunc(of, x.better))
		}
	}
	return list
}

// better compares two choices by their runs on validation images.
func (x *experiment) better(a, b choice) int {
	compare := func(of func(point) float64) int {
		with, without := x.over(a, onValidation, of).Mean, x.over(b, onValidation, of).Mean
		switch {
		case with > without:
			return 1
		case with < without:
			return -1
		}
		return 0
	}
	byAccuracy, byLoss := compare(accuracy), -compare(loss)
	if x.Settings.choose == "loss" {
		byAccuracy, byLoss = byLoss, byAccuracy
	}
	if byAccuracy != 0 {
		return byAccuracy
	}
	return byLoss
}
