package main

import (
	"context"
	"io/fs"
	"os"
	"slices"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
)

// training is a run in progress.
type training struct {
	settings   *settings
	record     *record
	classifier *layers.Classifier
	batches    *datasets.Loader
	solver     solver
	meter      *meter
	checkpoint string // the file from which Fit resumes; empty if the run starts over
}

// checkpointFrom is the number of steps per epoch from which on a perceptron writes a checkpoint after each epoch: shorter
// epochs take less time than writing one.
const checkpointFrom = 20

// newTraining prepares the run of a record.
func (x *experiment) newTraining(r *record) (*training, error) {
	s := x.Settings
	images, measured, err := s.imagesOf(x.images, r.task)
	if err != nil {
		return nil, err
	}
	kind, err := findNetwork(s.Net)
	if err != nil {
		return nil, err
	}
	dropout := 0.0
	if r.Kind == "dropout" {
		dropout = r.Strength
	}
	net := kind.build(images, r.Seed, dropout)
	t := &training{settings: s, record: r}
	if err := s.synchronise(net); err != nil {
		return nil, err
	}
	if t.classifier, err = layers.NewClassifier(net, s.batch(), kind.shape(images.Shape())...); err != nil {
		return nil, err
	}
	if err := s.join(t.classifier); err != nil {
		return nil, err
	}
	if t.meter, err = newMeter(net, t.classifier, s, images, measured); err != nil {
		return nil, err
	}
	if t.batches, err = images.Loader(s.shuffled(images, r.Seed)); err != nil {
		return nil, err
	}
	if kind.hidden == nil || t.batches.Len() >= checkpointFrom {
		t.checkpoint = x.runFile(r.task, ".checkpoint")
	}
	t.solver, err = s.newSolver(r.choice, r.Seed, t.batches.Len())
	return t, err
}

// close releases the batches and the meter's graph.
func (t *training) close() {
	t.batches.Close()
	t.meter.close()
}

// run makes the remaining epochs, measures along the way, and calls keep after each measurement.
func (t *training) run(ctx context.Context, advance func(epoch int), keep func() error) error {
	fresh, err := onFirst(t.settings, func() (bool, error) {
		_, err := os.Stat(t.checkpoint)
		return t.checkpoint == "" || errors.Is(err, fs.ErrNotExist), nil
	})
	if err != nil {
		return err
	}
	if fresh { // not resumed
		if err := t.measure(ctx, 0, keep); err != nil {
			return err
		}
	}
	epochs := t.settings.epochs(t.record.choice)
	_, err = t.classifier.Fit(ctx, t.batches, t.solver, layers.FitConfig{
		Epochs:     epochs,
		Checkpoint: t.checkpoint,
		Resume:     t.checkpoint != "",
		OnEpoch: func(e layers.Epoch) error {
			made := e.Number + 1
			advance(made)
			return t.measure(ctx, made, keep)
		},
	})
	return err
}

// measure adds a point to the record, if this is an epoch to measure after, replacing points that an interrupted run may
// have measured at this epoch or later. Runs that only serve to choose are measured at their end.
func (t *training) measure(ctx context.Context, epoch int, keep func() error) error {
	s, end := t.settings, epoch == t.settings.epochs(t.record.choice)
	trace := (end || epoch%s.TraceEvery == 0) && s.TraceImages > 0 && t.record.On == onTest
	if !end && !trace && (epoch%s.EvalEvery != 0 || t.record.On == onValidation) {
		return nil
	}
	p, err := t.meter.point(ctx, epoch, trace)
	if err != nil {
		return err
	}
	if !p.finite() {
		return errors.Wrapf(layers.ErrNotFinite, "after %d epochs", epoch)
	}
	t.record.Points = slices.DeleteFunc(t.record.Points, func(old point) bool { return old.Epoch >= epoch })
	t.record.Points = append(t.record.Points, p)
	return keep()
}
