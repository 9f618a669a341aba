// Sparse shows that noise in the weights acts as an l1 penalty: regression with beta = u.v recovers sparse coefficients from
// fewer observations than there are coefficients if it is trained with noise, but not without.
package main

import (
	"flag"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/recovery"
)

func main() {
	n := flag.Int("n", 40, "observations")
	d := flag.Int("d", 80, "coefficients")
	active := flag.Int("active", 5, "coefficients that are not 0")
	errs := flag.Float64("errors", 0.1, "standard deviation of the errors in the observations; the coefficients are 1 or -1")
	recovery.Main(recovery.Experiment{
		Name:    "sparse",
		Title:   "What was learnt, beta = u.v",
		Shown:   func(beta []float64) []float64 { return beta },
		ShownX:  "coefficient",
		ShownY:  "value",
		Planted: "coefficients",
		Penalty: "l1 norm",
		Sigma:   0.35,
		Rate:    0.05,
		Steps:   20_000,
		Check: func() error {
			if err := cli.AtLeast(1, "n", "d", "active"); err != nil {
				return err
			}
			if *active > *d {
				return cli.Usagef("-active %d, want at most the %d of -d", *active, *d)
			}
			return cli.NotNegative("errors")
		},
		Plant: func(seed uint64) (*closedform.Planted, error) {
			return closedform.PlantGroups(*n, *d, 1, *active, *errs, seed)
		},
	})
}
