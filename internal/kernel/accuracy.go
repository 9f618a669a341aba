package kernel

// Accuracy returns the fraction of the rows of logits (n, classes) whose first
// largest element stands where target is largest. A row with a NaN counts as
// wrong.
func Accuracy[T Float](logits []T, classes int, target func(i, j int) float64) T {
	right, n := 0, len(logits)/classes
	for i := range n {
		row := logits[i*classes : (i+1)*classes]
		best, want, valid := 0, 0, row[0] == row[0]
		for j := 1; j < classes; j++ {
			if row[j] > row[best] {
				best = j
			}
			if target(i, j) > target(i, want) {
				want = j
			}
			valid = valid && row[j] == row[j]
		}
		if valid && best == want {
			right++
		}
	}
	return T(right) / T(n)
}
