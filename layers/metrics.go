package layers

import (
	"context"
	"fmt"
	"math"
	"strings"

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

// String is a line: of images loss, accuracy, the share among the first five, and calibration; of tokens loss, perplexity
// and accuracy.
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

// BitsPerToken returns the loss in bits, Loss/log(2): bits per character where the tokens are characters, bits per byte
// where they are bytes.
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

// calibrationBins is into how many bins Guo et al. sort the probabilities.
const calibrationBins = 15

// calibration gathers, by how sure a network is of the classes that it names, how sure it is and how often it is right.
type calibration struct {
	images, right [calibrationBins]int
	sure          [calibrationBins]float64 // sum of the probabilities of the classes named
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

// note notes that a class was named with a probability from 0 to 1. The bins are those of Guo et al., (i/15, (i+1)/15].
func (c *calibration) note(probability float64, right bool) {
	bin := min(max(int(math.Ceil(probability*calibrationBins))-1, 0), calibrationBins-1)
	c.images[bin]++
	c.sure[bin] += probability
	if right {
		c.right[bin]++
	}
}

// err returns the expected calibration error, NaN of no images.
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

// Confusion counts what a network takes for what: Confusion[label][class] is how many images of class label it took for
// class. Images with a logit that is NaN are taken for nothing and not counted.
type Confusion [][]int

// Confusion returns the confusion matrix over one pass, number 0, of the batches. It is to the batches what Evaluate is.
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

// String is the matrix as a table, a line for each label.
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
