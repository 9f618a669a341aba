package layers

import (
	"context"

	"github.com/layernoise/layernoise/internal/elementary"
	"gorgonia.org/tensor"
)

// Predict returns the class of each of any number of images, (N, ...image): that of the largest logit, the first of equal
// ones, and -1 where a logit is NaN. It ends early when ctx is done, with its error.
func (c *Classifier) Predict(ctx context.Context, images *tensor.Dense) ([]int, error) {
	var classes []int
	err := c.evaluation.each(ctx, images, func(_ int, logits []float64) {
		classes = append(classes, argmax(logits))
	})
	if err != nil {
		return nil, err
	}
	return classes, nil
}

// Probabilities returns the softmax of the logits of any number of images, (N, ...image), as a float64 tensor (N, classes).
// The row of an image one of whose logits is NaN is NaN. It ends early when ctx is done, with its error.
func (c *Classifier) Probabilities(ctx context.Context, images *tensor.Dense) (*tensor.Dense, error) {
	var p []float64
	err := c.evaluation.each(ctx, images, func(_ int, logits []float64) {
		total := logSumExp(logits)
		for _, v := range logits {
			p = append(p, elementary.Exp(v-total))
		}
	})
	if err != nil {
		return nil, err
	}
	return tensor.New(tensor.WithShape(len(p)/c.evaluation.classes, c.evaluation.classes), tensor.WithBacking(p)), nil
}
