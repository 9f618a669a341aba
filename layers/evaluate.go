package layers

import (
	"context"

	"github.com/pkg/errors"
)

// Metrics is how well a network does on labelled images.
type Metrics struct {
	Images   int     // how many there were
	Loss     float64 // mean cross entropy; NaN if one of the logits was
	Accuracy float64 // fraction whose largest logit is that of the label
}

// Evaluate returns the network's metrics over one pass, number 0, of the batches, which may be of any sizes: every image
// counts once. It changes neither weights nor running statistics. It ends early when ctx is done, with its error.
func (c *Classifier) Evaluate(ctx context.Context, batches Batches) (Metrics, error) {
	if err := batches.Start(0); err != nil {
		return Metrics{}, errors.Wrap(err, "layers: start of the evaluation")
	}
	var m Metrics
	var loss float64
	correct := 0
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
		err = c.evaluation.each(images, func(i int, logits []float64) {
			loss += logSumExp(logits) - logits[labels[i]]
			if argmax(logits) == labels[i] {
				correct++
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
	return m, nil
}
