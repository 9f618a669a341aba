package main

import (
	"encoding"

	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
)

// solver is a solver whose training can be interrupted.
type solver interface {
	G.Solver
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// newSolver makes the solver of a run with the given number of steps per epoch. Dropout is in the network instead.
func (s *settings) newSolver(c choice, seed uint64, steps int) (solver, error) {
	base, err := s.newBase(c, steps)
	if err != nil {
		return nil, err
	}
	if base, err = s.averaging(base); err != nil {
		return nil, err
	}
	switch c.Kind {
	case "none", "stop", "decay", "dropout":
		return base, nil
	case "sam", "sam-half":
		return optim.NewSAM(base, c.Strength)
	}
	opts := []optim.PerturbOpt{optim.WithSeed(seed)}
	if c.Kind == "all" {
		opts = append(opts, optim.WithSelection(optim.All()))
	}
	if s.NoiseEpochs > 0 {
		opts = append(opts, optim.WithSchedule(optim.Until(uint64(s.NoiseEpochs*steps))))
	}
	return optim.NewPerturbedSolver(base, c.Strength, opts...)
}

// newBase makes the optimiser.
func (s *settings) newBase(c choice, steps int) (solver, error) {
	epochs := s.epochs(c)
	schedule := optim.Constant(1)
	switch s.Schedule {
	case "cosine":
		schedule = optim.Cosine(uint64(epochs * steps))
	case "cosine-epoch":
		schedule = optim.PerEpoch(uint64(steps), optim.Cosine(uint64(epochs)))
	}
	weightDecay := s.WeightDecay
	if c.Kind == "decay" {
		weightDecay = c.Strength
	}
	decay, rate := optim.WithWeightDecay(weightDecay), optim.WithLearnRateSchedule(schedule)
	switch s.Optimizer {
	case "adam":
		return optim.NewAdam(c.LearnRate, decay, rate)
	case "adamw":
		return optim.NewAdamW(c.LearnRate, decay, rate)
	}
	return optim.NewSGD(c.LearnRate, optim.WithMomentum(s.Momentum), decay, rate)
}
