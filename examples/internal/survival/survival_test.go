package survival

import (
	"math"
	"slices"
	"testing"
)

// remissions are the weeks of remission of 21 patients under 6-mercaptopurine, from E. J. Freireich and others, Blood 21,
// 1963, the usual example in textbooks.
func remissions() []Run {
	var runs []Run
	for _, t := range []float64{6, 6, 6, 7, 10, 13, 16, 22, 23} {
		runs = append(runs, Run{t, true})
	}
	for _, t := range []float64{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35} {
		runs = append(runs, Run{t, false})
	}
	return runs
}

func TestKaplanMeier(t *testing.T) {
	c := KaplanMeier(remissions())
	times := []float64{6, 7, 10, 13, 16, 22, 23}
	shares := []float64{0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448}
	if !slices.Equal(c.Time, times) {
		t.Fatalf("times %v, want %v", c.Time, times)
	}
	for i, want := range shares {
		if math.Abs(c.Share[i]-want) > 5e-4 {
			t.Errorf("share %v at %v, want %v", c.Share[i], times[i], want)
		}
	}
	if c.Median() != 23 {
		t.Errorf("median %v, want 23", c.Median())
	}
}

func TestMedian(t *testing.T) {
	happened := func(times ...float64) (runs []Run) {
		for _, t := range times {
			runs = append(runs, Run{t, true})
		}
		return runs
	}
	for _, c := range []struct {
		runs []Run
		want float64
	}{
		{nil, math.Inf(1)},
		{happened(3), 3},
		{happened(4, 1, 3, 2), 2},
		{happened(5, 1, 3, 2, 4), 3},
		{append(happened(1, 2), Run{9, false}, Run{9, false}), 2},
		{append(happened(1), Run{9, false}, Run{9, false}), math.Inf(1)},
		{happened(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 5},
	} {
		if got := KaplanMeier(c.runs).Median(); got != c.want {
			t.Errorf("%v: median %v, want %v", c.runs, got, c.want)
		}
	}
}

func TestHappened(t *testing.T) {
	x, y := KaplanMeier([]Run{{2, true}, {5, false}, {3, true}, {5, false}}).Happened(5)
	if !slices.Equal(x, []float64{0, 2, 2, 3, 3, 5}) || !slices.Equal(y, []float64{0, 0, 0.25, 0.25, 0.5, 0.5}) {
		t.Errorf("%v, %v", x, y)
	}
	if x, y := KaplanMeier([]Run{{5, false}}).Happened(5); !slices.Equal(x, []float64{0, 5}) || !slices.Equal(y, []float64{0, 0}) {
		t.Errorf("%v, %v", x, y)
	}
}

func TestBefore(t *testing.T) {
	for _, c := range []struct {
		a, b Run
		want int
	}{
		{Run{2, true}, Run{3, true}, -1},
		{Run{2, true}, Run{2, true}, 0},
		{Run{2, true}, Run{3, false}, -1},
		{Run{3, true}, Run{2, false}, 0}, // it may have happened to b at 2.5
		{Run{3, true}, Run{3, false}, -1},
		{Run{3, false}, Run{4, false}, 0},
	} {
		if got := Before(c.a, c.b); got != c.want {
			t.Errorf("%v, %v: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Before(c.b, c.a); got != -c.want {
			t.Errorf("%v, %v: %d, want %d", c.b, c.a, got, -c.want)
		}
	}
}

// The probabilities are counts of outcomes over powers of two.
func TestSignTest(t *testing.T) {
	for _, c := range []struct {
		wins, losses int
		want         float64
	}{
		{0, 0, 1}, {1, 0, 1}, {1, 1, 1}, {3, 0, 0.25}, {10, 0, 2.0 / 1024}, {9, 1, 22.0 / 1024}, {2, 8, 112.0 / 1024}, {5, 5, 1},
	} {
		if got := SignTest(c.wins, c.losses); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%d to %d: %v, want %v", c.wins, c.losses, got, c.want)
		}
	}
}
