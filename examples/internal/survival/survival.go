// Package survival says how long it takes until something happens, from runs some of which ended before it did: leaving
// those out, or taking their ends for what did not happen, would make it look sooner than it is.
package survival

import (
	"cmp"
	"math"
	"slices"
)

// A Run is how long a run was observed, and whether it ended because the thing happened then. Otherwise the run is censored:
// it has not happened by then.
type Run struct {
	Time     float64
	Happened bool
}

// A Curve is the share of runs to which it has not happened, over time: 1 at first, and Share[i] from Time[i] on.
type Curve struct {
	Time  []float64 // those at which it happened to a run, ascending
	Share []float64
}

// KaplanMeier estimates the curve: at each time at which it happens, the share falls by the fraction to which it happens of
// the runs that are still observed. A run that is censored at that time still is.
//
// E. L. Kaplan, P. Meier, Nonparametric Estimation from Incomplete Observations, Journal of the American Statistical
// Association 53, 1958, https://doi.org/10.1080/01621459.1958.10501452.
func KaplanMeier(runs []Run) Curve {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b Run) int { return cmp.Compare(a.Time, b.Time) })
	var c Curve
	share := 1.0
	for i := 0; i < len(runs); {
		observed, happened := len(runs)-i, 0
		at := runs[i].Time
		for ; i < len(runs) && runs[i].Time == at; i++ {
			if runs[i].Happened {
				happened++
			}
		}
		if happened > 0 {
			share *= float64(observed-happened) / float64(observed)
			c.Time, c.Share = append(c.Time, at), append(c.Share, share)
		}
	}
	return c
}

// Median is the first time from which on it has happened to half of the runs or more, infinite if there is none.
func (c Curve) Median() float64 {
	const rounding = 1e-9 // of the products
	for i, share := range c.Share {
		if share <= 0.5+rounding {
			return c.Time[i]
		}
	}
	return math.Inf(1)
}

// Happened returns the points of a line of the share to which it has happened, from time 0 to end, level between the times
// at which it rises.
func (c Curve) Happened(end float64) (time, share []float64) {
	time, share = []float64{0}, []float64{0}
	last := 0.0
	for i, t := range c.Time {
		time, share = append(time, t, t), append(share, last, 1-c.Share[i])
		last = 1 - c.Share[i]
	}
	return append(time, end), append(share, last)
}

// Before reports which of two runs it happened to first: -1 for a, 1 for b, 0 if that cannot be told, because both were
// censored or at the same time, or one was censored before the other's time.
func Before(a, b Run) int {
	switch {
	case a.Happened && (b.Time > a.Time || b.Time == a.Time && !b.Happened):
		return -1
	case b.Happened && (a.Time > b.Time || a.Time == b.Time && !a.Happened):
		return 1
	}
	return 0
}

// SignTest returns the probability that of wins+losses throws of a fair coin, heads or tails are as many as the more
// frequent of the two at least: the two-sided sign test, 1 for no throws.
func SignTest(wins, losses int) float64 {
	n, most := wins+losses, max(wins, losses)
	ways, all := 0.0, math.Ldexp(1, n)
	binomial := 1.0 // n over k
	for k := 0; k <= n; k++ {
		if k >= most {
			ways += binomial
		}
		binomial *= float64(n-k) / float64(k+1)
	}
	return min(1, 2*ways/all)
}
