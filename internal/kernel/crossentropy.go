package kernel

import (
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
)

// CrossEntropy returns the mean over the rows of logits (n, classes) of the
// cross entropy between their softmax and the target; target(i, j) is the
// probability of class j in row i. The largest logit of a row is taken off
// first, so that no finite logit overflows. Sums are in float64.
func CrossEntropy[T Float](logits []T, classes int, target func(i, j int) float64) T {
	e := borrow[T](classes)
	defer giveBack(e)
	var sum float64
	n := len(logits) / classes
	for i := range n {
		row := logits[i*classes : (i+1)*classes]
		top, mass := exponentials(e, row)
		logSum := elementary.Log(mass)
		for j, v := range row {
			if p := target(i, j); p != 0 {
				sum += float64(p * (logSum - float64(v-top)))
			}
		}
	}
	return T(sum / float64(n))
}

// CrossEntropyGrad writes to dst (n, classes) the gradient of [CrossEntropy]
// with respect to the logits, times scale. The difference of the softmax and the
// target is taken before the division, so that it does not cancel where one class
// is nearly certain.
func CrossEntropyGrad[T Float](dst, logits []T, classes int, scale T, target func(i, j int) float64) {
	n := len(logits) / classes
	f := float64(scale) / float64(n)
	for i := range n {
		row, out := logits[i*classes:(i+1)*classes], dst[i*classes:(i+1)*classes]
		_, sum := exponentials(out, row)
		var mass float64 // of the target: 1, unless the caller's rows do not sum to one
		for j := range row {
			mass += target(i, j)
		}
		g := f / sum
		for j, e := range out {
			out[j] = T(g * (float64(mass*float64(e)) - float64(target(i, j)*sum)))
		}
	}
}

// exponentials writes e^(x - top) to y, where top is the largest element of x, and
// returns top and the sum. A NaN in x gives a NaN.
func exponentials[T Float](y, x []T) (top T, sum float64) {
	top = T(math.Inf(-1))
	for _, v := range x {
		top = max(top, v)
	}
	return top, elementary.LoopsFor[T]().ExpSum(y, x, top)
}
