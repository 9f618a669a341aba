// Nuclear shows that noise in the weights acts as a penalty on the nuclear norm: a linear network with one hidden layer,
// trained to reproduce a noisy matrix of low rank, recovers the matrix without the errors if its weights take noise, and
// reproduces the errors otherwise.
package main

import (
	"flag"

	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/recovery"
	"gonum.org/v1/gonum/mat"
)

func main() {
	rows := flag.Int("rows", 30, "rows of the matrix, the network's outputs")
	cols := flag.Int("cols", 40, "columns of the matrix, the network's inputs")
	rank := flag.Int("rank", 2, "rank of the matrix, whose singular values are sqrt(rows*cols)")
	width := flag.Int("width", 50, "hidden units of the network")
	errs := flag.Float64("errors", 0.5, "standard deviation of the errors in the matrix's elements")
	recovery.Main(recovery.Experiment{
		Name:    "nuclear",
		Title:   "What was learnt, M = W2 W1",
		Shown:   func(m []float64) []float64 { return singularValues(m, *rows, *cols) },
		ShownX:  "number",
		ShownY:  "singular value",
		Planted: "matrix",
		Penalty: "nuclear norm",
		Sigma:   0.5,
		Rate:    0.002,
		Steps:   20_000,
		Check: func() error {
			if err := cli.AtLeast(1, "rows", "cols", "rank", "width"); err != nil {
				return err
			}
			if *rank > min(*rows, *cols) {
				return cli.Usagef("-rank %d, want at most %d, the smaller one of -rows and -cols", *rank, min(*rows, *cols))
			}
			return cli.NotNegative("errors")
		},
		Plant: func(seed uint64) (*closedform.Planted, error) {
			return closedform.PlantLowRank(*cols, *rows, *rank, *width, *errs, seed)
		},
	})
}

// singularValues returns the singular values of a matrix, the largest first.
func singularValues(m []float64, rows, cols int) []float64 {
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(rows, cols, m), mat.SVDNone) {
		return nil // drawing the picture will fail
	}
	return svd.Values(nil)
}
