// Package recovery is what the examples sparse, group and nuclear have in common: a planted solution, training with and
// without noise, and a picture of how close each comes to what was planted.
package recovery

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"text/tabwriter"

	"github.com/layernoise/layernoise/internal/cli"
	"github.com/layernoise/layernoise/internal/closedform"
	"github.com/layernoise/layernoise/internal/figure"
	"github.com/layernoise/layernoise/internal/interval"
	"gonum.org/v1/gonum/floats"
)

// Experiment is one of the examples.
type Experiment struct {
	Name    string // of the picture's file
	Title   string // of the picture
	Planted string // what is recovered, such as "coefficients"
	Penalty string // what the noise penalises, such as "l1 norm"

	// Default values of the flags.
	Sigma, Rate float64
	Steps       int

	// Plant makes the data of a seed. It is called after the flags were parsed.
	Plant func(seed uint64) (*closedform.Planted, error)
}

// settings are the flags that the examples share.
type settings struct {
	sigma, rate  float64
	steps, seeds int
	out          string
}

// Main is the main function of an example, which may define flags of its own before.
func Main(e Experiment) {
	var s settings
	flag.Float64Var(&s.sigma, "sigma", e.Sigma, "standard deviation of the noise, in the units of the weights")
	flag.Float64Var(&s.rate, "rate", e.Rate, "learning rate at the first step; it falls to 0 along half a cosine")
	flag.IntVar(&s.steps, "steps", e.Steps, "steps of each training")
	flag.IntVar(&s.seeds, "seeds", 3, "how many times to repeat, with other data, initial weights and noise")
	flag.StringVar(&s.out, "out", e.Name+".png", "the picture, a PNG `file`, with an SVG beside it")
	cli.Main(func(ctx context.Context) error { return e.run(ctx, s) })
}

func (s settings) check() error {
	switch {
	case !(s.sigma >= 0) || math.IsInf(s.sigma, 1):
		return cli.Usagef("-sigma is %v, want 0 or more", s.sigma)
	case !(s.rate > 0) || math.IsInf(s.rate, 1):
		return cli.Usagef("-rate is %v, want more than 0", s.rate)
	case s.steps < 2:
		return cli.Usagef("-steps is %d, want 2 or more", s.steps)
	case s.seeds < 1:
		return cli.Usagef("-seeds is %d, want 1 or more", s.seeds)
	case s.out == "":
		return cli.Usagef("-out is empty, want a file")
	}
	return nil
}

func (e Experiment) run(ctx context.Context, s settings) error {
	if err := s.check(); err != nil {
		return err
	}
	bar := cli.Bar(s.seeds*len(methods), e.Name)
	at := spread(s.steps)
	results := make([]result, s.seeds)
	for i := range results {
		planted, err := e.Plant(uint64(i + 1))
		if err != nil {
			return cli.Usagef("%v", err)
		}
		if results[i], err = measure(ctx, planted, s, uint64(i+1), at, func() { _ = bar.Add(1) }); err != nil {
			return err
		}
	}
	_ = bar.Finish()
	if err := table(results); err != nil {
		return err
	}
	if err := figure.Save(s.out, e.panels(s, at, results)...); err != nil {
		return err
	}
	fmt.Println("picture:", s.out)
	return nil
}

// table prints where the trainings ended, the mean over the seeds with its 95% interval.
func table(results []result) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "noise\tdistance to the planted\tdistance to the minimiser\tregulariser\tloss")
	cell := func(of func(result) float64) string {
		x := make([]float64, len(results))
		for i, r := range results {
			x[i] = of(r)
		}
		return interval.Of(x).Text(4)
	}
	for i, m := range methods {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.name,
			cell(func(r result) float64 { return last(r.traces[i].recovery) }),
			cell(func(r result) float64 { return r.traces[i].fromMinimiser }),
			cell(func(r result) float64 { return last(r.traces[i].regulariser) }),
			cell(func(r result) float64 { return r.traces[i].loss }))
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", closedFormName,
		cell(func(r result) float64 { return r.minimiser.recovery }),
		cell(func(result) float64 { return 0 }),
		cell(func(r result) float64 { return r.minimiser.regulariser }),
		cell(func(r result) float64 { return r.minimiser.loss }))
	return w.Flush()
}

func last(x []float64) float64 { return x[len(x)-1] }

// closedFormName is how table and picture call what noise leads to in theory.
const closedFormName = "closed form"

// panels are the picture: recovery and regulariser along the training.
func (e Experiment) panels(s settings, at []float64, results []result) []figure.Panel {
	curves := func(of func(trace) []float64, end func(result) float64) []figure.Curve {
		var all []figure.Curve
		for i, m := range methods {
			runs := make([][]float64, len(results))
			for k, r := range results {
				runs[k] = of(r.traces[i])
			}
			curve := figure.Mean(m.name, at, runs)
			curve.Colour = figure.ColourOf(m.name)
			all = append(all, curve)
		}
		ends := make([]float64, len(results))
		for k, r := range results {
			ends[k] = end(r)
		}
		level := interval.Of(ends).Mean
		return append(all, figure.Curve{Name: closedFormName, X: []float64{at[0], last(at)}, Y: []float64{level, level}, Line: true, Dashed: true, Colour: 1})
	}
	over := fmt.Sprintf("mean over %d seeds, 95%% interval", s.seeds)
	if s.seeds == 1 {
		over = "one seed"
	}
	return []figure.Panel{{
		Title:  fmt.Sprintf("%s\nsigma %v, %s", e.Title, s.sigma, over),
		X:      "step",
		Y:      "relative distance to planted " + e.Planted,
		LogX:   true,
		Curves: curves(func(t trace) []float64 { return t.recovery }, func(r result) float64 { return r.minimiser.recovery }),
	}, {
		Title:  "What noise on one layer adds to the expected loss\nat least the " + e.Penalty + " times a constant",
		X:      "step",
		Y:      "extra loss, units of the loss",
		LogX:   true,
		Curves: curves(func(t trace) []float64 { return t.regulariser }, func(r result) float64 { return r.minimiser.regulariser }),
	}}
}

// relative returns the distance between x and target relative to the target's norm.
func relative(x, target []float64) float64 {
	return floats.Distance(x, target, 2) / floats.Norm(target, 2)
}
