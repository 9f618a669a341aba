package kernel

import "math"

// CrossEntropy returns the mean over the rows of logits (n, classes) of the
// cross entropy between their softmax and the target; target(i, j) is the
// probability of class j in row i. The largest logit of a row is taken off
// first, so that no finite logit overflows. Sums are in float64.
func CrossEntropy[T Float](logits []T, classes int, target func(i, j int) float64) T {
	var sum float64
	n := len(logits) / classes
	for i := range n {
		row := logits[i*classes : (i+1)*classes]
		logSum := logSumExp(row)
		for j, v := range row {
			if p := target(i, j); p != 0 {
				sum += p * (logSum - float64(v))
			}
		}
	}
	return T(sum / float64(n))
}

// CrossEntropyGrad writes to dst (n, classes) the gradient of [CrossEntropy]
// with respect to the logits, times scale.
func CrossEntropyGrad[T Float](dst, logits []T, classes int, scale T, target func(i, j int) float64) {
	n := len(logits) / classes
	f := float64(scale) / float64(n)
	for i := range n {
		row, out := logits[i*classes:(i+1)*classes], dst[i*classes:(i+1)*classes]
		logSum := logSumExp(row)
		var mass float64 // of the target: 1, unless the caller's rows do not sum to one
		for j := range row {
			mass += target(i, j)
		}
		for j, v := range row {
			out[j] = T(f * (mass*math.Exp(float64(v)-logSum) - target(i, j)))
		}
	}
}

// logSumExp returns log(sum(exp(x))). A NaN in x gives a NaN.
func logSumExp[T Float](x []T) float64 {
	top := float64(x[0])
	for _, v := range x[1:] {
		top = max(top, float64(v))
	}
	if math.IsInf(top, -1) {
		return top
	}
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}
