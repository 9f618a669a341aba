// Classify trains networks on images with and without noise in the weights, over several seeds, and compares the results:
// the experiments of Orvieto, Raj, Kersting and Bach, Explicit Regularization in Overparametrized Models via Noise
// Injection, AISTATS 2023, https://arxiv.org/abs/2206.04613.
//
// Without flags it trains a perceptron on drawn digits, in about a minute. README.md has the results of this and of larger
// experiments.
package main

import (
	"context"
	"flag"
	"os"

	"github.com/layernoise/layernoise/examples/internal/cli"
)

func main() {
	s := flags()
	cli.Main(func(ctx context.Context) error { return run(ctx, s) })
}

func run(ctx context.Context, s *settings) error {
	if s.page != "" {
		if flag.NFlag() > 1 {
			return cli.Usagef("-page %s goes with no other flag", s.page)
		}
		return updatePage(s.page)
	}
	return onRanks(ctx, s)
}

// makeAndReport makes the missing runs, and reports on all.
func makeAndReport(ctx context.Context, s *settings, choices []choice) error {
	x, err := openExperiment(ctx, s)
	if err != nil {
		return err
	}
	if err := x.make(ctx, choices); err != nil || !s.reports() {
		return cli.Kept(err, "the same command goes on from what is in "+s.out)
	}
	return x.report(os.Stdout)
}
