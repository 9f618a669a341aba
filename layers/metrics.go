package layers

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
)

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
