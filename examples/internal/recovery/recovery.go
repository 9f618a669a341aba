// Package recovery is what the examples sparse, group and nuclear have in common: a planted solution, training with and
// without noise, and a picture of how close each comes to what was planted.
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
	Title   string // of the picture
	Planted string // what is recovered, such as "coefficients"
	Penalty string // what the noise penalises, such as "l1 norm"

	// Shown makes the numbers that the first panel shows of a solution. ShownX says what they are numbered by, ShownY what they
	// are.
	Shown          func(solution []float64) []float64
	ShownX, ShownY string

	// Default values of the flags.
	Sigma, Rate float64
	Steps       int

	// Check checks the flags of the example's own. Plant makes the data of a seed. They are called after the flags were parsed.
	Check func() error
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

// warn says which trainings have diverged.
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

// closedFormName is how table and picture call what noise leads to in theory.
const closedFormName = "closed form"

// panels are the picture: what was learnt from the first seed's data, and recovery and regulariser along the training.
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

// along makes the curves of a number of the trainings, and the level of the closed form.
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

// negligible are numbers that are zero but for rounding.
const negligible = 1e-9

// plantedColour is that of what was planted, which is drawn as hollow marks.
const plantedColour = figure.Decay

// learnt shows the numbers that the trainings ended with.
func (e Experiment) learnt(r result) figure.Panel {
	p := figure.Panel{Title: e.Title, X: e.ShownX, Y: e.ShownY, Zero: true}
	add := func(c figure.Curve, solution []float64, zeros bool) {
		if solution == nil { // of a training that has diverged
			return
		}
		for i, y := range e.Shown(solution) {
			if zeros || math.Abs(y) > negligible {
				c.X, c.Y = append(c.X, float64(i+1)), append(c.Y, y)
			}
		}
		p.Curves = append(p.Curves, c)
	}
	for i, m := range methods[:2] { // all at once lies where one at a time does
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
