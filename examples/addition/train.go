package main

import (
	"context"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/survival"
	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
)

// goal is the accuracy on the sums to test with at which a run has arrived.
const goal = 0.95

// A point is what an evaluation gave.
type point struct {
	Step     int
	Accuracy float64 // on the sums to test with
	Loss     float64 // on them
}

// A record is how a run ended.
type record struct {
	trial
	Seed     uint64 `json:"seed"`
	Steps    int    `json:"steps"` // after which it ended; all that it was given if it diverged
	Arrived  bool   `json:"arrived"`
	Diverged string `json:"diverged,omitempty"` // where the loss was no longer finite

	points []point // not kept
}

// observed is the run as statistics take it.
func (r *record) observed() survival.Run {
	return survival.Run{Time: float64(r.Steps), Happened: r.Arrived}
}

// errEnd ends a training that has arrived or has taken its steps.
var errEnd = errors.New("the run has ended")

// train makes a run, of limit steps at most, a multiple of those between evaluations.
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

// step notes that a step was made, and evaluates if it is time to.
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
