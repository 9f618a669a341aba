package layers

import (
	"context"
	"fmt"
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/pkg/errors"
)

// Metrics is how well a network does on labelled images, or on the tokens that it is to predict.
type Metrics struct {
	Images   int     `json:"images"`           // how many there were, or how many sequences
	Tokens   int     `json:"tokens,omitempty"` // how many were to be predicted; 0 for images
	Loss     float64 `json:"loss"`             // mean cross entropy; NaN if one of the logits was
	Accuracy float64 `json:"accuracy"`         // fraction whose largest logit is that of the label
	Top5     float64 `json:"top5"`             // fraction whose label is among the five largest logits, of equal ones the first

	// ECE is the expected calibration error: the mean distance, over the predictions, between how sure the network is of the
	// class it names and how often it is right when it is about as sure. 0 is best; a network that is sure of all and right in
	// half has 0.5. Probabilities of the class that is named fall into 15 bins of equal width: the mean over bins of
	// |accuracy - mean probability|, weighted by their predictions. C. Guo, G. Pleiss, Y. Sun, K. Weinberger, On Calibration of
	// Modern Neural Networks, ICML 2017, https://arxiv.org/abs/1706.04599. NaN if one of the logits was.
	ECE float64 `json:"ece"`
}

// String is a line: of images loss, accuracy, the share among the first five, and calibration; of tokens loss, perplexity and accuracy.
func (m Metrics) String() string {
	if m.Tokens > 0 {
		return fmt.Sprintf("%d sequences, %d tokens: loss %.4f, perplexity %.3f, accuracy %.2f%%",
			m.Images, m.Tokens, m.Loss, m.Perplexity(), 100*m.Accuracy)
	}
	return fmt.Sprintf("%d images: loss %.4f, accuracy %.2f%%, top 5 %.2f%%, calibration error %.2f%%",
		m.Images, m.Loss, 100*m.Accuracy, 100*m.Top5, 100*m.ECE)
}

// Perplexity returns exp(Loss): how many equally likely tokens would be as hard to tell.
func (m Metrics) Perplexity() float64 { return elementary.Exp(m.Loss) }

// BitsPerToken returns the loss in bits, Loss/log(2): bits per character where the tokens are characters, bits per byte where
// they are bytes.
func (m Metrics) BitsPerToken() float64 { return m.Loss / math.Ln2 }

// outcome is what came of a prediction.
type outcome struct {
	label int
	class int     // that was named, -1 where a logit was NaN
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

// tally adds up what comes of predictions.
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

// Evaluate returns the network's metrics over one pass, number 0, of the batches, which may be of any sizes: every image
// counts once, also those that a loader fills up its last batch with (Valid). It changes neither weights nor running
// statistics, and does not disturb a training on the same loader. It ends early when ctx is done, with its error.
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

// judge calls f with what came of each image of a pass, and returns how many there were.
func (c *Classifier) judge(ctx context.Context, batches Batches, f func(outcome)) (images int, err error) {
	if batches == nil {
		return 0, errors.New("layers: no batches to evaluate on")
	}
	return c.ranks.evaluate(ctx, batches, c.evaluation.judge, f)
}

// judge returns what came of the images of a batch of any size that count.
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

// rank returns how many classes stand before class in the order of their logits, largest first; of equal ones the first.
// Where a logit is NaN it is that of no class.
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
