// Package survival estimates how long it takes until an event happens, from runs some of which ended before it did: leaving
// those out, or counting their ends as events, would make it appear earlier than it is.
package survival

import (
	"cmp"
	"math"
	"slices"
)

// A Run is how long a run was observed, and whether it ended because the event happened. Otherwise the run is censored: the
// event has not happened by then.
type Run struct {
	Time     float64
	Happened bool
}

// A Curve is the share of runs in which the event has not happened, over time: 1 at first, and Share[i] from Time[i] on.
type Curve struct {
	Time  []float64 // times at which the event happened in a run, ascending
	Share []float64
}

// KaplanMeier estimates the curve: at each time of an event, the share is multiplied by the fraction of the runs still under
// observation in which it does not happen. A run that is censored at that time still counts as under observation.
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

// Median returns the first time by which the event has happened in at least half of the runs, infinite if there is none.
func (c Curve) Median() float64 {
	const rounding = 1e-9 // of the products of shares
	for i, share := range c.Share {
		if share <= 0.5+rounding {
			return c.Time[i]
		}
	}
	return math.Inf(1)
}

// Happened returns the points of a step function: the share of runs in which the event has happened, from time 0 to end.
func (c Curve) Happened(end float64) (time, share []float64) {
	time, share = []float64{0}, []float64{0}
	last := 0.0
	for i, t := range c.Time {
		time, share = append(time, t, t), append(share, last, 1-c.Share[i])
		last = 1 - c.Share[i]
	}
	return append(time, end), append(share, last)
}

// Before reports in which of two runs the event happened first: -1 for a, 1 for b, 0 if that cannot be told, because both
// were censored or at the same time, or one was censored before the other's time.
func Before(a, b Run) int {
	switch {
	case a.Happened && (b.Time > a.Time || b.Time == a.Time && !b.Happened):
		return -1
	case b.Happened && (a.Time > b.Time || a.Time == b.Time && !a.Happened):
		return 1
	}
	return 0
}

// SignTest returns the p-value of the two-sided sign test: the probability that in wins+losses throws of a fair coin, the
// more frequent side occurs at least as often as the larger of the two; 1 for no throws.
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
