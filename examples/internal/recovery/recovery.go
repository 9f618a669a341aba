// Package recovery holds what the examples sparse, group and nuclear have in common: training with and without noise on data
// made from a known, planted solution, and a picture of how close each training comes to it.
package recovery

import (
	"context"
	"flag"
	"fmt"
	"math"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/examples/internal/interval"
	"github.com/layernoise/layernoise/graph"
	"gonum.org/v1/gonum/floats"
)

// Experiment is one of the examples.
type Experiment struct {
	Name    string // of the picture's file
	Title   string // of the first panel
	Planted string // what is recovered, such as "coefficients"
	Penalty string // what the noise penalises, such as "l1 norm"

	// Shown returns the numbers that the first panel shows of a solution, in order. ShownX and ShownY label its axes.
	Shown          func(solution []float64) []float64
	ShownX, ShownY string

	// Default values of the flags.
	Sigma, Rate float64
	Steps       int

	// Check checks the example's own flags. Plant makes the data of a seed. Both are called after the flags are parsed.
	Check func() error
	Plant func(seed uint64) (*closedform.Planted, error)
}

// settings are the flags that the examples share.
type settings struct {
	sigma, rate  float64
	steps, seeds int
	out          string
}

// Main is the main function of an example, which may define its own flags before the call.
func Main(e Experiment) {
	var s settings
	flag.Float64Var(&s.sigma, "sigma", e.Sigma, "standard deviation of the noise, in the units of the weights")
	flag.Float64Var(&s.rate, "rate", e.Rate, "learning rate at the first step; it falls to 0 along half a cosine")
	flag.IntVar(&s.steps, "steps", e.Steps, "steps of each training")
	flag.IntVar(&s.seeds, "seeds", 5, "how many times to repeat, with other data, initial weights and noise")
	flag.StringVar(&s.out, "out", e.Name+".png", "the picture, a PNG `file`; an SVG of it and the numbers as JSON go beside it")
	cli.Main(func(ctx context.Context) error { return e.run(ctx, s) })
}

func (s settings) check() error {
	switch {
	case !(s.sigma >= 0) || math.IsInf(s.sigma, 1):
		return cli.Usagef("-sigma %v, want 0 or more", s.sigma)
	case !(s.rate > 0) || math.IsInf(s.rate, 1):
		return cli.Usagef("-rate %v, want more than 0", s.rate)
	case s.steps < 2:
		return cli.Usagef("-steps %d, want 2 or more", s.steps)
	case s.seeds < 1:
		return cli.Usagef("-seeds %d, want 1 or more", s.seeds)
	}
	return cli.CheckPicture("out", s.out)
}

func (e Experiment) run(ctx context.Context, s settings) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := e.Check(); err != nil {
		return err
	}
	graph.UseBLAS()
	bar := cli.Bar(s.seeds*len(methods), e.Name)
	at := figure.Steps(s.steps, points)
	results := make([]result, s.seeds)
	for i := range results {
		planted, err := e.Plant(uint64(i + 1))
		if err != nil {
			return err
		}
		if results[i], err = measure(ctx, planted, s, uint64(i+1), at, func() { _ = bar.Add(1) }); err != nil {
			return err
		}
	}
	_ = bar.Finish()
	ends := endings(results)
	fmt.Print(table(ends))
	warn(results)
	if err := store(s.out, ends); err != nil {
		return err
	}
	if err := figure.Save(s.out, e.panels(s, at, results)...); err != nil {
		return err
	}
	fmt.Println("picture:", s.out)
	return nil
}

// warn lists the trainings that diverged.
func warn(results []result) {
	for i, m := range methods {
		for k, r := range results {
			if step := r.traces[i].diverged; step > 0 {
				fmt.Printf("%s, seed %d: no longer finite after %d steps: try a smaller -rate or -sigma\n", m.name, k+1, step)
			}
		}
	}
}

func last(x []float64) float64 { return x[len(x)-1] }

// closedFormName is the name, in table and picture, of the solution that noise leads to in theory.
const closedFormName = "closed form"

// panels returns the picture: the solutions for the first seed, and recovery and regulariser along the trainings.
func (e Experiment) panels(s settings, at []float64, results []result) []figure.Panel {
	over := fmt.Sprintf("mean and 95%% interval, %d seeds", s.seeds)
	if s.seeds == 1 {
		over = "one seed"
	}
	return []figure.Panel{
		e.learnt(results[0]),
		{
			Title: fmt.Sprintf("Sigma %v: %s", s.sigma, over), X: "step", Y: "relative distance to planted " + e.Planted, LogX: true, LogY: true,
			Curves: along(at, results, func(t trace) []float64 { return t.recovery }, func(r result) float64 { return r.minimiser.recovery }),
		}, {
			Title: "Regulariser, at least the " + e.Penalty + " times a constant", X: "step", Y: "loss added by noise on one layer at a time",
			LogX: true, LogY: true,
			Curves: along(at, results, func(t trace) []float64 { return t.regulariser }, func(r result) float64 { return r.minimiser.regulariser }),
		},
	}
}

// along returns the curves of one quantity along the trainings, and its level for the closed form.
func along(at []float64, results []result, of func(trace) []float64, end func(result) float64) []figure.Curve {
	var all []figure.Curve
	for i, m := range methods {
		runs := make([][]float64, len(results))
		for k, r := range results {
			runs[k] = of(r.traces[i])
		}
		c := figure.Mean(m.name, at, runs)
		c.Colour = m.colour
		all = append(all, c)
	}
	ends := make([]float64, len(results))
	for k, r := range results {
		ends[k] = end(r)
	}
	level := figure.Curve{Name: closedFormName, X: at, Y: make([]float64, len(at)), Line: true, Dashed: true, Colour: figure.None}
	for i := range level.Y {
		level.Y[i] = interval.Of(ends).Mean
	}
	return append(all, level)
}

// negligible is the largest number that counts as zero.
const negligible = 1e-9

// plantedColour is the colour of the planted solution, drawn as hollow marks.
const plantedColour = figure.Decay

// learnt shows the solutions at the end of the trainings.
func (e Experiment) learnt(r result) figure.Panel {
	p := figure.Panel{Title: e.Title, X: e.ShownX, Y: e.ShownY, Zero: true}
	add := func(c figure.Curve, solution []float64, zeros bool) {
		if solution == nil { // the training diverged
			return
		}
		for i, y := range e.Shown(solution) {
			if zeros || math.Abs(y) > negligible {
				c.X, c.Y = append(c.X, float64(i+1)), append(c.Y, y)
			}
		}
		p.Curves = append(p.Curves, c)
	}
	for i, m := range methods[:2] { // the curve of "all" would cover that of "layer"
		add(figure.Curve{Name: m.name, Marks: true, Colour: m.colour}, r.traces[i].solution, true)
	}
	add(figure.Curve{Name: "planted, the others are 0", Marks: true, Colour: plantedColour, Variant: 1}, r.truth, false)
	add(figure.Curve{Name: closedFormName, Line: true, Dashed: true, Colour: figure.None}, r.minimiser.solution, true)
	return p
}

// relative returns the distance between x and target relative to the target's norm.
func relative(x, target []float64) float64 {
	return floats.Distance(x, target, 2) / floats.Norm(target, 2)
}
