package optim

import (
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
)

// A Schedule gives the factor that multiplies sigma, or a learning rate, at a step. Steps count from 0. A factor must
// be finite and not negative; a schedule that gives anything else is refused, at construction if it does so at step 0,
// which is how the constructors below report arguments out of range: they return NaN.
type Schedule func(step uint64) float64

// Constant returns factor at every step.
func Constant(factor float64) Schedule {
	return func(uint64) float64 { return factor }
}

// Until returns 1 before the step given and 0 from it on.
func Until(step uint64) Schedule {
	return func(t uint64) float64 {
		if t < step {
			return 1
		}
		return 0
	}
}

// Cosine falls from 1 at step 0 to 0 at step steps, along half a cosine, and stays there:
//
//	(1 + cos(pi t/steps)) / 2
//
// Source: I. Loshchilov, F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017,
// https://arxiv.org/abs/1608.03983, without the restarts. steps must be positive.
func Cosine(steps uint64) Schedule {
	return func(t uint64) float64 {
		if t >= steps {
			return orNaN(0, steps > 0)
		}
		return (1 + elementary.CosPi(float64(t)/float64(steps))) / 2
	}
}

// Linear goes from the factor from at step 0 to the factor to at step steps, in a straight line, and stays there.
// steps must be positive.
func Linear(from, to float64, steps uint64) Schedule {
	return func(t uint64) float64 {
		if t >= steps {
			return orNaN(to, steps > 0)
		}
		return from + (to-from)*float64(t)/float64(steps)
	}
}

// Warmup rises from 1/steps at step 0 to 1 at step steps-1, in a straight line. From step steps on it follows then,
// whose step 0 is step steps here; a nil then stays at 1. steps must be positive.
func Warmup(steps uint64, then Schedule) Schedule {
	return func(t uint64) float64 {
		switch {
		case t < steps:
			return float64(t+1) / float64(steps)
		case then == nil:
			return orNaN(1, steps > 0)
		}
		return orNaN(then(t-steps), steps > 0)
	}
}

// Steps multiplies by gamma at each of the milestones: with gamma 0.1 and milestones 100 and 150 it is 1 before step
// 100, 0.1 before step 150 and 0.01 from there on.
func Steps(gamma float64, milestones ...uint64) Schedule {
	return func(t uint64) float64 {
		factor := orNaN(1, gamma >= 0)
		for _, m := range milestones {
			if t >= m {
				factor *= gamma
			}
		}
		return factor
	}
}

func orNaN(x float64, ok bool) float64 {
	if ok {
		return x
	}
	return math.NaN()
}

// finite reports whether x is a number from 0 to the largest float64.
func finite(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }
