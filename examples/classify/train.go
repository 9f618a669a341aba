package main

import (
	"context"
	"fmt"
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
	checkpoint string // the file that Fit goes on from
}

// newTraining prepares the run of a record.
func (x *experiment) newTraining(r *record) (*training, error) {
	s, kind := x.Settings, networks[x.Settings.Net]
	images, err := s.choose(x.images, r.Seed)
	if err != nil {
		return nil, err
	}
	if images.Len() < s.Batch {
		return nil, errors.Errorf("%d images to train on, fewer than a batch of %d", images.Len(), s.Batch)
	}
	t := &training{settings: s, record: r}
	net := kind.make(layers.Init{Seed: r.Seed})
	if t.classifier, err = layers.NewClassifier(net, s.Batch, kind.shape(images)...); err != nil {
		return nil, err
	}
	if t.meter, err = newMeter(net, t.classifier, s, images, x.images.test); err != nil {
		return nil, err
	}
	if t.batches, err = images.Loader(s.shuffled(images, r.Seed)); err != nil {
		return nil, err
	}
	if t.solver, err = s.newSolver(r.noise, r.Seed, t.batches.Len()); err != nil {
		return nil, err
	}
	t.checkpoint = x.file(fmt.Sprintf("%s-%s-%v-%d", checkpointName, r.Kind, r.Sigma, r.Seed))
	return t, nil
}

// close releases the batches and the meter's graph.
func (t *training) close() {
	t.batches.Close()
	t.meter.close()
}

// run makes the epochs that are left, measures along the way, and calls keep after each measurement.
func (t *training) run(ctx context.Context, advance func(epoch int), keep func() error) error {
	if _, err := os.Stat(t.checkpoint); errors.Is(err, fs.ErrNotExist) { // from the beginning
		if err := t.measure(ctx, 0, keep); err != nil {
			return err
		}
	}
	s := t.settings
	_, err := t.classifier.Fit(ctx, t.batches, t.solver, layers.FitConfig{
		Epochs:     s.Epochs,
		Checkpoint: t.checkpoint,
		Resume:     true,
		OnEpoch: func(e layers.Epoch) error {
			made := e.Epoch + 1
			advance(made)
			if made%s.EvalEvery != 0 && made%s.TraceEvery != 0 && made != s.Epochs {
				return nil
			}
			return t.measure(ctx, made, keep)
		},
	})
	return err
}

// measure adds a point to the record, in the place of those that an interrupted run may have measured at this epoch or later.
func (t *training) measure(ctx context.Context, epoch int, keep func() error) error {
	p, err := t.meter.point(ctx, epoch, epoch%t.settings.TraceEvery == 0 || epoch == t.settings.Epochs)
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

// shuffled is how training images come: in another order in each epoch, the last batch filled up from its beginning.
func (s *settings) shuffled(d *datasets.Dataset, seed uint64) datasets.LoaderConfig {
	config := s.inOrder(d)
	config.Shuffle, config.Seed, config.Last = true, seed, datasets.LastPad
	if s.Augment {
		config.Augment = datasets.Augmentation{Pad: 4, Flip: true}
	}
	return config
}

// inOrder is how images to measure with come.
func (s *settings) inOrder(d *datasets.Dataset) datasets.LoaderConfig {
	config := datasets.LoaderConfig{Batch: s.Batch}
	if !s.Normal {
		channels := d.Shape().Channels
		config.Mean, config.Std = make([]float64, channels), make([]float64, channels)
		for i := range config.Std {
			config.Std[i] = 1
		}
	}
	return config
}
