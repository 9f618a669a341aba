package layers

import (
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// evaluation is a network's graph in evaluation mode.
type evaluation struct {
	graph   *G.ExprGraph
	images  *input
	classes int
	logits  G.Value // of the last pass
	vm      G.VM    // nil before the first use
}

// newEvaluation builds the evaluation graph of net.
func newEvaluation(net Layer, dtype tensor.Dtype, batch int, image tensor.Shape) (*evaluation, error) {
	g := G.NewGraph()
	e := &evaluation{graph: g, images: newInput(g, dtype, batch, image)}
	logits, err := forwardLogits(net, NewBuilder(g, Evaluation), e.images)
	if err != nil {
		return nil, err
	}
	e.classes = logits.Shape()[1]
	G.Read(logits, &e.logits)
	return e, nil
}

// each calls f with the logits of every image, in order, in float64. The slice is overwritten by the next call. The images
// pass through the graph a batch at a time; the logits of the rows that the last batch leaves over are not looked at.
func (e *evaluation) each(images *tensor.Dense, f func(image int, logits []float64)) error {
	n, err := e.images.count(images)
	if err != nil {
		return err
	}
	row := make([]float64, e.classes)
	for lo := 0; lo < n; lo += e.images.batch {
		hi := min(lo+e.images.batch, n)
		if err := e.run(images, lo, hi); err != nil {
			return err
		}
		data := e.logits.Data()
		for i := lo; i < hi; i++ {
			convert(row, elements(data, (i-lo)*e.classes, (i-lo+1)*e.classes))
			f(i, row)
		}
	}
	return nil
}

// run makes the logits of the images numbered lo to hi-1.
func (e *evaluation) run(images *tensor.Dense, lo, hi int) error {
	if e.vm == nil {
		e.vm = G.NewTapeMachine(e.graph)
	}
	defer e.vm.Reset()
	e.images.load(images, lo, hi)
	if err := e.vm.RunAll(); err != nil {
		return errors.Wrap(err, "layers: evaluate")
	}
	return nil
}

// argmax returns the class of the largest logit, the first of equal ones, and -1 if one is NaN.
func argmax(logits []float64) int {
	best := 0
	for i, v := range logits {
		if math.IsNaN(v) {
			return -1
		}
		if v > logits[best] {
			best = i
		}
	}
	return best
}

// logSumExp returns log(sum(exp(logits))), for logits of any size.
func logSumExp(logits []float64) float64 {
	top := math.Inf(-1)
	for _, v := range logits {
		top = math.Max(top, v)
	}
	if math.IsInf(top, 0) {
		return top
	}
	sum := 0.0
	for _, v := range logits {
		sum += elementary.Exp(v - top)
	}
	return top + elementary.Log(sum)
}
