package main

import (
	"flag"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/layernoise/layernoise/internal/cli"
)

// settings are the flags. Those with a name in JSON determine the numbers of a run, together with its noise and seed.
type settings struct {
	Dataset string `json:"dataset"`
	Net     string `json:"net"`
	Subset  int    `json:"subset"`
	Normal  bool   `json:"normalise"`
	Augment bool   `json:"augment"`

	Epochs      int     `json:"epochs"`
	Batch       int     `json:"batch"`
	Optimizer   string  `json:"optimizer"`
	LearnRate   float64 `json:"lr"`
	Momentum    float64 `json:"momentum"`
	WeightDecay float64 `json:"weight_decay"`
	Schedule    string  `json:"schedule"`
	NoiseEpochs int     `json:"noise_epochs"`

	EvalEvery   int `json:"eval_every"`
	TraceEvery  int `json:"trace_every"`
	TraceImages int `json:"trace_images"`
	Probes      int `json:"probes"`

	data, noise, sigma, out string
	seeds                   int
	download                bool
}

// flags defines the command line's flags.
func flags() *settings {
	s := &settings{}
	flag.StringVar(&s.Dataset, "dataset", "digits", "images: "+names(datasetsByName)+"; digits are drawn, the others are read from -data")
	flag.StringVar(&s.data, "data", "data", "`folder` with the data set's files")
	flag.BoolVar(&s.download, "download", false, "fetch files that are missing in -data")
	flag.IntVar(&s.Subset, "subset", 0, "images to train on, drawn anew for each seed; 0 for all of them, or for 1000 digits")
	flag.BoolVar(&s.Normal, "normalise", false, "give pixels the mean 0 and the standard deviation 1; otherwise they are from 0 to 1")
	flag.BoolVar(&s.Augment, "augment", false, "shift the training images by up to 4 pixels and mirror every other one")
	flag.StringVar(&s.Net, "net", "mlp1", "network: "+names(networks))
	flag.IntVar(&s.Epochs, "epochs", 20, "passes over the training images")
	flag.IntVar(&s.Batch, "batch", 128, "images in a step")
	flag.StringVar(&s.Optimizer, "optimizer", "sgd", "sgd, adam or adamw")
	flag.Float64Var(&s.LearnRate, "lr", 0.05, "learning rate")
	flag.Float64Var(&s.Momentum, "momentum", 0.9, "momentum of sgd, from 0 to below 1")
	flag.Float64Var(&s.WeightDecay, "weight-decay", 0, "weight decay: as PyTorch's sgd, adam and adamw define it")
	flag.StringVar(&s.Schedule, "schedule", "constant", "learning rate over the training: constant, or cosine to fall to 0")
	flag.StringVar(&s.noise, "noise", "none,layer,all", "`list` of kinds of noise: none, layer (one parameter tensor a step, in turn), all (with sigma/sqrt(tensors))")
	flag.StringVar(&s.sigma, "sigma", "0.1", "`list` of standard deviations of the noise, in the units of the weights")
	flag.IntVar(&s.NoiseEpochs, "noise-epochs", 0, "epochs after which the noise stops; 0 for never")
	flag.IntVar(&s.seeds, "seeds", 3, "runs of each noise, with seeds 1, 2, ... for images, initial weights, their order and the noise")
	flag.IntVar(&s.EvalEvery, "eval-every", 0, "epochs between evaluations; 0 for about twenty in all")
	flag.IntVar(&s.TraceEvery, "trace-every", 0, "epochs between estimates of the Hessian's trace; 0 for half of all")
	flag.IntVar(&s.TraceImages, "trace-images", 512, "training images over which the trace is taken, in whole batches")
	flag.IntVar(&s.Probes, "probes", 10, "random directions of an estimate of the trace")
	flag.StringVar(&s.out, "out", "classify-out", "`folder` for the results; an interrupted run goes on from what is there")
	return s
}

// names lists the keys of a table, for usage.
func names[V any](table map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}

// given reports whether a flag stands on the command line.
func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// parse checks the settings, fills in what was left to the program, and returns the noises to compare.
func (s *settings) parse() ([]noise, error) {
	if _, known := datasetsByName[s.Dataset]; !known {
		return nil, cli.Usagef("-dataset %q, want one of %s", s.Dataset, names(datasetsByName))
	}
	if _, known := networks[s.Net]; !known {
		return nil, cli.Usagef("-net %q, want one of %s", s.Net, names(networks))
	}
	if !slices.Contains([]string{"sgd", "adam", "adamw"}, s.Optimizer) {
		return nil, cli.Usagef("-optimizer %q, want sgd, adam or adamw", s.Optimizer)
	}
	if s.Schedule != "constant" && s.Schedule != "cosine" {
		return nil, cli.Usagef("-schedule %q, want constant or cosine", s.Schedule)
	}
	if s.Optimizer != "sgd" {
		if given("momentum") {
			return nil, cli.Usagef("-momentum belongs to sgd, not to %s", s.Optimizer)
		}
		s.Momentum = 0
	}
	if !(s.Momentum >= 0 && s.Momentum < 1) {
		return nil, cli.Usagef("-momentum %v, want 0 to below 1", s.Momentum)
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"lr", s.LearnRate}, {"weight-decay", s.WeightDecay}} {
		if !finite(f.value) {
			return nil, cli.Usagef("-%s %v, want 0 or more", f.name, f.value)
		}
	}
	for _, f := range []struct {
		name         string
		value, least int
	}{
		{"subset", s.Subset, 0}, {"epochs", s.Epochs, 1}, {"batch", s.Batch, 1}, {"noise-epochs", s.NoiseEpochs, 0}, {"seeds", s.seeds, 1},
		{"eval-every", s.EvalEvery, 0}, {"trace-every", s.TraceEvery, 0}, {"trace-images", s.TraceImages, s.Batch}, {"probes", s.Probes, 1},
	} {
		if f.value < f.least {
			return nil, cli.Usagef("-%s %d, want %d or more", f.name, f.value, f.least)
		}
	}
	if s.out == "" {
		return nil, cli.Usagef("-out is empty, want a folder")
	}
	if s.EvalEvery == 0 {
		s.EvalEvery = max(1, s.Epochs/20)
	}
	if s.TraceEvery == 0 {
		s.TraceEvery = max(1, s.Epochs/2)
	}
	return parseNoises(s.noise, s.sigma)
}

// parseNoises makes the noises of two lists: every kind with every sigma, and no noise once.
func parseNoises(kinds, sigmas string) ([]noise, error) {
	var list []noise
	for _, kind := range strings.Split(kinds, ",") {
		switch kind {
		case "none":
			list = append(list, noise{Kind: kind})
		case "layer", "all":
			for _, text := range strings.Split(sigmas, ",") {
				sigma, err := strconv.ParseFloat(text, 64)
				if err != nil || !finite(sigma) {
					return nil, cli.Usagef("-sigma %q: %q, want numbers, 0 or more", sigmas, text)
				}
				list = append(list, noise{Kind: kind, Sigma: sigma})
			}
		default:
			return nil, cli.Usagef("-noise %q: %q, want none, layer or all", kinds, kind)
		}
	}
	for i, n := range list {
		if slices.Contains(list[:i], n) {
			return nil, cli.Usagef("-noise %q -sigma %q: %v occurs twice", kinds, sigmas, n)
		}
	}
	return list, nil
}

// finite reports whether x is a number from 0 to the largest.
func finite(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }
