package main

import (
	"context"
	"encoding"
	"fmt"
	"os"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
)

// network is what -net chooses from.
type network struct {
	make func(layers.Init) *layers.Sequential
	flat bool // takes images as rows of numbers
}

var networks = map[string]network{
	"mlp1":     {make: layers.NewMLP1, flat: true},
	"mlp2":     {make: layers.NewMLP2, flat: true},
	"mlp3":     {make: layers.NewMLP3, flat: true},
	"cnn1":     {make: layers.NewCNN1},
	"cnn2":     {make: layers.NewCNN2},
	"cnn3":     {make: layers.NewCNN3},
	"resnet18": {make: layers.NewResNet18},
	"resnet34": {make: layers.NewResNet34},
	"vgg11":    {make: layers.NewVGG11},
}

// shape returns the shape of an image as the network takes it.
func (n network) shape(d *datasets.Dataset) []int {
	s := d.Shape()
	if n.flat {
		return []int{s.Size()}
	}
	return []int{s.Channels, s.Height, s.Width}
}

type opener = func(dir string, split datasets.Split, opts ...datasets.Option) (*datasets.Dataset, error)

// datasetsByName is what -dataset chooses from. The digits have no files.
var datasetsByName = map[string]opener{
	"digits":   nil,
	"mnist":    datasets.MNIST,
	"fashion":  datasets.FashionMNIST,
	"cifar10":  datasets.CIFAR10,
	"cifar100": datasets.CIFAR100,
}

// How many digits are drawn, and from which seeds those to test with: training digits have the seeds of the runs.
const (
	trainDigits    = 1000
	testDigits     = 2000
	testDigitsSeed = 1 << 32
)

// images are the data of an experiment.
type images struct{ train, test *datasets.Dataset }

// open reads the images.
func (s *settings) open(ctx context.Context) (images, error) {
	read := datasetsByName[s.Dataset]
	if read == nil {
		return images{test: datasets.Digits(testDigits, testDigitsSeed)}, nil
	}
	var opts []datasets.Option
	if s.download {
		opts = append(opts, datasets.WithDownload(ctx, datasets.Download{Progress: os.Stderr}))
	}
	train, err := read(s.data, datasets.Train, opts...)
	if err != nil {
		return images{}, err
	}
	test, err := read(s.data, datasets.Test, opts...)
	return images{train, test}, err
}

// choose returns the training images of a seed.
func (s *settings) choose(all images, seed uint64) (*datasets.Dataset, error) {
	switch {
	case all.train == nil && s.Subset == 0:
		return datasets.Digits(trainDigits, seed), nil
	case all.train == nil:
		return datasets.Digits(s.Subset, seed), nil
	case s.Subset == 0:
		return all.train, nil
	}
	return all.train.Subset(s.Subset, seed)
}

// noise is one of the noises that are compared.
type noise struct {
	Kind  string  `json:"noise"`
	Sigma float64 `json:"sigma"`
}

func (n noise) String() string {
	if n.Kind == "none" {
		return "no noise"
	}
	return fmt.Sprintf("%s, sigma %v", n.Kind, n.Sigma)
}

// solver is one whose training can be interrupted.
type solver interface {
	G.Solver
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// newSolver makes the solver of a run with the given steps in an epoch.
func (s *settings) newSolver(n noise, seed uint64, steps int) (solver, error) {
	base, err := s.newBase(steps)
	if err != nil || n.Kind == "none" {
		return base, err
	}
	opts := []optim.PerturbOpt{optim.WithSeed(seed)}
	if n.Kind == "all" {
		opts = append(opts, optim.WithSelection(optim.All()))
	}
	if s.NoiseEpochs > 0 {
		opts = append(opts, optim.WithSchedule(optim.Until(uint64(s.NoiseEpochs*steps))))
	}
	return optim.NewPerturbedSolver(base, n.Sigma, opts...)
}

func (s *settings) newBase(steps int) (solver, error) {
	schedule := optim.Constant(1)
	if s.Schedule == "cosine" {
		schedule = optim.Cosine(uint64(s.Epochs * steps))
	}
	decay, rate := optim.WithWeightDecay(s.WeightDecay), optim.WithLearnRateSchedule(schedule)
	switch s.Optimizer {
	case "adam":
		return optim.NewAdam(s.LearnRate, decay, rate)
	case "adamw":
		return optim.NewAdamW(s.LearnRate, decay, rate)
	}
	return optim.NewSGD(s.LearnRate, optim.WithMomentum(s.Momentum), decay, rate)
}
