package main

import (
	"context"
	"os"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/cli"
)

// source is a data set that -dataset can select.
type source struct {
	read    func(dir string, split datasets.Split, opts ...datasets.Option) (*datasets.Dataset, error) // nil for the digits
	shape   datasets.Shape
	classes int
}

var (
	grey   = datasets.Shape{Channels: 1, Height: 28, Width: 28}
	colour = datasets.Shape{Channels: 3, Height: 32, Width: 32}
)

var datasetsByName = map[string]source{
	"digits":   {nil, grey, 10},
	"mnist":    {datasets.MNIST, grey, 10},
	"fashion":  {datasets.FashionMNIST, grey, 10},
	"cifar10":  {datasets.CIFAR10, colour, 10},
	"cifar100": {datasets.CIFAR100, colour, 100},
}

// How many digits are drawn, and the seeds of those to evaluate on: training digits have the seeds of the runs. The last is
// the seed of the split into training and validation images.
const (
	trainDigits    = 1000
	testDigits     = 2000
	testDigitsSeed = 1 << 32
	validationSeed = 1 << 33
)

// images holds the data of an experiment.
type images struct {
	train, test      *datasets.Dataset // train is nil for digits, which are drawn
	validation, rest *datasets.Dataset // the two parts of train in a sweep
}

// open reads the images.
func (s *settings) open(ctx context.Context) (images, error) {
	read := datasetsByName[s.Dataset].read
	if read == nil {
		all := images{test: datasets.Digits(testDigits, testDigitsSeed)}
		if s.sweep {
			all.validation = datasets.Digits(s.Validate, validationSeed)
		}
		return all, nil
	}
	var opts []datasets.Option
	if s.download {
		opts = append(opts, datasets.WithDownload(ctx, datasets.Download{Progress: os.Stderr}))
	}
	var all images
	var err error
	if all.train, err = read(s.data, datasets.Train, opts...); err != nil {
		return all, cli.Data(err)
	}
	if all.test, err = read(s.data, datasets.Test, opts...); err != nil {
		return all, cli.Data(err)
	}
	n := all.train.Len()
	if s.sweep {
		if s.Validate >= n {
			return all, cli.Usagef("-validate %d, and there are %d images to train on", s.Validate, n)
		}
		if all.validation, all.rest, err = all.train.Split(s.Validate, validationSeed); err != nil {
			return all, err
		}
		n = all.rest.Len()
	}
	if s.Subset > n {
		return all, cli.Usagef("-subset %d, and there are %d images to train on", s.Subset, n)
	}
	if s.Batch > n {
		return all, cli.Usagef("-batch %d, and there are %d images to train on", s.Batch, n)
	}
	return all, nil
}

// imagesOf returns the images that a run trains on, and those that it is evaluated on.
func (s *settings) imagesOf(all images, t task) (train, measured *datasets.Dataset, err error) {
	pool, measured := all.train, all.test
	if t.On == onValidation {
		pool, measured = all.rest, all.validation
	}
	switch {
	case pool == nil && s.Subset == 0:
		train = datasets.Digits(trainDigits, t.Seed)
	case pool == nil:
		train = datasets.Digits(s.Subset, t.Seed)
	case s.Subset == 0:
		train = pool
	default:
		if train, err = pool.Subset(s.Subset, t.Seed); err != nil {
			return nil, nil, err
		}
	}
	train, err = train.WithLabelNoise(s.LabelNoise, t.Seed)
	return train, measured, err
}

// shuffled configures training images: in another order in each epoch, with the last batch padded from the beginning of the
// epoch.
func (s *settings) shuffled(d *datasets.Dataset, seed uint64) datasets.LoaderConfig {
	config := s.shared(d)
	config.Shuffle, config.Seed, config.Last = true, seed, datasets.LastPad
	if s.Augment != "none" {
		config.Augment = datasets.Augmentation{Pad: 4, Flip: true, Reflect: s.Augment == "reflect"}
	}
	return config
}

// shared configures images in order, for the ranks that make a run together.
func (s *settings) shared(d *datasets.Dataset) datasets.LoaderConfig {
	config := s.inOrder(d)
	config.Batch = s.batch()
	if s.team != nil {
		config.Rank, config.Ranks = s.team.Rank(), s.team.Size()
	}
	return config
}

// inOrder configures images to evaluate on.
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
