package noise

import (
	"math"
	"sync"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/layernoise/layernoise/internal/cpu"
	"github.com/layernoise/layernoise/internal/parallel"
)

const tails = 7 // 10^-2 to 10^-8

// tailCounts is how many samples lie beyond each limit, and the largest of them.
type tailCounts struct {
	low, high [tails]int
	largest   float32
}

// add counts v, of absolute value r.
func (c *tailCounts) add(v, r float32, limits *[tails]float32) {
	side := &c.low
	if v > 0 {
		side = &c.high
	}
	for i := 0; i < tails && r > limits[i]; i++ {
		side[i]++
	}
	c.largest = max(c.largest, r)
}

func (c *tailCounts) merge(d *tailCounts) {
	for i := range tails {
		c.low[i] += d.low[i]
		c.high[i] += d.high[i]
	}
	c.largest = max(c.largest, d.largest)
}

// TestKernelTails counts 2^30 samples (2^26 without vector instructions) beyond the exact quantiles of each tail, down to a
// hundred-millionth.
func TestKernelTails(t *testing.T) {
	if testing.Short() {
		t.Skip("draws 2^30 samples")
	}
	const chunk = 1 << 18
	chunks := 1 << 12
	if cpu.Best() == cpu.Plain {
		chunks = 1 << 8
	}
	var limits [tails]float32
	for i := range limits {
		limits[i] = float32(-distuv.UnitNormal.Quantile(math.Pow(10, -float64(i+2))))
	}
	var mu sync.Mutex
	var total tailCounts
	parallel.For(chunks, 1, func(lo, hi int) {
		x := make([]float32, chunk)
		var counts tailCounts
		for c := lo; c < hi; c++ {
			Fill(Gaussian, Stream{Seed: 20220613, Step: uint32(c)}, x, 1)
			for _, v := range x {
				if r := max(v, -v); r > limits[0] {
					counts.add(v, r, &limits)
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		total.merge(&counts)
	})
	n := float64(chunks) * chunk
	for i := range limits {
		want := n * distuv.UnitNormal.Survival(float64(limits[i]))
		for side, count := range map[string]int{"below": total.low[i], "above": total.high[i]} {
			deviation := (float64(count) - want) / math.Sqrt(want)
			t.Logf("%s %.4f: %d samples, %.1f expected, %+.2f standard deviations", side, limits[i], count, want, deviation)
			if math.Abs(float64(count)-want) > 5*math.Sqrt(want)+4 {
				t.Errorf("%s %.4f: %d samples, %.1f expected", side, limits[i], count, want)
			}
		}
	}
	if m := total.largest; m > radius(1) || n > 1e9 && m < 5.5 {
		t.Errorf("largest sample %v", m)
	}
}
