package layers

import (
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Batches are labelled images, handed out in batches, pass after pass. The loaders of package datasets are; so is whatever
// else has these methods.
type Batches interface {
	// Start begins pass number epoch, on which the order of the images may depend.
	Start(epoch int) error

	// Next moves to the next batch, the first after Start. It returns false when there is none or after an error.
	Next() bool

	// Images returns the batch, (n, ...image), float32 or float64. It may be overwritten by Next.
	Images() *tensor.Dense

	// Labels returns the n classes of the batch, from 0.
	Labels() []int

	// Err returns what ended the pass early, nil at a regular end.
	Err() error

	// Len returns the number of batches in a pass.
	Len() int
}

// checkLabels checks that there is a class for each of n images.
func checkLabels(labels []int, n, classes int) error {
	if len(labels) != n {
		return errors.Wrapf(ErrShape, "layers: %d labels for %d images", len(labels), n)
	}
	for i, l := range labels {
		if l < 0 || l >= classes {
			return errors.Wrapf(ErrLabel, "layers: label %d of image %d, want 0 to %d", l, i, classes-1)
		}
	}
	return nil
}
