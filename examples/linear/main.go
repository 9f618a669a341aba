// Linear shows what noise in the weights does to a deep linear network: the closed form of the expected loss beside the loss
// measured under noise, along trainings without noise, with noise on one layer at a time and with noise on all; and the
// singular values of the network's matrix at the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/graph"
)

// settings are the flags.
type settings struct {
	rows, cols, rank, depth, width int
	errors, sigma, rate            float64
	steps, seeds, pairs            int
	out                            string
}

func main() {
	var s settings
	flag.IntVar(&s.rows, "rows", 15, "rows of the matrix, the network's outputs")
	flag.IntVar(&s.cols, "cols", 20, "columns of the matrix, the network's inputs")
	flag.IntVar(&s.rank, "rank", 3, "rank of the matrix, whose singular values are sqrt(rows*cols)")
	flag.Float64Var(&s.errors, "errors", 0.4, "standard deviation of the errors in the matrix's elements")
	flag.IntVar(&s.depth, "depth", 3, "layers of the network")
	flag.IntVar(&s.width, "width", 30, "units of each hidden layer")
	flag.Float64Var(&s.sigma, "sigma", 0.3, "standard deviation of the noise, in the units of the weights; sigma/sqrt(depth) for noise on all layers")
	flag.Float64Var(&s.rate, "rate", 0.0002, "learning rate at the first step; it falls to 0 along half a cosine")
	flag.IntVar(&s.steps, "steps", 10_000, "steps of each training")
	flag.IntVar(&s.seeds, "seeds", 5, "how many times to repeat, with other data, initial weights and noise")
	flag.IntVar(&s.pairs, "pairs", 200, "draws of the noise for each measurement, each with both signs, for each layer")
	flag.StringVar(&s.out, "out", "linear.png", "the picture, a PNG `file`; an SVG of it and the numbers as JSON go beside it")
	cli.Main(func(ctx context.Context) error { return compare(ctx, s) })
}

func (s settings) check() error {
	if err := cli.AtLeast(1, "rows", "cols", "rank", "depth", "width", "seeds"); err != nil {
		return err
	}
	if err := cli.AtLeast(2, "steps", "pairs"); err != nil {
		return err
	}
	if err := cli.NotNegative("errors"); err != nil {
		return err
	}
	switch {
	case s.rank > min(s.rows, s.cols):
		return cli.Usagef("-rank %d, want at most %d, the smaller one of -rows and -cols", s.rank, min(s.rows, s.cols))
	case !(s.sigma > 0) || math.IsInf(s.sigma, 1):
		return cli.Usagef("-sigma %v, want more than 0", s.sigma)
	case !(s.rate > 0) || math.IsInf(s.rate, 1):
		return cli.Usagef("-rate %v, want more than 0", s.rate)
	}
	return cli.CheckPicture("out", s.out)
}

func compare(ctx context.Context, s settings) error {
	if err := s.check(); err != nil {
		return err
	}
	graph.UseBLAS()
	bar := cli.Bar(s.seeds*len(methods), "linear")
	x := results{settings: s, at: figure.Steps(s.steps, points)}
	for seed := uint64(1); seed <= uint64(s.seeds); seed++ {
		r, err := x.measure(ctx, seed, func() { _ = bar.Add(1) })
		if err != nil {
			return err
		}
		x.runs = append(x.runs, r)
	}
	_ = bar.Finish()
	f := x.findings()
	f.table(os.Stdout)
	if err := f.write(s.out); err != nil {
		return err
	}
	if err := figure.Save(s.out, x.panels()...); err != nil {
		return err
	}
	fmt.Println("picture:", s.out)
	return nil
}
