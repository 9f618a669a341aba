package layers

import (
	"math"
	"testing"
)

// TestBestOfNaN: the best pass is that of the smallest number, also after a NaN, and NaN is the best if there is nothing else.
func TestBestOfNaN(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		losses []float64
		best   int
	}{
		{[]float64{nan}, 0}, {[]float64{nan, nan}, 0}, {[]float64{nan, 2, nan, 1, 3}, 3}, {[]float64{2, nan, math.Inf(1)}, 0}, {[]float64{nan, math.Inf(1)}, 1},
	} {
		h := History{Best: -1}
		for i, loss := range c.losses {
			if best := h.add(Epoch{Validation: &Metrics{Loss: loss}}); best != (h.Best == i) {
				t.Errorf("%v: pass %d is the best: %v, Best is %d", c.losses, i, best, h.Best)
			}
		}
		if h.Best != c.best {
			t.Errorf("%v: the best is %d, want %d", c.losses, h.Best, c.best)
		}
	}
}

// TestCalibration compares the error with calculations by hand.
func TestCalibration(t *testing.T) {
	type image struct {
		probability float64
		right       bool
	}
	for name, c := range map[string]struct {
		images []image
		want   float64
	}{
		"sure and right":             {[]image{{1, true}, {1, true}}, 0},
		"sure and wrong":             {[]image{{1, false}, {1, false}, {1, false}}, 1},
		"sure and half right":        {[]image{{1, true}, {1, false}}, 0.5},
		"as sure as right":           {[]image{{0.75, true}, {0.75, true}, {0.75, true}, {0.75, false}}, 0},
		"one bin cancels":            {[]image{{0.9, true}, {0.92, true}, {0.88, false}, {0.9, true}}, math.Abs(0.75 - 0.9)}, // all in (13/15, 14/15]
		"two bins do not":            {[]image{{0.6, false}, {0.95, true}, {0.95, true}, {0.95, true}}, (0.6 + 3*0.05) / 4},
		"a bin's upper end is in it": {[]image{{0.8, true}, {0.81, false}}, (0.2 + 0.81) / 2},
		"below one bin's width":      {[]image{{0.01, true}, {0, false}}, 0.495}, // both in the first
	} {
		var got calibration
		for _, i := range c.images {
			got.note(i.probability, i.right)
		}
		if math.Abs(got.err()-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got.err(), c.want)
		}
	}
	var logits calibration
	logits.add(outcomeOf([]float64{0, math.Log(3)}, 1)) // probability 3/4, right
	if got := logits.err(); math.Abs(got-0.25) > 1e-12 {
		t.Errorf("of logits: %v, want 0.25", got)
	}
	if logits.add(outcomeOf([]float64{math.NaN()}, 0)); !math.IsNaN(logits.err()) {
		t.Errorf("of a NaN: %v", logits.err())
	}
}
