package kernel

import (
	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/parallel"
)

// Targets are what rows of logits, of so many classes, are compared with: a label for each row, or if there are none the
// probabilities P (rows, Classes). Rows whose label is Ignore do not count; every other label is a class. A nil Ignore ignores
// none.
type Targets[T Float] struct {
	Classes int
	Labels  []int
	Ignore  *int
	P       []T
}

// ignored reports whether row i does not count.
func (t *Targets[T]) ignored(i int) bool {
	return t.Ignore != nil && t.Labels != nil && t.Labels[i] == *t.Ignore
}

// count is how many of so many rows count.
func (t *Targets[T]) count(rows int) int {
	counted := 0
	for i := range rows {
		if !t.ignored(i) {
			counted++
		}
	}
	return counted
}

// eachRow calls f for each row of x that counts, at once where there are processors, with a buffer as long as a row.
func (t *Targets[T]) eachRow(x []T, f func(i int, row, buffer []T)) {
	parallel.For(len(x)/t.Classes, 1+1<<12/t.Classes, func(lo, hi int) {
		buffer := borrow[T](t.Classes)
		defer giveBack(buffer)
		for i := lo; i < hi; i++ {
			if !t.ignored(i) {
				f(i, x[i*t.Classes:][:t.Classes], buffer)
			}
		}
	})
}

// CrossEntropy returns the mean over the rows of logits that count of the cross entropy between their softmax and the target;
// NaN if there are none. The largest logit of a row is taken off first, so that no finite logit overflows. Sums are in float64,
// that over the rows in their order.
func CrossEntropy[T Float](logits []T, t Targets[T]) T {
	n := len(logits) / t.Classes
	losses := borrow[float64](n)
	defer giveBack(losses)
	t.eachRow(logits, func(i int, row, e []T) {
		top, mass := exponentials(e, row)
		logSum := elementary.Log(mass)
		if t.Labels != nil {
			losses[i] = logSum - float64(row[t.Labels[i]]-top)
			return
		}
		losses[i] = 0
		for j, p := range t.P[i*t.Classes:][:t.Classes] {
			if p != 0 {
				losses[i] += float64(float64(p) * (logSum - float64(row[j]-top)))
			}
		}
	})
	var sum float64
	for i, loss := range losses {
		if !t.ignored(i) {
			sum += loss
		}
	}
	return T(sum / float64(t.count(n)))
}

// CrossEntropyGrad writes to dst the gradient of [CrossEntropy] with respect to the logits, times scale. The difference of the
// softmax and the target is taken before the division, so that it does not cancel where one class is nearly certain.
func CrossEntropyGrad[T Float](dst, logits []T, scale T, t Targets[T]) {
	n := len(logits) / t.Classes
	f := float64(scale) / float64(t.count(n))
	if t.count(n) < n {
		clear(dst)
	}
	t.eachRow(logits, func(i int, row, _ []T) {
		out := dst[i*t.Classes:][:t.Classes]
		_, sum := exponentials(out, row)
		g := f / sum
		if t.Labels != nil {
			label := t.Labels[i]
			own := float64(out[label]) - sum
			for j, e := range out {
				out[j] = T(g * float64(e))
			}
			out[label] = T(g * own)
			return
		}
		p := t.P[i*t.Classes:][:t.Classes]
		var mass float64 // of the target: 1, unless the caller's rows do not sum to one
		for _, p := range p {
			mass += float64(p)
		}
		for j, e := range out {
			out[j] = T(g * (float64(mass*float64(e)) - float64(float64(p[j])*sum)))
		}
	})
}

// exponentials writes e^(x - top) to y, where top is the largest element of x, and returns top and the sum, which a NaN in x
// makes NaN.
func exponentials[T Float](y, x []T) (top T, sum float64) {
	top = loopsFor[T]().top(x)
	return top, elementary.LoopsFor[T]().ExpSum(y, x, top, 1)
}
