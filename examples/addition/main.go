// Addition trains a transformer with one layer to add modulo a prime, with and without noise in the weights, and measures
// how long it takes from memorising its examples to adding numbers that it has not seen: "grokking".
//
// Without flags it trains each kind once, in less than a minute. With -study it tunes each kind, for each weight decay, and
// compares them over seeds not used for tuning.
package main

import (
	"context"
	"flag"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/pkg/errors"
)

// settings holds the flags. Those with a JSON name determine the numbers of a run, together with its trial and seed.
type settings struct {
	Modulus  int     `json:"p"`
	Fraction float64 `json:"fraction"`
	Width    int     `json:"width"`
	Heads    int     `json:"heads"`
	Batch    int     `json:"batch"`
	Steps    int     `json:"steps"`
	Every    int     `json:"every"`

	decays string
	seed   uint64
	out    string

	study             bool
	seeds, tuningRuns int

	weightDecays []float64 // of decays
}

func main() {
	var s settings
	flag.IntVar(&s.Modulus, "p", 31, "the numbers are 0 to p-1, and the sums modulo p")
	flag.Float64Var(&s.Fraction, "fraction", 0.6, "share of the p*p sums to train on; the others are to test with")
	flag.IntVar(&s.Width, "width", 32, "numbers of a position in the transformer")
	flag.IntVar(&s.Heads, "heads", 4, "heads of its attention; divides the width")
	flag.IntVar(&s.Batch, "batch", 256, "sums in a step")
	flag.IntVar(&s.Steps, "steps", 1500, "steps after which a run ends that has not arrived")
	flag.IntVar(&s.Every, "every", 10, "steps between evaluations")
	flag.StringVar(&s.decays, "weight-decay", "0,1", "`list` of weight decays, of AdamW")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of a run: of the sums to train on, their order, initial weights, noise and dropout")
	flag.StringVar(&s.out, "out", "addition-out", "`folder` for the results")
	flag.BoolVar(&s.study, "study", false, "tune each kind and compare them over several seeds; an interrupted study goes on from what is in -out")
	flag.IntVar(&s.seeds, "seeds", 10, "runs of each kind that are compared, with seeds 1, 2, ...")
	flag.IntVar(&s.tuningRuns, "tuning-seeds", 4, "runs of each trial of the tuning, with seeds 1001, 1002, ...")
	cli.Main(func(ctx context.Context) error { return run(ctx, s) })
}

func run(ctx context.Context, s settings) error {
	if err := s.parse(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return errors.Wrap(err, "folder for the results")
	}
	if !s.study {
		return once(ctx, s)
	}
	x, err := openStudy(s)
	if err != nil {
		return err
	}
	if err := x.run(ctx); err != nil {
		return cli.Kept(err, "the same command goes on from the runs in "+s.out)
	}
	return x.report(os.Stdout)
}

// parse checks the settings.
func (s *settings) parse() error {
	s.weightDecays = nil
	for _, text := range strings.Split(s.decays, ",") {
		d, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(d >= 0) || math.IsInf(d, 1) {
			return cli.Usagef("-weight-decay %q, want numbers of 0 or more between commas", s.decays)
		}
		if slices.Contains(s.weightDecays, d) {
			return cli.Usagef("-weight-decay %q has %v twice", s.decays, d)
		}
		s.weightDecays = append(s.weightDecays, d)
	}
	if err := cli.Belongs("-study", s.study, "seeds", "tuning-seeds"); err != nil {
		return err
	}
	if err := cli.Belongs("a single run: -study has seeds of its own", !s.study, "seed"); err != nil {
		return err
	}
	sums := int(math.Round(s.Fraction * float64(s.Modulus*s.Modulus)))
	switch {
	case s.Modulus < 2 || s.Modulus > 1000:
		return cli.Usagef("-p %d, want 2 to 1000", s.Modulus)
	case !(s.Fraction > 0 && s.Fraction < 1):
		return cli.Usagef("-fraction %v, want more than 0, less than 1", s.Fraction)
	case s.Heads < 1 || s.Width < 1 || s.Width%s.Heads != 0:
		return cli.Usagef("-width %d -heads %d, want a width that the heads divide", s.Width, s.Heads)
	case s.Batch < 1 || s.Batch > sums:
		return cli.Usagef("-batch %d, want 1 to the %d sums to train on", s.Batch, sums)
	case s.Steps < 1 || s.Every < 1 || s.Steps%s.Every != 0:
		return cli.Usagef("-steps %d -every %d, want a multiple of it, 1 or more", s.Steps, s.Every)
	case s.seeds < 1 || s.tuningRuns < 1:
		return cli.Usagef("-seeds %d -tuning-seeds %d, want 1 or more", s.seeds, s.tuningRuns)
	}
	return cli.CheckFolder("out", s.out)
}
