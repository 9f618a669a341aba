package main

import "github.com/layernoise/layernoise/examples/internal/cli"

// follow applies, for -protocol paper, the settings of the authors' main.py, except those given by flags. README.md lists
// the differences.
func (s *settings) follow(given func(flag string) bool) error {
	switch s.protocol {
	case "":
		return nil
	case "paper":
	default:
		return cli.Usagef("-protocol %q, want paper", s.protocol)
	}
	unless := func(flag string, set func()) {
		if !given(flag) {
			set()
		}
	}
	unless("batch", func() { s.Batch = 128 })
	unless("epochs", func() { s.Epochs = 50 })
	unless("lr", func() { s.rate = "0.01" })
	unless("momentum", func() { s.Momentum = 0.9 })
	unless("schedule", func() { s.Schedule = "cosine-epoch" })
	unless("sigma", func() { s.sigma = "0.03" })
	unless("noise-epochs", func() { s.NoiseEpochs = 135 })
	unless("weight-decay", func() {
		if s.Optimizer == "sgd" { // Adam has none
			s.WeightDecay = 5e-4
		}
	})
	colour := s.Dataset == "cifar10" || s.Dataset == "cifar100"
	unless("normalise", func() { s.Normal = colour })
	unless("augment", func() {
		switch s.Dataset {
		case "cifar10":
			s.Augment = "crop"
		case "cifar100":
			s.Augment = "reflect"
		}
	})
	if s.Net == "cnn3" {
		s.Net = "cnn3-relu"
	}
	return nil
}
