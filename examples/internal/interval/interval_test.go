package interval

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The quantiles agree with printed tables of Student's distribution.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		numbers         []float64
		mean, std, half float64
	}{
		{[]float64{1, 3}, 2, math.Sqrt2, 12.706},
		{[]float64{1, 2, 3}, 2, 1, 4.303 / math.Sqrt(3)},
		{[]float64{1, 2, 3, 4, 5}, 3, math.Sqrt(2.5), 2.776 * math.Sqrt(0.5)},
		{[]float64{-1, 1, -1, 1, -1, 1, -1, 1, -1, 1}, 0, math.Sqrt(10.0 / 9), 2.262 / 3},
	} {
		i := Of(c.numbers)
		if i.N != len(c.numbers) || math.Abs(i.Mean-c.mean) > 1e-12 || math.Abs(i.Std-c.std) > 1e-12 || math.Abs(i.Half-c.half) > 1e-3*c.half {
			t.Errorf("%v: %+v, want mean %v, deviation %v, half %v", c.numbers, i, c.mean, c.std, c.half)
		}
	}
	if i := Of([]float64{2}); i.Mean != 2 || !math.IsNaN(i.Half) || i.ExcludesZero() {
		t.Errorf("of one number: %+v", i)
	}
}

// The interval contains the mean of the distribution in 95 of 100 samples.
func TestCoverage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const samples, mean = 20_000, 7
	held := 0
	for range samples {
		numbers := make([]float64, 4)
		for k := range numbers {
			numbers[k] = mean + 3*random.NormFloat64()
		}
		if i := Of(numbers); i.Low() <= mean && mean <= i.High() {
			held++
		}
	}
	share := float64(held) / samples
	if math.Abs(share-Level) > 4*math.Sqrt(Level*(1-Level)/samples) {
		t.Errorf("%v of the intervals hold the mean, want %v", share, Level)
	}
}

// What the members of a pair have in common cancels.
func TestPaired(t *testing.T) {
	i := Paired([]float64{101, 202, 303}, []float64{100, 200, 300})
	if i.Mean != 2 || i.Std != 1 || i.ExcludesZero() {
		t.Errorf("%+v, want mean 2, deviation 1, an interval with zero", i)
	}
	if i := Paired([]float64{101, 202, 303, 401.5}, []float64{100, 200, 300, 400}); !i.ExcludesZero() {
		t.Errorf("%+v, want an interval without zero", i)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for numbers that are not as many")
		}
	}()
	Paired([]float64{1}, nil)
}

func TestText(t *testing.T) {
	two := Of([]float64{-1, 3}) // deviation 2.83, half 25.4
	for got, want := range map[string]string{
		two.Text(1): "1.0 ± 25.4", two.Signed(1): "+1.0 ± 25.4", two.Spread(1): "1.0 ± 2.8",
		Of([]float64{-1}).Signed(2): "-1.00", Of(nil).Text(2): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
