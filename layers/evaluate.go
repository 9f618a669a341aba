package layers

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Evaluate returns the network's metrics over one pass, number 0, of the batches, which may be of any size: every image
// counts once, whatever a loader pads its last batch with (Valid). It changes neither weights nor running statistics, and
// does not disturb a training on the same loader. It ends early when ctx is done, with its error.
func (c *Classifier) Evaluate(ctx context.Context, batches Batches) (Metrics, error) {
	var sums tally
	images, err := c.judge(ctx, batches, sums.add)
	if err != nil {
		return Metrics{}, err
	}
	if images == 0 {
		return Metrics{}, errors.Wrap(ErrNoImages, "layers: evaluate")
	}
	m := sums.metrics()
	m.Images = images
	return m, nil
}

// judge calls f with the outcome for each image of a pass, and returns the number of images.
func (c *Classifier) judge(ctx context.Context, batches Batches, f func(outcome)) (images int, err error) {
	if isnil.Of(batches) {
		return 0, errors.New("layers: no batches to evaluate on")
	}
	return c.ranks.evaluate(ctx, batches, c.evaluation.judge, f)
}

// judge returns the outcomes for the valid images of a batch of any size.
func (e *evaluation) judge(ctx context.Context, batch anyPass) (judged, error) {
	images, labels := batch.(Pass).Images(), batch.(Pass).Labels()
	n, err := e.images.count(images)
	if err != nil {
		return judged{}, err
	}
	j := judged{places: n, count: min(n, batch.Valid())}
	if err := checkLabels(labels, n, e.classes); err != nil {
		return j, err
	}
	err = e.each(ctx, images, func(i int, logits []float64) {
		if i < j.count {
			j.outcomes = append(j.outcomes, outcomeOf(logits, labels[i]))
		}
	})
	return j, err
}

// inference is a network's graph in evaluation mode.
type inference struct {
	graph   *G.ExprGraph
	classes int
	// logits of the last pass. They are allocated separately: the graph points at them, and the machine, which has a finalizer,
	// at the graph. If they were part of the struct that holds the machine, the garbage collector could never free any of it.
	logits *G.Value
	vm     G.VM // nil before the first use
}

// read makes the logits, (..., classes), the result of the graph.
func (e *inference) read(logits *G.Node) {
	e.graph, e.classes = logits.Graph(), logits.Shape()[logits.Dims()-1]
	e.logits = new(G.Value)
	G.Read(logits, e.logits)
}

// run computes the logits of the loaded input.
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

// evaluation is the evaluation graph of a network that classifies images.
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
// pass through the graph a batch at a time; unused rows of the last batch are ignored.
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

// argmax returns the class of the largest logit, the first among equal ones, and -1 if one is NaN.
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

// logSumExp returns log(sum(exp(logits))), without overflow.
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

// judged is the outcomes of a batch.
type judged struct {
	places   int // room for outcomes, the same on every rank
	count    int // images or sequences not shown before
	outcomes []outcome
}

// evaluate makes pass number 0 over the batches. It calls f with the outcome of each prediction, in the order of the pass,
// whichever rank made it, and returns the number of images or sequences. So every rank adds up the same numbers in the same
// order as a single process does.
func (r *ranks) evaluate(ctx context.Context, batches AnyBatches, judge func(context.Context, anyPass) (judged, error), f func(outcome)) (count int, err error) {
	r.begin()
	shared, err := r.shares(batches)
	if err != nil {
		return 0, r.tell(err)
	}
	if !shared {
		return r.evaluatePass(ctx, batches, judge, f, false)
	}
	if err = r.alike(description(batches)); err == nil {
		count, err = r.evaluatePass(ctx, batches, judge, f, true)
	}
	if err = r.agree(err); err != nil {
		return 0, err
	}
	return count, nil
}

// evaluatePass is evaluate on one rank.
func (r *ranks) evaluatePass(ctx context.Context, batches AnyBatches, judge func(context.Context, anyPass) (judged, error), f func(outcome), shared bool) (count int, err error) {
	pass, err := begin(batches, 0, 0)
	if err != nil {
		return 0, errors.Wrap(err, "layers: start of the evaluation")
	}
	defer pass.Close()
	for pass.Next() {
		if err := ctx.Err(); err != nil {
			return 0, errors.Wrapf(err, "layers: evaluation after %d images or sequences", count)
		}
		j, err := judge(ctx, pass)
		if err == nil && shared {
			j, err = r.gather(j)
		}
		if err != nil {
			return 0, err
		}
		for _, o := range j.outcomes {
			f(o)
		}
		count += j.count
	}
	if err := pass.Err(); err != nil {
		return 0, errors.Wrap(err, "layers: batches of the evaluation")
	}
	return count, nil
}

// outcomeSize is the number of floats that encode an outcome.
const outcomeSize = 5

// numbers encodes the outcome in x.
func (o outcome) numbers(x []float64) {
	x[0], x[1], x[2], x[3], x[4] = float64(o.label), float64(o.class), o.sure, o.loss, 0
	if o.top5 {
		x[4] = 1
	}
}

func outcomeFrom(x []float64) outcome {
	return outcome{label: int(x[0]), class: int(x[1]), sure: x[2], loss: x[3], top5: x[4] != 0}
}

// gather returns the outcomes of the batches of all ranks, those of rank 0 first. A rank's part of the sums is zero on all
// other ranks.
func (r *ranks) gather(mine judged) (judged, error) {
	const head = 2
	size := head + outcomeSize*mine.places
	x := make([]float64, r.Size()*size)
	part := x[r.Rank()*size:][:size]
	part[0], part[1] = float64(mine.count), float64(len(mine.outcomes))
	for i, o := range mine.outcomes {
		o.numbers(part[head+outcomeSize*i:])
	}
	if err := r.sum(x, nil); err != nil {
		return judged{}, err
	}
	var all judged
	for ; len(x) > 0; x = x[size:] {
		all.count += int(x[0])
		for i := range int(x[1]) {
			all.outcomes = append(all.outcomes, outcomeFrom(x[head+outcomeSize*i:]))
		}
	}
	return all, nil
}

// Confusion counts predictions by label: Confusion[label][class] is the number of images with that label that were predicted
// as class. Images with a NaN logit are not counted.
type Confusion [][]int

// Confusion returns the confusion matrix over one pass, number 0, of the batches, which it treats like Evaluate.
func (c *Classifier) Confusion(ctx context.Context, batches Batches) (Confusion, error) {
	m := make(Confusion, c.evaluation.classes)
	for i := range m {
		m[i] = make([]int, c.evaluation.classes)
	}
	images, err := c.judge(ctx, batches, func(o outcome) {
		if o.class >= 0 {
			m[o.label][o.class]++
		}
	})
	if err == nil && images == 0 {
		err = errors.Wrap(ErrNoImages, "layers: confusion matrix")
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// String returns the matrix as a table with a line for each label.
func (m Confusion) String() string {
	width := 1
	for _, row := range m {
		for _, n := range row {
			width = max(width, len(fmt.Sprint(n)))
		}
	}
	var b strings.Builder
	for _, row := range m {
		for i, n := range row {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%*d", width, n)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
