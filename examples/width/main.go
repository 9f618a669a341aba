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
var noises = [...]struct {
	name      string
	selection func() optim.Selection
	closed    func(weights [2][]float64, width int, sigma float64) form
}{
	{"noise on all", optim.All, formAll},
	{"noise on one layer", optim.Uniform, formLayer},
}

// row is what was measured at a width, for each noise, and the closed forms of the linear network.
type row struct {
	width        int
	linear, relu [len(noises)]measured
	closed       [len(noises)]form
}

func run(ctx context.Context, s settings) error {
	if err := s.check(); err != nil {
		return err
	}
	rows := make([]row, s.doublings+1)
	bar := cli.Bar(len(rows)*len(noises), "width")
	for k := range rows {
		r := &rows[k]
		r.width = units << k
		for i, n := range noises {
			var err error
			if r.linear[i], err = measure(ctx, s, r.width, false, n.selection()); err != nil {
				return err
			}
			if r.relu[i], err = measure(ctx, s, r.width, true, n.selection()); err != nil {
				return err
			}
			r.closed[i] = n.closed(widened(s.seed, r.width), r.width, s.sigma)
			_ = bar.Add(1)
		}
	}
	_ = bar.Finish()
	if err := table(rows); err != nil {
		return err
	}
	if err := figure.Save(s.out, panels(s, rows)...); err != nil {
		return err
	}
	fmt.Println("picture:", s.out)
	return nil
}

// table prints the extra loss.
func table(rows []row) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "extra loss at width\tlinear, all\tclosed form\tlinear, one layer\tclosed form\tReLU, all\tReLU, one layer")
	for _, r := range rows {
		fmt.Fprintf(w, "%d\t%v\t%.3f\t%v\t%.3f\t%v\t%v\n", r.width,
			r.linear[0].extra, r.closed[0].extra, r.linear[1].extra, r.closed[1].extra, r.relu[0].extra, r.relu[1].extra)
	}
	return w.Flush()
}
