package layers

import (
	"context"
	"encoding/json"
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

// Metrics measures a network on labelled images, or on the tokens it is to predict.
type Metrics struct {
	Images   int     // number of images, or of sequences
	Tokens   int     // number of tokens to predict; 0 for images
	Loss     float64 // mean cross entropy; NaN if one of the logits is
	Accuracy float64 // fraction whose largest logit is that of the label
	Top5     float64 // fraction whose label is among the five largest logits, the first among equal ones

	// ECE is the expected calibration error: how far, on average, the network's confidence in its predictions is from how often
	// they are right. 0 is best; a network that is always certain and right half of the time has 0.5. The probabilities of the
	// predicted classes are sorted into 15 bins of equal width; the error is the mean over the bins of |accuracy - mean
	// probability|, weighted by their numbers of predictions. It is NaN if one of the logits is. C. Guo, G. Pleiss, Y. Sun, K.
	// Weinberger, On Calibration of Modern Neural Networks, ICML 2017, https://arxiv.org/abs/1706.04599.
	ECE float64
}

// metricsJSON is the JSON of Metrics.
type metricsJSON struct {
	Images   int    `json:"images"`
	Tokens   int    `json:"tokens,omitempty"`
	Loss     number `json:"loss"`
	Accuracy number `json:"accuracy"`
	Top5     number `json:"top5"`
	ECE      number `json:"ece"`
}

// MarshalJSON encodes the metrics, with null for NaN and infinity, which JSON does not have.
func (m Metrics) MarshalJSON() ([]byte, error) {
	return json.Marshal(metricsJSON{m.Images, m.Tokens, number(m.Loss), number(m.Accuracy), number(m.Top5), number(m.ECE)})
}

// UnmarshalJSON decodes what MarshalJSON encodes, null as NaN.
func (m *Metrics) UnmarshalJSON(data []byte) error {
	var x metricsJSON
	if err := json.Unmarshal(data, &x); err != nil {
		return err
	}
	*m = Metrics{x.Images, x.Tokens, float64(x.Loss), float64(x.Accuracy), float64(x.Top5), float64(x.ECE)}
	return nil
}

// number is a float64 whose JSON is null if it is not finite.
type number float64

func (x number) MarshalJSON() ([]byte, error) {
	if v := float64(x); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

func (x *number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*x = number(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(x))
}

// String describes the metrics in a line: for images the loss, accuracy, top-5 accuracy and calibration error; for tokens
// the loss, perplexity and accuracy.
func (m Metrics) String() string {
	if m.Tokens > 0 {
		return fmt.Sprintf("%d sequences, %d tokens: loss %.4f, perplexity %.3f, accuracy %.2f%%",
			m.Images, m.Tokens, m.Loss, m.Perplexity(), 100*m.Accuracy)
	}
	return fmt.Sprintf("%d images: loss %.4f, accuracy %.2f%%, top 5 %.2f%%, calibration error %.2f%%",
		m.Images, m.Loss, 100*m.Accuracy, 100*m.Top5, 100*m.ECE)
}

// Perplexity returns exp(Loss): the number of equally likely tokens that would be as hard to predict.
func (m Metrics) Perplexity() float64 { return elementary.Exp(m.Loss) }

// BitsPerToken returns the loss in bits, Loss/log(2): bits per character if the tokens are characters, bits per byte if they
// are bytes.
func (m Metrics) BitsPerToken() float64 { return m.Loss / math.Ln2 }

// outcome is the result of a prediction.
type outcome struct {
	label int
	class int     // the predicted class, -1 if a logit is NaN
	sure  float64 // the probability of that class
	loss  float64
	top5  bool
}

func outcomeOf(logits []float64, label int) outcome {
	total := logSumExp(logits)
	o := outcome{label: label, class: argmax(logits), loss: total - logits[label], top5: rank(logits, label) < 5}
	if o.class >= 0 {
		o.sure = elementary.Exp(logits[o.class] - total)
	}
	return o
}

// tally accumulates outcomes.
type tally struct {
	n             int
	loss          float64
	correct, top5 int
	sure          calibration
}

// add counts a prediction.
func (t *tally) add(o outcome) {
	t.n++
	t.loss += o.loss
	if o.class == o.label {
		t.correct++
	}
	t.sure.add(o)
	if o.top5 {
		t.top5++
	}
}

// metrics returns the means.
func (t *tally) metrics() Metrics {
	n := float64(t.n)
	return Metrics{Loss: t.loss / n, Accuracy: float64(t.correct) / n, Top5: float64(t.top5) / n, ECE: t.sure.err()}
}

// rank returns the position of class in the order of logits, largest first, the first among equal ones. If a logit is NaN,
// the position is beyond that of any class.
func rank(logits []float64, class int) int {
	before := 0
	for i, v := range logits {
		switch {
		case math.IsNaN(v):
			return len(logits) + 5
		case v > logits[class] || v == logits[class] && i < class:
			before++
		}
	}
	return before
}

// calibrationBins is the number of bins that Guo et al. use.
const calibrationBins = 15

// calibration accumulates, by confidence, how confident the network is and how often it is right.
type calibration struct {
	images, right [calibrationBins]int
	sure          [calibrationBins]float64 // sum of the probabilities of the predicted classes
	undefined     bool                     // a logit was NaN
}

// add notes a prediction.
func (c *calibration) add(o outcome) {
	if o.class < 0 {
		c.undefined = true
		return
	}
	c.note(o.sure, o.class == o.label)
}

// note counts a class predicted with the given probability. The bins are those of Guo et al., (i/15, (i+1)/15].
func (c *calibration) note(probability float64, right bool) {
	bin := min(max(int(math.Ceil(probability*calibrationBins))-1, 0), calibrationBins-1)
	c.images[bin]++
	c.sure[bin] += probability
	if right {
		c.right[bin]++
	}
}

// err returns the expected calibration error, NaN if there are no predictions.
func (c *calibration) err() float64 {
	if c.undefined {
		return math.NaN()
	}
	sum, images := 0.0, 0
	for i, n := range c.images {
		sum += math.Abs(float64(c.right[i]) - c.sure[i]) // the bin's error times its images
		images += n
	}
	return sum / float64(images)
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
