package layers

import (
	"context"
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// inference is a network's graph in evaluation mode.
type inference struct {
	graph   *G.ExprGraph
	classes int
	// logits of the last pass. They are apart, because the graph points at them and the machine, which has a finalizer, at the
	// graph: if they were a part of what holds the machine, the garbage collector would keep all of it, for ever.
	logits *G.Value
	vm     G.VM // nil before the first use
}

// read makes the logits, (..., classes), the result of the graph.
func (e *inference) read(logits *G.Node) {
	e.graph, e.classes = logits.Graph(), logits.Shape()[logits.Dims()-1]
	e.logits = new(G.Value)
	G.Read(logits, e.logits)
}

// run makes the logits of what is loaded.
func (e *inference) run() error {
	if e.vm == nil {
		e.vm = G.NewTapeMachine(e.graph)
	}
	defer e.vm.Reset()
	if err := e.vm.RunAll(); err != nil {
		return errors.Wrap(err, "layers: evaluate")
	}
	return nil
}

// row copies row i of the logits to dst, in float64.
func (e *inference) row(i int, dst []float64) {
	convert(dst, elements((*e.logits).Data(), i*e.classes, (i+1)*e.classes))
}

// evaluation is the graph of a network that classifies images.
type evaluation struct {
	inference
	images *input
}

// newEvaluation builds the evaluation graph of net.
func newEvaluation(net Layer, dtype tensor.Dtype, batch int, image tensor.Shape) (*evaluation, error) {
	g := G.NewGraph()
	e := &evaluation{images: newInput(g, dtype, batch, image)}
	logits, err := forwardLogits(net, NewBuilder(g, Evaluation), e.images)
	if err != nil {
		return nil, err
	}
	e.read(logits)
	return e, nil
}

// each calls f with the logits of every image, in order, in float64. The slice is overwritten by the next call. The images
// pass through the graph a batch at a time; the logits of the rows that the last batch leaves over are not looked at.
func (e *evaluation) each(ctx context.Context, images *tensor.Dense, f func(image int, logits []float64)) error {
	n, err := e.images.count(images)
	if err != nil {
		return err
	}
	row := make([]float64, e.classes)
	for lo := 0; lo < n; lo += e.images.batch {
		if err := ctx.Err(); err != nil {
			return errors.Wrapf(err, "layers: predict, after %d images", lo)
		}
		hi := min(lo+e.images.batch, n)
		e.images.load(images, lo, hi)
		if err := e.run(); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			e.row(i-lo, row)
			f(i, row)
		}
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
