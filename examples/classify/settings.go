package main

import (
	"flag"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/optim/distributed"
)

// settings holds the flags. Those with a JSON name determine the numbers of a run, together with its choice, its seed and
// the images it is evaluated on.
type settings struct {
	Dataset    string  `json:"dataset"`
	Net        string  `json:"net"`
	Subset     int     `json:"subset"`
	LabelNoise float64 `json:"wrong_labels"`
	Normal     bool    `json:"normalise"`
	Augment    string  `json:"augment"`

	Epochs      int     `json:"epochs"`
	Batch       int     `json:"batch"`
	Optimizer   string  `json:"optimizer"`
	Momentum    float64 `json:"momentum"`
	WeightDecay float64 `json:"weight_decay"`
	Schedule    string  `json:"schedule"`
	NoiseEpochs int     `json:"noise_epochs"`

	EvalEvery   int `json:"eval_every"`
	TraceEvery  int `json:"trace_every"`
	TraceImages int `json:"trace_images"`
	Probes      int `json:"probes"`
	Validate    int `json:"validate"` // images of a sweep, 0 without one

	SyncNorms bool `json:"sync_batchnorm,omitempty"`

	data, noise, sigma, rate, protocol, choose, out, page string
	seeds, tuneSeeds, validate                            int
	download, sweep                                       bool

	howRanks, part   string             // values of the flags
	team             *distributed.World // the ranks that make each run together; nil for a single process
	rank, ranks      int                // of the world
	partIndex, parts int                // part of the runs; 0 parts means all of them
}

// traceImages is the number of images used for the trace, unless a batch has more.
const traceImages = 512

// flags defines the command line's flags.
func flags() *settings {
	s := &settings{}
	flag.StringVar(&s.Dataset, "dataset", "digits", "images: "+names(datasetsByName)+"; digits are drawn, the others are read from -data")
	flag.StringVar(&s.data, "data", "data", "`folder` with the data set's files")
	flag.BoolVar(&s.download, "download", false, "fetch files that are missing in -data")
	flag.IntVar(&s.Subset, "subset", 0, "images to train on, drawn anew for each seed; 0 for all of them, or for 1000 digits")
	flag.Float64Var(&s.LabelNoise, "wrong-labels", 0, "share of the training labels that are made wrong, 0 to 1")
	flag.BoolVar(&s.Normal, "normalise", false, "give pixels the mean 0 and the standard deviation 1; otherwise they are from 0 to 1")
	flag.StringVar(&s.Augment, "augment", "none", "training images: none, crop to shift by up to 4 pixels and mirror every other one, or reflect for crop with reflected borders")
	flag.StringVar(&s.Net, "net", "mlp1", "network: "+names(networks)+", or widths of hidden layers such as mlp-256-256")
	flag.IntVar(&s.Epochs, "epochs", 100, "passes over the training images")
	flag.IntVar(&s.Batch, "batch", 128, "images in a step")
	flag.StringVar(&s.Optimizer, "optimizer", "sgd", "sgd, adam or adamw")
	flag.StringVar(&s.rate, "lr", "0.05", "`list` of learning rates")
	flag.Float64Var(&s.Momentum, "momentum", 0.9, "momentum of sgd, from 0 to below 1")
	flag.Float64Var(&s.WeightDecay, "weight-decay", 0, "weight decay: as PyTorch's sgd, adam and adamw define it")
	flag.StringVar(&s.Schedule, "schedule", "constant", "learning rate over the training: constant; cosine to fall to 0 with each step, cosine-epoch with each epoch")
	flag.StringVar(&s.noise, "noise", "none,layer,all", "`list` of what to compare: none, layer (noise in one parameter tensor a step, in turn), all (in all, sigma/sqrt(tensors)); "+
		"stop (early stopping, after a share of the epochs), decay (weight decay), dropout, sam (a step at twice the evaluations), sam-half (half the epochs); with strengths of its own as in layer:0.05/0.1")
	flag.StringVar(&s.sigma, "sigma", "", "`list` of standard deviations of the noise, in the units of the weights; by default those that a sweep on digits chose, 0.05 for layer and 0.1 for all")
	flag.IntVar(&s.NoiseEpochs, "noise-epochs", 0, "epochs after which the noise stops; 0 for never")
	flag.StringVar(&s.protocol, "protocol", "", "paper: what the authors' program sets, for the flags that are not given")
	flag.IntVar(&s.seeds, "seeds", 5, "runs of each choice, with seeds 1, 2, ... for images, wrong labels, initial weights, their order and the noise")
	flag.BoolVar(&s.sweep, "sweep", false, "first try all strengths and learning rates on validation images; then measure the best of each kind on test images")
	flag.IntVar(&s.tuneSeeds, "tune-seeds", 3, "runs of each choice of a sweep, with seeds 1001, 1002, ...")
	flag.IntVar(&s.validate, "validate", 2000, "validation images of a sweep, which no run of it trains on")
	flag.StringVar(&s.choose, "choose", "accuracy", "what a sweep chooses by: accuracy or loss on the validation images")
	flag.IntVar(&s.EvalEvery, "eval-every", 0, "epochs between evaluations; 0 for about ten in all. The runs of a sweep that are only for choosing have one at the end")
	flag.IntVar(&s.TraceEvery, "trace-every", 0, "epochs between estimates of the Hessian's trace; 0 for the beginning and the end")
	flag.IntVar(&s.TraceImages, "trace-images", traceImages, "training images over which the trace is taken, in whole batches; 0 for no trace")
	flag.IntVar(&s.Probes, "probes", 10, "random directions of an estimate of the trace")
	flag.StringVar(&s.out, "out", "classify-out", "`folder` for the results; interrupted runs go on from what is there, and several processes may share it")
	s.ranksFlags()
	flag.StringVar(&s.page, "page", "", "write the tables of results into this Markdown `file`, such as README.md, and end")
	return s
}

