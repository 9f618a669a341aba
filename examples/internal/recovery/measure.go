package recovery

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
)

// methods are the trainings that are compared. Noise on all weights has sigma/sqrt(2), as there are two tensors, so that
// both kinds of noise lead to the same minimiser.
var methods = []struct {
	name      string
	colour    int
	selection func() optim.Selection // nil for no noise
}{
	{"none", figure.None, nil},
	{"layer", figure.Layer, optim.Uniform},
	{"all", figure.All, optim.All},
}

// result holds the trainings of one seed.
type result struct {
	truth     []float64
	traces    []trace // by method
	minimiser struct {
		solution                    []float64
		recovery, regulariser, loss float64
	}
}

// trace is a training.
type trace struct {
	recovery    []float64 // relative distance to the planted solution
	regulariser []float64 // what noise on one layer at a time adds to the expected loss

	solution      []float64 // at the end
	fromMinimiser float64   // relative distance of solution to the closed form
	loss          float64   // at the end, without noise

	diverged int // the step after which the solution was not finite, which ended the training; 0 if it always was
}

// errDiverged ends a training whose solution is not finite.
var errDiverged = errors.New("diverged")

// measure trains with every method, and records recovery and regulariser after the numbers of steps in at. It calls done
// after each training.
func measure(ctx context.Context, p *closedform.Planted, s settings, seed uint64, at []float64, done func()) (result, error) {
	var r result
	strength := s.sigma * s.sigma / 2
	best, err := p.Minimiser(strength)
	if err != nil {
		return r, err
	}
	r.truth, r.minimiser.solution = p.Truth, best
	r.minimiser.recovery = relative(best, p.Truth)
	r.minimiser.regulariser = strength * p.Penalty(best)
	r.minimiser.loss = p.Loss(best)
	for _, m := range methods {
		solver, err := newSolver(s, m.selection, seed)
		if err != nil {
			return r, err
		}
		model, err := closedform.NewModel(p, [2][]float64{slices.Clone(p.Initial[0]), slices.Clone(p.Initial[1])})
		if err != nil {
			return r, err
		}
		var t trace
		err = model.Train(ctx, solver, s.steps, func(step int) error {
			if len(t.recovery) < len(at) && step == int(at[len(t.recovery)]) {
				distance := relative(p.Solution(model.Weights), p.Truth)
				if math.IsNaN(distance) || math.IsInf(distance, 0) {
					t.diverged = step
					return errDiverged
				}
				t.recovery = append(t.recovery, distance)
				t.regulariser = append(t.regulariser, closedform.ExtraLayer(p, model.Weights, s.sigma))
			}
			return nil
		})
		if err != nil && t.diverged == 0 {
			return r, err
		}
		t.end(p, model.Weights, best, len(at))
		r.traces = append(r.traces, t)
		done()
	}
	return r, nil
}

// end records the end of the training. If it has diverged, missing numbers are NaN.
func (t *trace) end(p *closedform.Planted, weights [2][]float64, best []float64, points int) {
	if t.diverged == 0 {
		t.solution = p.Solution(weights)
		t.fromMinimiser, t.loss = relative(t.solution, best), p.Loss(t.solution)
		return
	}
	for len(t.recovery) < points {
		t.recovery, t.regulariser = append(t.recovery, math.NaN()), append(t.regulariser, math.NaN())
	}
	t.fromMinimiser, t.loss = math.NaN(), math.NaN()
}

// newSolver returns gradient descent with a decaying learning rate, with noise if selection is not nil.
func newSolver(s settings, selection func() optim.Selection, seed uint64) (G.Solver, error) {
	base, err := optim.NewSGD(s.rate, optim.WithLearnRateSchedule(optim.Cosine(uint64(s.steps))))
	if err != nil || selection == nil {
		return base, err
	}
	return optim.NewPerturbedSolver(base, s.sigma, optim.WithSelection(selection()), optim.WithSeed(seed))
}

// points is the largest number of points on a curve.
const points = 60
