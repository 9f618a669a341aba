package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

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
)

// scale is how noise and initial weights depend on the width.
type scale struct {
	name, label string
	scaling     func() optim.Scaling
	factor      func(w []float64, fanIn int) float64 // what scaling makes of a matrix, for the closed forms
	small       bool                                 // initial weights of variance 1/width in both layers; PyTorch's default otherwise
	sigma       float64                              // by default
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

// settings are the flags.
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

// key is what determines the numbers of a run, beside the constants above.
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

// runs checks the settings and lists the runs that they ask for, seed by seed.
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
	var names []string
	for _, scale := range scales {
		names = append(names, scale.name)
	}
	for _, f := range []struct {
		flag, list string
		known      []string
	}{{"dataset", s.datasets, []string{"digits", "fashion"}}, {"scale", s.scales, names}, {"noise", s.noises, []string{"none", "layer", "all"}}} {
		if _, err := cli.List(f.flag, f.list, f.known...); err != nil {
			return nil, err
		}
	}
	var widths []int
	list, err := cli.List("width", s.widths)
	if err != nil {
		return nil, err
	}
	for _, text := range list {
		width, err := strconv.Atoi(text)
		if err != nil || width < 1 {
			return nil, cli.Usagef("-width %q: %q, want 1 or more", s.widths, text)
		}
		widths = append(widths, width)
	}
	var sigmas []float64
	if s.sigmas != "" {
		if list, err = cli.List("sigma", s.sigmas); err != nil {
			return nil, err
		}
		for _, text := range list {
			sigma, err := strconv.ParseFloat(text, 64)
			if err != nil || !(sigma > 0) || math.IsInf(sigma, 1) {
				return nil, cli.Usagef("-sigma %q: %q, want more than 0", s.sigmas, text)
			}
			sigmas = append(sigmas, sigma)
		}
	}
	return s.product(widths, sigmas), nil
}

// product lists all combinations. Runs without noise are the same for all scales of the noise.
func (s *settings) product(widths []int, sigmas []float64) []key {
	var list []key
	for seed := s.first; seed < s.first+s.seeds; seed++ {
		for _, width := range widths {
			for _, dataset := range strings.Split(s.datasets, ",") {
				for _, name := range strings.Split(s.scales, ",") {
					for _, noise := range strings.Split(s.noises, ",") {
						at := scaleOf(name)
						k := key{Dataset: dataset, Scale: name, Noise: noise, Width: width, Seed: uint64(seed)}
						list = append(list, at.runs(k, sigmas)...)
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

// runs completes a key by the sigmas.
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

// images are what networks are trained and tested with, by data set.
type images struct{ train, test map[string]*datasets.Dataset }

// open reads the images.
func (s *settings) open(ctx context.Context) (*images, error) {
	all := &images{train: map[string]*datasets.Dataset{}, test: map[string]*datasets.Dataset{}}
	for _, name := range strings.Split(s.datasets, ",") {
		if name == "digits" {
			all.test[name] = datasets.Digits(testDigits, testDigitsSeed)
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
	}
	return all, nil
}

// choose returns the training images of a run.
func (i *images) choose(k key) (*datasets.Dataset, error) {
	if all := i.train[k.Dataset]; all != nil {
		return all.Subset(trainImages, k.Seed)
	}
	return datasets.Digits(trainImages, k.Seed), nil
}
