package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/floats"
)

// How every network is trained, by SGD with momentum and a learning rate that falls to zero as a cosine.
const (
	trainImages = 1000 // drawn anew for each seed
	batch       = 128
	epochs      = 100
	learnRate   = 0.05
	momentum    = 0.9

	testDigits     = 2000
	testDigitsSeed = 1 << 32 // training digits have the seeds of the runs

	validationImages = 2000 // on which runs are measured that choose a sigma
	validationSeed   = 1 << 33
)

// scale says how noise and initial weights depend on the width.
type scale struct {
	name, label string
	scaling     func() optim.Scaling
	factor      func(w []float64, fanIn int) float64 // factor of a matrix under the scaling, for the closed forms
	small       bool                                 // initial weights of variance 1/width in both layers; PyTorch's default otherwise
	sigma       float64                              // default
}

var scales = []scale{
	{"absolute", "absolute", optim.Absolute, one, false, 0.1},
	{"fan-in", "by fan-in", optim.FanIn, rootFanIn, false, 2},
	{"relative", "relative to the weights", optim.RelativeRMS, rms, false, 1},
	{"small", "initial variance 1/width", optim.Absolute, one, true, 0.1},
}

func one([]float64, int) float64               { return 1 }
func rootFanIn(_ []float64, fanIn int) float64 { return 1 / math.Sqrt(float64(fanIn)) }
func rms(w []float64, _ int) float64           { return floats.Norm(w, 2) / math.Sqrt(float64(len(w))) }

func scaleOf(name string) scale {
	for _, s := range scales {
		if s.name == name {
			return s
		}
	}
	return scale{}
}

// settings holds the flags.
type settings struct {
	datasets, scales, noises, widths, sigmas string
	seeds, first                             int
	data, out                                string
	report                                   bool
}

func flags() *settings {
	s := &settings{}
	flag.StringVar(&s.datasets, "dataset", "digits,fashion", "`list` of images: digits (drawn) and fashion (read from -data)")
	flag.StringVar(&s.scales, "scale", "absolute,fan-in,relative,small", "`list` of what sigma is multiplied by: absolute (1), fan-in (1/sqrt(fan-in)), relative (the weights' root mean square), small (1, with initial weights of variance 1/width)")
	flag.StringVar(&s.noises, "noise", "none,layer,all", "`list` of kinds of noise: none, layer (one weight matrix a step, in turn), all (both, with sigma/sqrt(2))")
	flag.StringVar(&s.widths, "width", "50,100,200,500,1000,2000,5000", "`list` of numbers of hidden units")
	flag.StringVar(&s.sigmas, "sigma", "", "`list` of sigmas; by default each scale's own")
	flag.IntVar(&s.seeds, "seeds", 5, "runs of each kind, with seeds from -first-seed on for images, initial weights, their order and the noise")
	flag.IntVar(&s.first, "first-seed", 1, "the first seed")
	flag.StringVar(&s.data, "data", "data", "`folder` with the files of Fashion-MNIST, which are fetched where they are missing")
	flag.StringVar(&s.out, "out", "wide-out", "`folder` for the results; runs that are there are not made again, and several processes may share it")
	flag.BoolVar(&s.report, "report", false, "train nothing, report on what is there")
	return s
}

// key is what determines the numbers of a run, besides the constants above.
type key struct {
	Dataset string  `json:"dataset"`
	Scale   string  `json:"scale"`
	Noise   string  `json:"noise"`
	Sigma   float64 `json:"sigma"`
	Width   int     `json:"width"`
	Seed    uint64  `json:"seed"`
}

func (k key) String() string {
	return fmt.Sprintf("%s-%s-%s-%v-%d-%d", k.Dataset, k.Scale, k.Noise, k.Sigma, k.Width, k.Seed)
}

