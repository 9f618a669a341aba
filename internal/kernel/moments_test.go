package kernel

import (
	"math"
	"testing"
)

// TestMomentsAdd joins the moments of parts of other sizes and with means far apart, and far from zero, where sums of squares
// would lose twelve digits.
func TestMomentsAdd(t *testing.T) {
	n := Norm{N: 1, C: 1, Size: 60, Momentum: 1, Eps: 1e-5}
	x := make([]float64, n.Size)
	for i := range x {
		x[i] = 1e6 + math.Sin(float64(i)) + float64(i/20)
	}
	want := momentsOf(n, x)
	var got Moments
	for i, end := range []int{7, 20, 21, 60} {
		begin := int(got.Count)
		part := n
		part.Size = end - begin
		m := momentsOf(part, x[begin:end])
		if i > 0 {
			m = got.Add(m)
		}
		got = m
	}
	if got.Count != want.Count || math.Abs(got.Mean-want.Mean) > 1e-15*want.Mean || math.Abs(got.Square-want.Square) > 1e-9*want.Square {
		t.Errorf("%v, want %v", got, want)
	}
}
