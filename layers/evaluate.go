package layers

import (
	"context"
	"math"

	"github.com/pkg/errors"
)

// Metrics is how well a network does on labelled images.
type Metrics struct {
	Images   int     `json:"images"`   // how many there were
	Loss     float64 `json:"loss"`     // mean cross entropy; NaN if one of the logits was
	Accuracy float64 `json:"accuracy"` // fraction whose largest logit is that of the label
	Top5     float64 `json:"top5"`     // fraction whose label is among the five largest logits, of equal ones the first
}

// Evaluate returns the network's metrics over one pass, number 0, of the batches, which may be of any sizes: every image
// counts once, also those that a loader fills up its last batch with (Valid). It changes neither weights nor running statistics. It ends early when ctx is done, with its error.
func (c *Classifier) Evaluate(ctx context.Context, batches Batches) (Metrics, error) {
	if batches == nil {
		return Metrics{}, errors.New("layers: no batches to evaluate on")
	}
	if err := batches.Start(0); err != nil {
		return Metrics{}, errors.Wrap(err, "layers: start of the evaluation")
	}
	var m Metrics
	var loss float64
	correct, top5 := 0, 0
	for batches.Next() {
		if err := ctx.Err(); err != nil {
			return Metrics{}, errors.Wrapf(err, "layers: evaluation after %d images", m.Images)
		}
		images, labels := batches.Images(), batches.Labels()
		n, err := c.evaluation.images.count(images)
		if err != nil {
			return Metrics{}, err
		}
		if err := checkLabels(labels, n, c.evaluation.classes); err != nil {
			return Metrics{}, err
		}
		if v, ok := batches.(interface{ Valid() int }); ok {
			n = v.Valid()
		}
		err = c.evaluation.each(images, func(i int, logits []float64) {
			if i >= n {
				return
			}
			loss += logSumExp(logits) - logits[labels[i]]
			if argmax(logits) == labels[i] {
				correct++
			}
			if rank(logits, labels[i]) < 5 {
				top5++
			}
		})
		if err != nil {
			return Metrics{}, err
		}
		m.Images += n
	}
	if err := batches.Err(); err != nil {
		return Metrics{}, errors.Wrap(err, "layers: batches of the evaluation")
	}
	if m.Images == 0 {
		return Metrics{}, errors.Wrap(ErrNoImages, "layers: evaluate")
	}
	m.Loss = loss / float64(m.Images)
	m.Accuracy = float64(correct) / float64(m.Images)
	m.Top5 = float64(top5) / float64(m.Images)
	return m, nil
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
