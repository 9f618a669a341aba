// Width shows when to inject noise into one layer at a time rather than into all: noise on all layers adds a term to the
// expected loss, and to its variance, that grows with the width whatever the weights are. What noise on one layer adds
// depends only on the weights' norms, and does not grow if they do not.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/graph"
)

// settings are the flags.
type settings struct {
	sigma     float64
	doublings int
	draws     int
	seed      uint64
	out       string
	variances string
}

func main() {
	var s settings
	flag.Float64Var(&s.sigma, "sigma", 0.3, "standard deviation of the noise, in the units of the weights; sigma/sqrt(2) for noise on both layers")
	flag.IntVar(&s.doublings, "doublings", 7, fmt.Sprintf("how often the width doubles, from %d", units))
	flag.IntVar(&s.draws, "draws", 2000, fmt.Sprintf("draws of the noise for each point, in %d parts", parts))
	flag.Uint64Var(&s.seed, "seed", 1, "seed of weights, inputs and noise")
	flag.StringVar(&s.out, "out", "width.png", "picture of the extra loss, a PNG `file`")
	flag.StringVar(&s.variances, "variances", "variances.png", "picture of the variances of loss and gradient, a PNG `file`")
	cli.Main(func(ctx context.Context) error { return run(ctx, s) })
}

func (s settings) check() error {
	switch {
	case !(s.sigma > 0) || math.IsInf(s.sigma, 1):
		return cli.Usagef("-sigma %v, want more than 0", s.sigma)
	case s.doublings < 1 || s.doublings > 12:
		return cli.Usagef("-doublings %d, want 1 to 12", s.doublings)
	case s.draws < 2*parts:
		return cli.Usagef("-draws %d, want %d or more", s.draws, 2*parts)
	case s.out == s.variances:
		return cli.Usagef("-variances %q is the file of -out", s.variances)
	}
	if err := cli.CheckPicture("out", s.out); err != nil {
		return err
	}
	return cli.CheckPicture("variances", s.variances)
}

// cell holds the measurements and the closed forms for a kind of network and of noise at a width.
type cell struct {
	measured
	closed form
}

// row holds the cells of a width.
type row struct {
	width int
	cells [len(kinds)][len(noises)]cell
}

func run(ctx context.Context, s settings) error {
	if err := s.check(); err != nil {
		return err
	}
	graph.UseBLAS()
	rows := make([]row, s.doublings+1)
	bar := cli.Bar(len(rows)*len(kinds)*len(noises), "width")
	for k := range rows {
		r := &rows[k]
		r.width = units << k
		for i := range kinds {
			for j := range noises {
				c, err := &r.cells[i][j], error(nil)
				if c.measured, err = s.measure(ctx, i, j, r.width); err != nil {
					return err
				}
				if c.closed, err = s.closed(i, j, r.width); err != nil {
					return err
				}
				_ = bar.Add(1)
			}
		}
	}
	_ = bar.Finish()
	table(os.Stdout, rows)
	fmt.Println()
	if err := depthTable(os.Stdout, s); err != nil {
		return err
	}
	if err := figure.Save(s.out, extraPanels(s, rows)...); err != nil {
		return err
	}
	if err := figure.Save(s.variances, variancePanels(rows)...); err != nil {
		return err
	}
	fmt.Println("pictures:", s.out, s.variances)
	return nil
}

// table writes the extra loss as Markdown.
func table(out io.Writer, rows []row) {
	fmt.Fprintln(out, "| network | width | layer | closed form | all | closed form |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for i, kind := range kinds {
		for _, r := range rows {
			layer, all := r.cells[i][0], r.cells[i][1]
			fmt.Fprintf(out, "| %s | %d | %v | %.3f | %v | %.3f |\n", kind.name, r.width, layer.extra, layer.closed.extra, all.extra, all.closed.extra)
		}
	}
}
