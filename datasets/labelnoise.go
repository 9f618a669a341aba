package datasets

import (
	"math"
	"slices"

	"github.com/pkg/errors"
)

// WithLabelNoise returns the data set with a share of its labels, from 0 to 1,
// made wrong: share*Len() images (rounded to the nearest number), drawn at
// random, get one of the other classes, each with the same probability. With
// the same seed a larger share keeps the wrong labels of a smaller one. It is
// an error to ask for wrong labels when there is only one class.
func (d *Dataset) WithLabelNoise(share float64, seed uint64) (*Dataset, error) {
	if !(share >= 0 && share <= 1) {
		return nil, errors.Errorf("datasets: label noise: share %v is not from 0 to 1", share)
	}
	wrong := int(math.Round(share * float64(d.Len())))
	if wrong > 0 && len(d.classes) < 2 {
		return nil, errors.Errorf("datasets: label noise: %v has no other class", d)
	}
	noisy := *d
	noisy.labels = slices.Clone(d.labels)
	rng := stream("wrong labels", seed, 0)
	for _, image := range permutation(d.Len(), "label noise", seed)[:wrong] {
		away := 1 + rng.IntN(len(d.classes)-1)
		noisy.labels[image] = (d.labels[image] + away) % len(d.classes)
	}
	return &noisy, nil
}
