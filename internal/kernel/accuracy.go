package kernel

// Accuracy returns the fraction of the rows of logits that count whose first largest element stands where the target is
// largest; NaN if there are none. A row with a NaN counts as wrong.
func Accuracy[T Float](logits []T, t Targets[T]) T {
	right, n := 0, len(logits)/t.Classes
	for i := range n {
		if t.ignored(i) {
			continue
		}
		best, valid := argmax(logits[i*t.Classes:][:t.Classes])
		want := 0
		if t.Labels != nil {
			want = t.Labels[i]
		} else {
			want, _ = argmax(t.P[i*t.Classes:][:t.Classes])
		}
		if valid && best == want {
			right++
		}
	}
	return T(right) / T(t.count(n))
}

// argmax returns the index of the first largest element of a row, and whether there is no NaN.
func argmax[T Float](row []T) (best int, valid bool) {
	valid = true
	for j, v := range row {
		if v > row[best] {
			best = j
		}
		valid = valid && v == v
	}
	return best, valid
}