// names lists the keys of a table, for usage.
func names[V any](table map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}

// parse checks the settings, fills in defaults, and returns the choices to compare.
func (s *settings) parse(world *distributed.World) ([]choice, error) {
	if err := s.follow(cli.Given); err != nil {
		return nil, err
	}
	if err := s.checkNames(); err != nil {
		return nil, err
	}
	if err := s.checkNumbers(); err != nil {
		return nil, err
	}
	if err := s.divide(world); err != nil {
		return nil, err
	}
	if err := cli.CheckFolder("out", s.out); err != nil {
		return nil, err
	}
	if s.EvalEvery == 0 {
		s.EvalEvery = max(1, s.Epochs/10)
	}
	if s.TraceEvery == 0 {
		s.TraceEvery = s.Epochs
	}
	if s.sweep {
		s.Validate = s.validate
	}
	return s.choices()
}

// checkNames checks the flags whose values are names.
func (s *settings) checkNames() error {
	data, known := datasetsByName[s.Dataset]
	if !known {
		return cli.Usagef("-dataset %q, want one of %s", s.Dataset, names(datasetsByName))
	}
	net, err := findNetwork(s.Net)
	if err != nil {
		return err
	}
	if !net.takes(data) {
		return cli.Usagef("-net %s is not for the images of -dataset %s, %d classes of %v", s.Net, s.Dataset, data.classes, data.shape)
	}
	for _, f := range []struct {
		name, value string
		among       []string
	}{
		{"optimizer", s.Optimizer, []string{"sgd", "adam", "adamw"}},
		{"schedule", s.Schedule, []string{"constant", "cosine", "cosine-epoch"}},
		{"augment", s.Augment, []string{"none", "crop", "reflect"}},
		{"choose", s.choose, []string{"accuracy", "loss"}},
	} {
		if !slices.Contains(f.among, f.value) {
			return cli.Usagef("-%s %q, want one of %s", f.name, f.value, strings.Join(f.among, ", "))
		}
	}
	if s.Optimizer != "sgd" {
		if cli.Given("momentum") {
			return cli.Usagef("-momentum belongs to sgd, not to %s", s.Optimizer)
		}
		s.Momentum = 0
	}
	for _, name := range []string{"data", "download"} {
		if data.read == nil && cli.Given(name) {
			return cli.Usagef("-%s: -dataset %s is drawn, and nothing is read", name, s.Dataset)
		}
	}
	for _, name := range []string{"tune-seeds", "validate", "choose"} {
		if !s.sweep && cli.Given(name) {
			return cli.Usagef("-%s belongs to -sweep", name)
		}
	}
	return nil
}

// checkNumbers checks the ranges of numbers.
func (s *settings) checkNumbers() error {
	if !(s.Momentum >= 0 && s.Momentum < 1) {
		return cli.Usagef("-momentum %v, want 0 to below 1", s.Momentum)
	}
	if !finite(s.WeightDecay) {
		return cli.Usagef("-weight-decay %v, want 0 or more", s.WeightDecay)
	}
	if !(s.LabelNoise >= 0 && s.LabelNoise <= 1) {
		return cli.Usagef("-wrong-labels %v, want 0 to 1", s.LabelNoise)
	}
	for _, f := range []struct {
		name         string
		value, least int
	}{
		{"subset", s.Subset, 0}, {"epochs", s.Epochs, 1}, {"batch", s.Batch, 1}, {"noise-epochs", s.NoiseEpochs, 0}, {"seeds", s.seeds, 1},
		{"tune-seeds", s.tuneSeeds, 1}, {"validate", s.validate, 1},
		{"eval-every", s.EvalEvery, 0}, {"trace-every", s.TraceEvery, 0}, {"trace-images", s.TraceImages, 0}, {"probes", s.Probes, 1},
	} {
		if f.value < f.least {
			return cli.Usagef("-%s %d, want %d or more", f.name, f.value, f.least)
		}
	}
	drawn := datasetsByName[s.Dataset].read == nil
	switch {
	case s.Subset > 0 && s.Subset < s.Batch:
		return cli.Usagef("-subset %d is less than a batch of %d", s.Subset, s.Batch)
	case s.Subset == 0 && drawn && s.Batch > trainDigits:
		return cli.Usagef("-batch %d, and there are %d images to train on", s.Batch, trainDigits)
	case s.TraceImages == traceImages && !cli.Given("trace-images"):
		s.TraceImages = max(s.TraceImages, s.Batch)
	case s.TraceImages > 0 && s.TraceImages < s.Batch:
		return cli.Usagef("-trace-images %d, want a batch of %d or more, or 0", s.TraceImages, s.Batch)
	}
	if s.seeds > tuneSeed || s.tuneSeeds > tuneSeed {
		return cli.Usagef("-seeds %d -tune-seeds %d, want %d at most", s.seeds, s.tuneSeeds, tuneSeed)
	}
	return nil
}

// numbers parses a list of numbers, 0 or more.
func numbers(flag, list, separator string) ([]float64, error) {
	var all []float64
	for _, text := range strings.Split(list, separator) {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !finite(x) {
			return nil, cli.Usagef("-%s %q: %q, want numbers, 0 or more", flag, list, text)
		}
		all = append(all, x)
	}
	return all, nil
}

// finite reports whether x is a number from 0 to the largest.
func finite(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }
