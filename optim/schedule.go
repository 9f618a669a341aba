package optim

import (
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/pkg/errors"
)

// A Schedule returns the factor that multiplies sigma, or a learning rate, at a step, counted from 0. It must be finite and
// not negative; anything else is an error at that step.
//
// The constructors below, given arguments out of range, return a schedule that the options reject with the reason:
// NewSGD(0.1, WithLearnRateSchedule(Warmup(5, Cosine(0)))) returns an error. Calling such a schedule panics.
type Schedule func(step uint64) float64

// Constant returns factor at every step.
func Constant(factor float64) Schedule {
	if !finite(factor) {
		return refused("Constant(%v): want a finite number, 0 or more", factor)
	}
	return func(uint64) float64 { return factor }
}

// Until returns 1 before the given step and 0 from then on.
func Until(step uint64) Schedule {
	return func(t uint64) float64 {
		if t < step {
			return 1
		}
		return 0
	}
}

// Cosine falls from 1 at step 0 to 0 at step steps, along half a cosine, and then stays at 0:
//
//	(1 + cos(pi t/steps)) / 2
//
// It changes at each step; use [PerEpoch] to change it once per epoch. steps must be positive.
//
// Source: I. Loshchilov, F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017,
// https://arxiv.org/abs/1608.03983, without the restarts.
func Cosine(steps uint64) Schedule {
	if steps == 0 {
		return refused("Cosine(0): want 1 step or more")
	}
	return func(t uint64) float64 {
		if t >= steps {
			return 0
		}
		return (1 + elementary.CosPi(float64(t)/float64(steps))) / 2
	}
}

// Linear goes linearly from the factor from at step 0 to the factor to at step steps, and then stays there. steps must be
// positive.
func Linear(from, to float64, steps uint64) Schedule {
	if steps == 0 || !finite(from) || !finite(to) {
		return refused("Linear(%v, %v, %d): want factors that are finite, 0 or more, and 1 step or more", from, to, steps)
	}
	return func(t uint64) float64 {
		if t >= steps {
			return to
		}
		return from + (to-from)*float64(t)/float64(steps)
	}
}

// Warmup rises linearly from 1/steps at step 0 to 1 at step steps-1. From step steps on it follows the schedule then,
// shifted so that its step 0 is step steps; if then is nil, it stays at 1. steps must be positive.
func Warmup(steps uint64, then Schedule) Schedule {
	if steps == 0 {
		return refused("Warmup of 0 steps: want 1 or more")
	}
	if then == nil {
		then = Constant(1)
	}
	if err := checkFactor(then, 0); err != nil {
		return refuse(err)
	}
	return func(t uint64) float64 {
		if t < steps {
			return float64(t+1) / float64(steps)
		}
		return then(t - steps)
	}
}

// Steps multiplies by gamma at each milestone: with gamma 0.1 and milestones 100 and 150 it is 1 before step 100, 0.1 before
// step 150 and 0.01 afterwards.
func Steps(gamma float64, milestones ...uint64) Schedule {
	if !finite(gamma) {
		return refused("Steps(%v, ...): want a finite number, 0 or more", gamma)
	}
	return func(t uint64) float64 {
		factor := 1.0
		for _, m := range milestones {
			if t >= m {
				factor *= gamma
			}
		}
		return factor
	}
}

// PerEpoch counts in epochs of stepsPerEpoch steps: at a step it is schedule(step/stepsPerEpoch), rounded down. So
// PerEpoch(n, Cosine(epochs)) changes once per epoch, as PyTorch's schedulers do when called after each epoch (as in the
// authors' code), whereas Cosine(n*epochs) changes at each step. stepsPerEpoch must be positive.
func PerEpoch(stepsPerEpoch uint64, schedule Schedule) Schedule {
	switch {
	case stepsPerEpoch == 0:
		return refused("PerEpoch of 0 steps: want 1 or more")
	case schedule == nil:
		return refused("PerEpoch: the schedule is nil")
	}
	if err := checkFactor(schedule, 0); err != nil {
		return refuse(err)
	}
	return func(t uint64) float64 { return schedule(t / stepsPerEpoch) }
}

// refusal is the reason why a schedule is invalid.
type refusal struct{ error }

// refuse returns a schedule that is rejected with the given reason.
func refuse(reason error) Schedule {
	return func(uint64) float64 { panic(refusal{reason}) }
}

func refused(format string, args ...any) Schedule {
	return refuse(errors.Errorf("optim: schedule "+format, args...))
}

// checkFactor returns an error if the schedule is invalid, or its factor at the step is.
func checkFactor(schedule Schedule, step uint64) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case refusal:
			err = r.error
		default:
			panic(r)
		}
	}()
	if factor := schedule(step); !finite(factor) {
		return errors.Errorf("optim: the schedule's factor at step %d is %v: want a finite number, 0 or more", step, factor)
	}
	return nil
}

// finite reports whether x is a number from 0 to the largest float64.
func finite(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }
