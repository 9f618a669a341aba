package datasets

import (
	"cmp"
	"math"
	"slices"

	"github.com/pkg/errors"
)

// Subset returns n images drawn at random without replacement, in the order drawn. With the same seed, a smaller subset is a
// prefix of a larger one.
func (d *Dataset) Subset(n int, seed uint64) (*Dataset, error) {
	if n < 0 || n > d.Len() {
		return nil, errors.Errorf("datasets: subset of %d images from %v", n, d)
	}
	return d.pick(permutation(d.Len(), "subset", seed)[:n]), nil
}

// BalancedSubset is Subset with balanced classes: their sizes differ by at most one, also in every prefix of the result. It
// is an error if a class has too few images.
func (d *Dataset) BalancedSubset(n int, seed uint64) (*Dataset, error) {
	if n < 0 || n > d.Len() {
		return nil, errors.Errorf("datasets: balanced subset of %d images from %v", n, d)
	}
	order := permutation(d.Len(), "balanced subset", seed)
	rank := make([]int, d.Len()) // for each image, how many of its class come before it
	seen := make([]int, len(d.classes))
	for _, image := range order {
		label := d.labels[image]
		rank[image] = seen[label]
		seen[label]++
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank[a], rank[b]) })

	subset := d.pick(order[:n])
	if counts := subset.Counts(); n > 0 && slices.Max(counts)-slices.Min(counts) > 1 {
		return nil, errors.Errorf("datasets: balanced subset of %d images from %v: its classes have %v", n, d, d.Counts())
	}
	return subset, nil
}

// Split divides the images at random into a data set of n images and one of the rest, for example to train and to validate
// on.
func (d *Dataset) Split(n int, seed uint64) (first, rest *Dataset, err error) {
	if n < 0 || n > d.Len() {
		return nil, nil, errors.Errorf("datasets: split of %d images from %v", n, d)
	}
	order := permutation(d.Len(), "split", seed)
	return d.pick(order[:n]), d.pick(order[n:]), nil
}

// pick returns the images with the given numbers, in that order.
func (d *Dataset) pick(numbers []int) *Dataset {
	picked := *d
	picked.images = make([][]byte, len(numbers))
	picked.labels = make([]int, len(numbers))
	for i, image := range numbers {
		picked.images[i] = d.images[image]
		picked.labels[i] = d.labels[image]
	}
	return &picked
}

// WithLabelNoise returns the data set with a fraction share of its labels, from 0 to 1, made wrong: share*Len() images
// (rounded to the nearest integer), drawn at random, get one of the other classes, all equally likely. With the same seed, a
// larger share keeps the wrong labels of a smaller one. It is an error to ask for wrong labels if there is only one class.
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
