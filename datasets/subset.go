package datasets

import (
	"cmp"
	"slices"

	"github.com/pkg/errors"
)

// Subset returns n images drawn at random without replacement, in the order
// drawn: with the same seed a smaller subset is the beginning of a larger one.
func (d *Dataset) Subset(n int, seed uint64) (*Dataset, error) {
	if n < 0 || n > d.Len() {
		return nil, errors.Errorf("datasets: subset of %d images from %v", n, d)
	}
	return d.pick(permutation(d.Len(), "subset", seed)[:n]), nil
}

// BalancedSubset is Subset with classes as equal as n allows: their numbers of
// images differ by at most one, also in every beginning of the result. It is
// an error when a class has too few images for that.
func (d *Dataset) BalancedSubset(n int, seed uint64) (*Dataset, error) {
	if n < 0 || n > d.Len() {
		return nil, errors.Errorf("datasets: balanced subset of %d images from %v", n, d)
	}
	order := permutation(d.Len(), "balanced subset", seed)
	rank := make([]int, d.Len()) // how many of its class come before each image
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

// Split deals the images at random into two data sets of n and of the other
// images, such as one to train and one to validate with.
func (d *Dataset) Split(n int, seed uint64) (first, rest *Dataset, err error) {
	if n < 0 || n > d.Len() {
		return nil, nil, errors.Errorf("datasets: split of %d images from %v", n, d)
	}
	order := permutation(d.Len(), "split", seed)
	return d.pick(order[:n]), d.pick(order[n:]), nil
}

// pick returns the images of the given numbers, in that order.
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

// permutation is a random order of the numbers below n, for a purpose.
func permutation(n int, purpose string, seed uint64) []int {
	return stream(purpose, seed, 0).Perm(n)
}
