package main

import (
	"fmt"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
)

// A kind is a way to train: what regularises besides weight decay.
type kind struct {
	name     string
	strength string // name of its strength; empty if it has none

	options func() []optim.PerturbOpt // options of the noise; nil for none
	dropout bool

	colour, variant int // as in pictures

	usual     trial     // the settings of a single run, without weight decay
	rates     []float64 // learning rates that tuning tries, each
	strengths []float64 // with each of these
}

// kinds are compared with each other. Each has nine trials for each weight decay.
var kinds = []kind{
	{
		name: "none", colour: figure.None,
		usual: trial{LearnRate: 0.004},
		rates: []float64{0.004, 0.002, 0.008, 0.001, 0.012, 0.003, 0.006, 0.0005, 0.016}, strengths: []float64{0},
	},
	{
		name: "layer", strength: "sigma", colour: figure.Layer,
		options: func() []optim.PerturbOpt { return nil },
		usual:   trial{LearnRate: 0.004, Strength: 0.05},
		rates:   []float64{0.004, 0.0015, 0.012}, strengths: []float64{0.05, 0.02, 0.005},
	},
	{
		name: "all", strength: "sigma", colour: figure.All,
		options: func() []optim.PerturbOpt { return []optim.PerturbOpt{optim.WithSelection(optim.All())} },
		usual:   trial{LearnRate: 0.004, Strength: 0.05},
		rates:   []float64{0.004, 0.0015, 0.012}, strengths: []float64{0.05, 0.02, 0.005},
	},
	{
		name: "antithetic layer", strength: "sigma", colour: figure.Layer, variant: 1,
		options: func() []optim.PerturbOpt { return []optim.PerturbOpt{optim.WithAntithetic()} },
		usual:   trial{LearnRate: 0.004, Strength: 0.05},
		rates:   []float64{0.004, 0.0015, 0.012}, strengths: []float64{0.05, 0.02, 0.005},
	},
	{
		name: "dropout", strength: "p", dropout: true, colour: figure.Dropout,
		usual: trial{LearnRate: 0.004, Strength: 0.1},
		rates: []float64{0.004, 0.0015, 0.012}, strengths: []float64{0.05, 0.15, 0.02},
	},
}

// A trial is a kind with its numbers.
type trial struct {
	Kind        string  `json:"kind"`
	WeightDecay float64 `json:"weight_decay"`
	LearnRate   float64 `json:"lr"`
	Strength    float64 `json:"strength"`
}

// trials returns the trials of the tuning.
func (k kind) trials(weightDecay float64) []trial {
	var all []trial
	for _, rate := range k.rates {
		for _, strength := range k.strengths {
			all = append(all, trial{Kind: k.name, WeightDecay: weightDecay, LearnRate: rate, Strength: strength})
		}
	}
	return all
}

// single returns the trial of a single run.
func (k kind) single(weightDecay float64) trial {
	t := k.usual
	t.Kind, t.WeightDecay = k.name, weightDecay
	return t
}

// of returns the kind of a trial.
func (t trial) of() kind {
	for _, k := range kinds {
		if k.name == t.Kind {
			return k
		}
	}
	panic("no kind " + t.Kind)
}

// String describes the trial in a line.
func (t trial) String() string {
	text := fmt.Sprintf("weight decay %v, %s", t.WeightDecay, t.Kind)
	if name := t.of().strength; name != "" {
		text += fmt.Sprintf(" %s %v", name, t.Strength)
	}
	return fmt.Sprintf("%s, learning rate %v", text, t.LearnRate)
}

// solver makes the solver of a run: AdamW, with ten steps of warm-up, and the noise around it.
//
// A layer is a weight with its bias. Layer norms take no noise: their few numbers are scales, in other units than weights.
func (t trial) solver(seed uint64) (G.Solver, error) {
	adam, err := optim.NewAdamW(t.LearnRate, optim.WithBetas(0.9, 0.98), optim.WithWeightDecay(t.WeightDecay),
		optim.WithLearnRateSchedule(optim.Warmup(10, nil)))
	if err != nil {
		return nil, err
	}
	k := t.of()
	if k.options == nil {
		return adam, nil
	}
	isNorm := func(name string) bool { return strings.Contains(name, "norm") }
	options := append(k.options(), optim.WithSeed(seed), optim.WithGrouping(optim.ByLayer()), optim.WithExclude(isNorm))
	return optim.NewPerturbedSolver(adam, t.Strength, options...)
}

// dropoutRate returns the probability of the network's dropouts.
func (t trial) dropoutRate() float64 {
	if t.of().dropout {
		return t.Strength
	}
	return 0
}
