// Width shows why noise goes into one layer at a time: noise on all layers of a wide network adds a term to the expected loss,
// and to its variance, that grows with the width, though the network computes the same function.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"text/tabwriter"

	"github.com/layernoise/layernoise/internal/cli"
	"github.com/layernoise/layernoise/internal/figure"
	"github.com/layernoise/layernoise/optim"
)

// settings are the flags.
type settings struct {
	sigma     float64
	doublings int
	draws     int
	seed      uint64
	out       string
}

func main() {
	var s settings
	flag.Float64Var(&s.sigma, "sigma", 0.3, "standard deviation of the noise, in the units of the weights; sigma/sqrt(2) for noise on both layers")
	flag.IntVar(&s.doublings, "doublings", 7, fmt.Sprintf("how often the width doubles, from %d", units))
	flag.IntVar(&s.draws, "draws", 2000, fmt.Sprintf("draws of the noise for each point, in %d parts", parts))
	flag.Uint64Var(&s.seed, "seed", 1, "seed of weights, inputs and noise")
	flag.StringVar(&s.out, "out", "width.png", "the picture, a PNG `file`")
	cli.Main(func(ctx context.Context) error { return run(ctx, s) })
}

func (s settings) check() error {
	switch {
	case !(s.sigma > 0) || math.IsInf(s.sigma, 1):
		return cli.Usagef("-sigma is %v, want more than 0", s.sigma)
	case s.doublings < 1 || s.doublings > 12:
		return cli.Usagef("-doublings is %d, want 1 to 12", s.doublings)
	case s.draws < 2*parts:
		return cli.Usagef("-draws is %d, want %d or more", s.draws, 2*parts)
	case s.out == "":
		return cli.Usagef("-out is empty, want a file")
	}
	return nil
}

// noises are the two ways to inject noise. With two layers All has sigma/sqrt(2), which makes the terms of second order equal.
var noises = []struct {
	name      string
	selection func() optim.Selection
}{
	{"noise on all", optim.All},
	{"noise on one layer", optim.Uniform},
}

func run(ctx context.Context, s settings) error {
	if err := s.check(); err != nil {
		return err
	}
	bar := cli.Bar(2*len(noises)*(s.doublings+1), "width")
	var widths []float64
	results := map[bool][][]measured{} // for linear networks and for ReLU: noise, width
	for _, relu := range []bool{false, true} {
		results[relu] = make([][]measured, len(noises))
	}
	for k := range s.doublings + 1 {
		width := units << k
		widths = append(widths, float64(width))
		for _, relu := range []bool{false, true} {
			for i := range noises {
				m, err := measure(ctx, s, width, relu, noises[i].selection())
				if err != nil {
					return err
				}
				results[relu][i] = append(results[relu][i], m)
				_ = bar.Add(1)
			}
		}
	}
	_ = bar.Finish()
	lines := closedForms(s, widths)
	if err := table(widths, results, lines); err != nil {
		return err
	}
	if err := figure.Save(s.out, panels(s, widths, results, lines)...); err != nil {
		return err
	}
	fmt.Println("picture:", s.out)
	return nil
}

// table prints the extra loss.
func table(widths []float64, results map[bool][][]measured, lines []form) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "extra loss at width\tlinear, all\tclosed form\tlinear, one layer\tclosed form\tReLU, all\tReLU, one layer")
	for k, width := range widths {
		cell := func(relu bool, i int) string {
			e := results[relu][i][k].extra
			return fmt.Sprintf("%.3f ± %.3f", e.mean, e.err)
		}
		fmt.Fprintf(w, "%.0f\t%s\t%.3f\t%s\t%.3f\t%s\t%s\n", width, cell(false, 0), lines[0].extra[k], cell(false, 1), lines[1].extra[k], cell(true, 0), cell(true, 1))
	}
	return w.Flush()
}

// panels are the picture: three numbers, for linear networks above and ReLU networks below.
func panels(s settings, widths []float64, results map[bool][][]measured, lines []form) []figure.Panel {
	var list []figure.Panel
	for _, relu := range []bool{false, true} {
		network := "Linear"
		if relu {
			network = "ReLU"
		}
		for _, q := range []struct {
			title, unit string
			of          func(measured) estimate
			line        func(form) []float64
		}{
			{"extra loss", "mean less R(w), units of the loss", func(m measured) estimate { return m.extra }, func(f form) []float64 { return f.extra }},
			{"variance of the loss", "variance, loss squared", func(m measured) estimate { return m.loss }, func(f form) []float64 { return f.loss }},
			{"variance of the gradient", "variance, (loss/weight) squared", func(m measured) estimate { return m.gradient }, func(f form) []float64 { return f.gradient }},
		} {
			p := figure.Panel{
				Title: fmt.Sprintf("%s network: %s\nsigma %v, %d draws, standard errors", network, q.title, s.sigma, s.draws),
				X:     "width, hidden units", Y: q.unit, LogX: true, LogY: true, TicksX: widths,
			}
			for i, n := range noises {
				c := figure.Curve{Name: n.name, X: widths, Marks: true, Line: relu, Colour: i + 2}
				for _, m := range results[relu][i] {
					c.Y, c.Err = append(c.Y, q.of(m).mean), append(c.Err, q.of(m).err)
				}
				p.Curves = append(p.Curves, c)
				if line := q.line(lines[i]); !relu && line != nil {
					p.Curves = append(p.Curves, figure.Curve{Name: n.name + ", closed form", X: widths, Y: line, Line: true, Dashed: true, Colour: i + 2})
				}
			}
			list = append(list, p)
		}
	}
	return list
}
