package optim

import (
	"math"
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
		{"steps", Steps(0.1, 2, 5), map[uint64]float64{0: 1, 1: 1, 2: 0.1, 4: 0.1, 5: 0.01, 9: 0.01}},
	}
	for _, c := range cases {
		for step, want := range c.want {
			if got := c.schedule(step); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: %v at step %d, want %v", c.name, got, step, want)
			}
		}
	}
	for name, schedule := range map[string]Schedule{
		"cosine": Cosine(0), "linear": Linear(1, 0, 0), "warmup": Warmup(0, nil), "warmup then": Warmup(0, Until(3)), "steps": Steps(-1, 3),
	} {
		if factor := schedule(0); !math.IsNaN(factor) {
			t.Errorf("%s with arguments out of range gives %v, want NaN", name, factor)
		}
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
