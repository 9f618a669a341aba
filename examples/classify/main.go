// Classify trains networks on images with and without noise in the weights, over several seeds, and compares what they learn:
// the experiments of Orvieto, Raj, Kersting and Bach, Explicit Regularization in Overparametrized Models via Noise Injection,
// AISTATS 2023, https://arxiv.org/abs/2206.04613.
//
// Without flags it trains a perceptron on drawn digits, in about a minute. See README.md for what came of larger ones.
package main

import (
	"context"
	"os"

	"github.com/layernoise/layernoise/internal/cli"
)

func main() {
	s := flags()
	cli.Main(func(ctx context.Context) error { return run(ctx, s) })
}

func run(ctx context.Context, s *settings) error {
	noises, err := s.parse()
	if err != nil {
		return err
	}
	x, err := openExperiment(ctx, s, noises)
	if err != nil {
		return err
	}
	if err := x.train(ctx); err != nil {
		return err
	}
	return x.report(os.Stdout)
}
