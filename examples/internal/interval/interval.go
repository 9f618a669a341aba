// Package interval computes means over independent runs with their 95% intervals, and differences paired by seed.
package interval

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Level is the confidence level of the intervals.
const Level = 0.95

// An Interval is the confidence interval of the mean of a few independent numbers, assumed to be normally distributed.
type Interval struct {
	N    int     // number of numbers
	Mean float64 // NaN for none
	Std  float64 // their standard deviation, over N-1; NaN for fewer than two
	Half float64 // half the width of Student's interval, t(N-1) Std/sqrt(N); NaN for fewer than two
}

// Of returns the interval of the mean of the numbers.
func Of(numbers []float64) Interval {
	n := float64(len(numbers))
	i := Interval{N: len(numbers), Std: math.NaN(), Half: math.NaN()}
	sum := 0.0
	for _, x := range numbers {
		sum += x
	}
	i.Mean = sum / n
	if i.N < 2 {
		return i
	}
	squares := 0.0
	for _, x := range numbers {
		squares += float64((x - i.Mean) * (x - i.Mean)) // no fused multiply-add: the same bits everywhere
	}
	i.Std = math.Sqrt(squares / (n - 1))
	i.Half = student(i.N-1) * i.StdErr()
	return i
}

// student returns the quantile of Student's distribution that leaves (1-Level)/2 above it.
func student(freedom int) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile((1 + Level) / 2)
}

// Paired returns the interval of the mean of with[k] - without[k], such as runs of the same seeds with and without noise:
// effects of the seeds common to both cancel. It panics if the lengths differ.
func Paired(with, without []float64) Interval {
	if len(with) != len(without) {
		panic(fmt.Sprintf("interval: %d numbers to pair with %d", len(with), len(without)))
	}
	differences := make([]float64, len(with))
	for k := range with {
		differences[k] = with[k] - without[k]
	}
	return Of(differences)
}

// StdErr is the standard error of the mean, NaN for fewer than two numbers.
func (i Interval) StdErr() float64 { return i.Std / math.Sqrt(float64(i.N)) }

// Low and High return the ends of the interval.
func (i Interval) Low() float64  { return i.Mean - i.Half }
func (i Interval) High() float64 { return i.Mean + i.Half }

// ExcludesZero reports whether zero lies outside the interval. For fewer than two numbers it returns false.
func (i Interval) ExcludesZero() bool { return i.Low() > 0 || i.High() < 0 }

// String formats the mean and half the width with three decimals.
func (i Interval) String() string { return i.Text(3) }

// Text formats the mean and half the width, "3.12 ± 0.40", with the given number of decimals; for a single number only the
// mean, and for none the empty string.
func (i Interval) Text(decimals int) string { return i.text("%.*f", decimals, i.Half) }

// Signed is Text with the sign of the mean, "+3.12 ± 0.40".
func (i Interval) Signed(decimals int) string { return i.text("%+.*f", decimals, i.Half) }

// Spread formats the mean and the standard deviation of the numbers, like Text.
func (i Interval) Spread(decimals int) string { return i.text("%.*f", decimals, i.Std) }

func (i Interval) text(format string, decimals int, width float64) string {
	if i.N == 0 {
		return ""
	}
	mean := fmt.Sprintf(format, decimals, i.Mean)
	if i.N == 1 {
		return mean
	}
	return fmt.Sprintf("%s ± %.*f", mean, decimals, width)
}
