package main

import (
	"context"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
)

// trainOne makes a run, from its checkpoint if there is one, and saves the results after each evaluation.
func (x *experiment) trainOne(ctx context.Context, r *record, advance func(epoch int)) error {
	s, kind := x.Settings, networks[x.Settings.Net]
	train, err := s.choose(x.images, r.Seed)
	if err != nil {
		return err
	}
	if train.Len() < s.Batch {
		return errors.Errorf("%d images to train on, fewer than a batch of %d", train.Len(), s.Batch)
	}
	net := kind.make(layers.Init{Seed: r.Seed})
	classifier, err := layers.NewClassifier(net, s.Batch, kind.shape(train)...)
	if err != nil {
		return err
	}
	meter, err := newMeter(net, classifier, s, train, x.images.test)
	if err != nil {
		return err
	}
	defer meter.close()
	loader, err := train.Loader(s.shuffled(train, r.Seed))
	if err != nil {
		return err
	}
	defer loader.Close()
	solver, err := s.newSolver(r.noise, r.Seed, loader.Len())
	if err != nil {
		return err
	}
	c := &checkpoint{name: x.file(checkpointName), net: net, solver: solver, off: kind.dropout}
	if r.Points, err = c.load(r); err != nil {
		return err
	}
	measure := func(epoch int) error {
		p, err := meter.point(ctx, epoch, epoch%s.TraceEvery == 0 || epoch == s.Epochs)
		if err != nil {
			return err
		}
		if !p.finite() {
			return errors.Wrapf(layers.ErrNotFinite, "after %d epochs", epoch)
		}
		r.Points = append(r.Points, p)
		return nil
	}
	if len(r.Points) == 0 {
		if err := measure(0); err != nil {
			return err
		}
	}
	first := r.end().Epoch
	advance(first)
	_, err = classifier.Fit(ctx, loader, solver, layers.FitConfig{
		FirstEpoch: first,
		Epochs:     s.Epochs - first,
		OnEpoch: func(e layers.Epoch) error {
			made := e.Epoch + 1
			advance(made)
			if made%s.EvalEvery != 0 && made%s.TraceEvery != 0 && made != s.Epochs {
				return nil
			}
			if err := measure(made); err != nil {
				return err
			}
			return c.save(r)
		},
	})
	if errors.Is(err, layers.ErrNotFinite) {
		r.Diverged, err = err.Error(), nil
	}
	if err != nil {
		return err
	}
	r.Done = true
	if err := x.save(); err != nil {
		return err
	}
	return c.remove()
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
