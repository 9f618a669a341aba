// Wide trains networks with one hidden layer of various widths, without noise, with noise on one layer at a time and with
// noise on all at once, and compares the results: it tests the claim of Orvieto, Raj, Kersting and Bach, Explicit
// Regularization in Overparametrized Models via Noise Injection, AISTATS 2023, https://arxiv.org/abs/2206.04613, that noise
// on all layers of a wide network does harm where noise on one at a time does not. Example width has the closed forms behind
// it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/pkg/errors"
)

func main() {
	s := flags()
	cli.Main(func(ctx context.Context) error { return run(ctx, s) })
}

// run makes the requested runs that are missing, and reports on all there are.
func run(ctx context.Context, s *settings) error {
	wanted, err := s.runs()
	if err != nil {
		return err
	}
	x, err := readResults(s.out)
	if err != nil {
		return err
	}
	if missing := x.missing(wanted); len(missing) > 0 && !s.report {
		if err := s.train(ctx, missing); err != nil {
			return cli.Kept(err, "the same command goes on from the runs in "+s.out)
		}
		if x, err = readResults(s.out); err != nil {
			return err
		}
	}
	if len(x) == 0 {
		return cli.Usagef("-report: there are no results in %s", s.out)
	}
	if err := x.write(s.out); err != nil {
		return err
	}
	fmt.Print(x.tables())
	if len(x.widths()) == 0 { // only runs that choose a sigma
		return nil
	}
	if err := drawTheory(s.out, x.widths()); err != nil {
		return err
	}
	return x.draw(s.out)
}

// train makes runs.
func (s *settings) train(ctx context.Context, list []key) error {
	images, err := s.open(ctx, list)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.out, runsFolder), 0o755); err != nil {
		return errors.Wrap(err, "folder for the results")
	}
	bar := cli.Bar(len(list), "runs")
	for _, k := range list {
		r, err := s.make(ctx, k, images)
		if err != nil {
			return err
		}
		if r != nil {
			_ = bar.Clear() // make room for the line below on a terminal
			fmt.Fprintln(os.Stderr, r)
		}
		_ = bar.Add(1)
	}
	_ = bar.Finish()
	return nil
}
