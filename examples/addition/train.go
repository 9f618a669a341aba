package main

import (
	"context"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/survival"
	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
)

// goal is the accuracy on the test sums at which a run ends.
const goal = 0.95

// A point is the result of an evaluation.
type point struct {
	Step     int
	Accuracy float64 // on the test sums
	Loss     float64 // on the test sums
}

// A record is the result of a run.
type record struct {
	trial
	Seed     uint64 `json:"seed"`
	Steps    int    `json:"steps"` // steps after which it ended; the limit if it diverged
	Arrived  bool   `json:"arrived"`
	Diverged string `json:"diverged,omitempty"` // where the loss ceased to be finite

	points []point // not stored
}

// observed returns the run in the form of package survival.
func (r *record) observed() survival.Run {
	return survival.Run{Time: float64(r.Steps), Happened: r.Arrived}
}

// errEnd ends a training that has reached the goal or the limit of steps.
var errEnd = errors.New("the run has ended")

// train makes a run of at most limit steps, a multiple of those between evaluations.
func train(ctx context.Context, s settings, t trial, seed uint64, limit int) (*record, error) {
	learn, test, err := datasets.ModularAddition(s.Modulus, s.Fraction, seed)
	if err != nil {
		return nil, err
	}
	batches, err := learn.Loader(datasets.SequenceConfig{Batch: s.Batch, Shuffle: true, Seed: seed, Last: datasets.LastDrop})
	if err != nil {
		return nil, err
	}
	held, err := test.Loader(datasets.SequenceConfig{Batch: s.Batch})
	if err != nil {
		return nil, err
	}
	net := layers.NewGPT(layers.GPTConfig{
		Transformer: layers.Transformer{Width: s.Width, Heads: s.Heads, Depth: 1, Dropout: t.dropoutRate(), Seed: seed},
		Vocabulary:  learn.Vocabulary().Size(), Context: learn.Context(), Untied: true,
	}, layers.Init{Seed: seed})
	model, err := layers.NewLanguageModel(net, s.Batch, learn.Context())
	if err != nil {
		return nil, err
	}
	solver, err := t.solver(seed)
	if err != nil {
		return nil, err
	}
	r := &record{trial: t, Seed: seed}
	_, err = model.Fit(ctx, batches, solver, layers.FitConfig{
		Epochs: s.Steps, // more than it takes
		OnStep: func(step layers.Step) error { return r.step(ctx, s.Every, limit, model, held, step.Number+1) },
	})
	switch {
	case errors.Is(err, errEnd):
		return r, nil
	case errors.Is(err, layers.ErrNotFinite):
		r.Steps, r.Diverged = limit, err.Error()
		return r, nil
	}
	return nil, err
}

// step counts a step, and evaluates if it is time to.
func (r *record) step(ctx context.Context, every, limit int, model *layers.LanguageModel, held *datasets.SequenceLoader, done int) error {
	r.Steps = done
	if done%every != 0 {
		return nil
	}
	m, err := model.Evaluate(ctx, held)
	if err != nil {
		return err
	}
	r.points = append(r.points, point{Step: done, Accuracy: m.Accuracy, Loss: m.Loss})
	r.Arrived = m.Accuracy >= goal
	if r.Arrived || done >= limit {
		return errEnd
	}
	return nil
}
