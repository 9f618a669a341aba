package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"github.com/layernoise/layernoise/examples/internal/closedform"
	"gonum.org/v1/gonum/mat"
)

// Sizes of the deeper networks, for which there are only closed forms.
var (
	depthWidths = []int{10, 80, 640}
	depths      = []int{1, 2, 3} // hidden layers
)

// deeper returns what noise adds to the loss of a linear network whose weights all have variance 1/width, by the closed
// forms: on one layer at a time, and on all at once with sigma/sqrt(layers).
func deeper(seed uint64, sigma float64, hidden, width int) (layer, all float64, err error) {
	d := &closedform.DeepLinear{Y: mat.NewDense(outputs, inputs, nil)}
	for range hidden {
		d.Widths = append(d.Widths, width)
	}
	random := rand.New(rand.NewPCG(seed, 3))
	var w [][]float64
	product := mat.NewDense(inputs, inputs, nil)
	for i := range inputs {
		product.Set(i, i, 1)
	}
	for _, shape := range d.Shapes() {
		m := mat.NewDense(shape[0], shape[1], nil)
		m.Apply(func(_, _ int, _ float64) float64 { return random.NormFloat64() / math.Sqrt(float64(width)) }, m)
		w = append(w, m.RawMatrix().Data)
		var longer mat.Dense
		longer.Mul(m, product)
		product = &longer
	}
	d.Y = product // the loss is zero without noise
	if layer, err = d.Loss(w, sigma); err != nil {
		return 0, 0, err
	}
	all, err = d.LossAll(w, sigma/math.Sqrt(float64(len(w))))
	return layer, all, err
}

// depthTable writes the closed forms of deeper networks as Markdown.
func depthTable(out io.Writer, s settings) error {
	fmt.Fprintln(out, "| hidden layers | width | layer | all |")
	fmt.Fprintln(out, "|---|---|---|---|")
	for _, hidden := range depths {
		for _, width := range depthWidths {
			layer, all, err := deeper(s.seed, s.sigma, hidden, width)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "| %d | %d | %.2f | %.5g |\n", hidden, width, layer, all)
		}
	}
	return nil
}