// runs checks the settings and lists the requested runs, seed by seed.
func (s *settings) runs() ([]key, error) {
	if s.seeds < 1 {
		return nil, cli.Usagef("-seeds %d, want 1 or more", s.seeds)
	}
	if s.first < 1 {
		return nil, cli.Usagef("-first-seed %d, want 1 or more", s.first)
	}
	if err := cli.CheckFolder("out", s.out); err != nil {
		return nil, err
	}
	if err := cli.Belongs("a training, and -report makes none", !s.report, "dataset", "scale", "noise", "width", "sigma", "seeds", "first-seed", "data"); err != nil {
		return nil, err
	}
	var names []string
	for _, scale := range scales {
		names = append(names, scale.name)
	}
	var err error
	list := func(flag, value string, known ...string) (entries []string) {
		if err == nil {
			entries, err = cli.List(flag, value, known...)
		}
		return entries
	}
	c := choice{
		datasets: list("dataset", s.datasets, "digits", "fashion"),
		scales:   list("scale", s.scales, names...),
		noises:   list("noise", s.noises, "none", "layer", "all"),
	}
	for _, text := range list("width", s.widths) {
		width, bad := strconv.Atoi(text)
		if bad != nil || width < 1 {
			return nil, cli.Usagef("-width %q: %q, want 1 or more", s.widths, text)
		}
		c.widths = append(c.widths, width)
	}
	if s.sigmas != "" {
		for _, text := range list("sigma", s.sigmas) {
			sigma, bad := strconv.ParseFloat(text, 64)
			if bad != nil || !(sigma > 0) || math.IsInf(sigma, 1) {
				return nil, cli.Usagef("-sigma %q: %q, want more than 0", s.sigmas, text)
			}
			c.sigmas = append(c.sigmas, sigma)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := cli.Belongs("-dataset fashion", slices.Contains(c.datasets, "fashion"), "data"); err != nil {
		return nil, err
	}
	if err := cli.Belongs("noise, and -noise is none", !slices.Equal(c.noises, []string{"none"}), "sigma"); err != nil {
		return nil, err
	}
	return s.product(c), nil
}

// choice holds the lists given by the flags.
type choice struct {
	datasets, scales, noises []string
	widths                   []int
	sigmas                   []float64 // nil for each scale's default
}

// product lists all combinations. Runs without noise are the same for all scales of the noise.
func (s *settings) product(c choice) []key {
	var list []key
	for seed := s.first; seed < s.first+s.seeds; seed++ {
		for _, width := range c.widths {
			for _, dataset := range c.datasets {
				for _, name := range c.scales {
					for _, noise := range c.noises {
						k := key{Dataset: dataset, Scale: name, Noise: noise, Width: width, Seed: uint64(seed)}
						list = append(list, scaleOf(name).runs(k, c.sigmas)...)
					}
				}
			}
		}
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(list, func(k key) bool {
		again := seen[k]
		seen[k] = true
		return again
	})
}

// runs adds the sigmas to a key.
func (s scale) runs(k key, sigmas []float64) []key {
	if k.Noise == "none" {
		if !s.small {
			k.Scale = "absolute"
		}
		return []key{k}
	}
	if sigmas == nil {
		sigmas = []float64{s.sigma}
	}
	var list []key
	for _, k.Sigma = range sigmas {
		list = append(list, k)
	}
	return list
}

// images to train and to measure networks on, by data set. Digits to train on are drawn.
type images struct {
	train, test      map[string]*datasets.Dataset
	rest, validation map[string]*datasets.Dataset // the two parts of train for runs that choose a sigma
}

// open reads the images of runs.
func (s *settings) open(ctx context.Context, runs []key) (*images, error) {
	type sets = map[string]*datasets.Dataset
	all := &images{sets{}, sets{}, sets{}, sets{}}
	for _, k := range runs {
		name := k.Dataset
		if all.test[name] != nil {
			continue
		}
		if name == "digits" {
			all.test[name] = datasets.Digits(testDigits, testDigitsSeed)
			all.validation[name] = datasets.Digits(validationImages, validationSeed)
			continue
		}
		download := datasets.WithDownload(ctx, datasets.Download{Progress: os.Stderr})
		var err error
		if all.train[name], err = datasets.FashionMNIST(s.data, datasets.Train, download); err != nil {
			return nil, cli.Data(err)
		}
		if all.test[name], err = datasets.FashionMNIST(s.data, datasets.Test, download); err != nil {
			return nil, cli.Data(err)
		}
		if all.validation[name], all.rest[name], err = all.train[name].Split(validationImages, validationSeed); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// choose returns the images that a run trains on, and those that it is measured on: validation images if it serves to choose
// a sigma.
func (i *images) choose(k key) (train, measured *datasets.Dataset, err error) {
	pool, measured := i.train[k.Dataset], i.test[k.Dataset]
	if k.Seed >= pilotSeed {
		pool, measured = i.rest[k.Dataset], i.validation[k.Dataset]
	}
	if pool == nil {
		return datasets.Digits(trainImages, k.Seed), measured, nil
	}
	train, err = pool.Subset(trainImages, k.Seed)
	return train, measured, err
}
