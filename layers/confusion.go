package layers

import (
	"context"
	"fmt"
	"strings"

	"github.com/pkg/errors"
)

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
