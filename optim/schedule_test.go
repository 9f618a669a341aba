package optim

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestSchedules(t *testing.T) {
	cases := []struct {
		name     string
		schedule Schedule
		want     map[uint64]float64
	}{
		{"constant", Constant(0.3), map[uint64]float64{0: 0.3, 9: 0.3}},
		{"until", Until(3), map[uint64]float64{0: 1, 2: 1, 3: 0, 4: 0}},
		{"cosine", Cosine(8), map[uint64]float64{0: 1, 2: (1 + math.Sqrt2/2) / 2, 4: 0.5, 6: (1 - math.Sqrt2/2) / 2, 8: 0, 100: 0}},
		{"linear", Linear(1, 0.2, 4), map[uint64]float64{0: 1, 1: 0.8, 3: 0.4, 4: 0.2, 9: 0.2}},
		{"warmup", Warmup(4, nil), map[uint64]float64{0: 0.25, 2: 0.75, 3: 1, 4: 1, 50: 1}},
		{"warmup then linear", Warmup(2, Linear(1, 0, 2)), map[uint64]float64{0: 0.5, 1: 1, 2: 1, 3: 0.5, 4: 0}},
		{"cosine by the epoch", PerEpoch(3, Cosine(4)), map[uint64]float64{0: 1, 2: 1, 3: (1 + math.Sqrt2/2) / 2, 5: (1 + math.Sqrt2/2) / 2, 6: 0.5, 11: (1 - math.Sqrt2/2) / 2, 12: 0, 99: 0}},
		{"warmup by the step, then by the epoch", Warmup(2, PerEpoch(2, Linear(1, 0, 2))), map[uint64]float64{0: 0.5, 1: 1, 2: 1, 3: 1, 4: 0.5, 5: 0.5, 6: 0}},
		{"steps", Steps(0.1, 2, 5), map[uint64]float64{0: 1, 1: 1, 2: 0.1, 4: 0.1, 5: 0.01, 9: 0.01}},
	}
	for _, c := range cases {
		for step, want := range c.want {
			if got := c.schedule(step); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: %v at step %d, want %v", c.name, got, step, want)
			}
		}
	}
}

// TestSchedulesRefused: arguments out of range are an error of the solver's constructor that names them, not a NaN later.
func TestSchedulesRefused(t *testing.T) {
	nan := math.NaN()
	for want, schedule := range map[string]Schedule{
		"schedule Constant(-1)":                   Constant(-1),
		"schedule Cosine(0): want 1 step or more": Cosine(0),
		"schedule Linear(1, 0, 0)":                Linear(1, 0, 0),
		"schedule Linear(1, -1, 5)":               Linear(1, -1, 5),
		"schedule Linear(NaN, 1, 5)":              Linear(nan, 1, 5),
		"schedule Warmup of 0 steps":              Warmup(0, Until(3)),
		"schedule Steps(-1, ...)":                 Steps(-1, 3),
		"schedule Steps(NaN, ...)":                Steps(nan),
		"schedule PerEpoch of 0 steps":            PerEpoch(0, Cosine(3)),
		"schedule PerEpoch: the schedule is nil":  PerEpoch(3, nil),
		"optim: schedule Cosine(0)":               Warmup(5, Cosine(0)),
		"optim: schedule Linear(0, 1, 0)":         PerEpoch(7, Warmup(5, Linear(0, 1, 0))),
		"factor at step 0 is NaN":                 Warmup(5, func(uint64) float64 { return nan }),
	} {
		for who, err := range map[string]error{
			"sgd":       second(NewSGD(0.1, WithLearnRateSchedule(schedule))),
			"adam":      second(NewAdam(0.1, WithLearnRateSchedule(schedule))),
			"perturbed": second(NewPerturbedSolver(ours(NewSGD(0.1)), 0.1, WithSchedule(schedule))),
			"sam":       second(NewSAM(ours(NewSGD(0.1)), 0.1, WithSchedule(schedule))),
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", who, err, want)
			}
		}
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "Cosine(0)") {
			t.Errorf("a refused schedule that is called panics with %v", r)
		}
	}()
	Cosine(0)(3)
}

func second[T any](_ T, err error) error { return err }

// TestLearnRateIsWhatWasSet: SetLearnRate(LearnRate()) changes nothing, whatever the schedule; ScheduledRate includes its
// factor.
func TestLearnRateIsWhatWasSet(t *testing.T) {
	s := ours(NewSGD(0.5, WithLearnRateSchedule(Steps(0.5, 1, 2)))).(*SGD)
	n := newNet(t, dtypes[0], 1, 3, 4, 5, 2)
	for _, want := range []float64{0.5, 0.25, 0.125} {
		if err := s.SetLearnRate(s.LearnRate()); err != nil {
			t.Fatal(err)
		}
		if s.LearnRate() != 0.5 || s.ScheduledRate() != want {
			t.Errorf("rates %v and %v, want 0.5 and %v", s.LearnRate(), s.ScheduledRate(), want)
		}
		n.train(t, s, false, 1)
	}
}

// TestScheduleMultipliesSigma: the noise of a step has sigma times the schedule at that step.
func TestScheduleMultipliesSigma(t *testing.T) {
	n := newNet(t, dtypes[0], 1, 3, 4, 5, 2)
	s := perturbed(t, bases["sgd"](), 0.5, WithSchedule(Steps(0.5, 1, 3)))
	vm := must(s.Guard(n.vm, n.learnables...))(t)
	for step, want := range []float64{0.5, 0.25, 0.25, 0.125} {
		n.loop(t, vm, s, 1)
		if last := s.Last(); last.Sigma != want || last.Step != uint64(step) {
			t.Errorf("sigma %v at step %d, want %v at %d", last.Sigma, last.Step, want, step)
		}
	}
}
