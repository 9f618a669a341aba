// Group shows that noise in the weights acts as a group penalty: regression with beta_g = u_g v_g, a number times a vector
// for each group, recovers the few groups that matter if it is trained with noise, but not without.
package main

import (
	"flag"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/recovery"
	"gonum.org/v1/gonum/floats"
)

func main() {
	n := flag.Int("n", 40, "observations")
	groups := flag.Int("groups", 20, "groups of coefficients")
	k := flag.Int("k", 4, "coefficients in a group")
	active := flag.Int("active", 3, "groups that are not 0")
	errs := flag.Float64("errors", 0.1, "standard deviation of the errors in the observations; a group's coefficients have length 1")
	recovery.Main(recovery.Experiment{
		Name:  "group",
		Title: "What was learnt, beta_g = u_g v_g",
		Shown: func(beta []float64) []float64 {
			norms := make([]float64, *groups)
			for g := range norms {
				norms[g] = floats.Norm(beta[g**k:(g+1)**k], 2)
			}
			return norms
		},
		ShownX:  "group",
		ShownY:  "length of its coefficients",
		Planted: "coefficients",
		Penalty: "group l1 norm",
		Sigma:   0.3,
		Rate:    0.05,
		Steps:   20_000,
		Check: func() error {
			if err := cli.AtLeast(1, "n", "groups", "k", "active"); err != nil {
				return err
			}
			if *active > *groups {
				return cli.Usagef("-active %d, want at most the %d of -groups", *active, *groups)
			}
			if *k > *n {
				return cli.Usagef("-k %d, want at most the %d of -n", *k, *n)
			}
			return cli.NotNegative("errors")
		},
		Plant: func(seed uint64) (*closedform.Planted, error) {
			return closedform.PlantGroups(*n, *groups, *k, *active, *errs, seed)
		},
	})
}
