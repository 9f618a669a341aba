package datasets

import (
	"math"
	"testing"
)

func TestBellMoments(t *testing.T) {
	d := newDice(1, 2)
	const n = 1e6
	var sum, squares float64
	for range int(n) {
		b := float64(d.bell())
		sum += b
		squares += b * b
	}
	variance := 340.0
	if z := sum / math.Sqrt(n*variance); math.Abs(z) > 4 {
		t.Errorf("the mean is %.1f standard errors off", z)
	}
	if ratio := squares / n / variance; math.Abs(ratio-1) > 0.01 {
		t.Errorf("variance %.4f of what it should be", ratio)
	}
}

func TestDiceBetweenReachesBothEnds(t *testing.T) {
	d := newDice(1, 3)
	counts := make([]int, 5)
	for range 50000 {
		counts[d.between(-2, 2)+2]++
	}
	for v, n := range counts {
		if n < 9500 || n > 10500 {
			t.Errorf("%d drawn %d times in 50000", v-2, n)
		}
	}
}
