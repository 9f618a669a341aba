package main

import (
	"context"
	"fmt"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/examples/internal/cli"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// A training is a model and its measurements.
type training struct {
	model   *layers.LanguageModel
	loss    float64 // running mean over the steps, at perturbed weights if there is noise
	steps   []int
	metrics []layers.Metrics // on the held-out text, after those steps

	diverged string // why it ended early: the loss was not finite
}

func (r *training) last() layers.Metrics { return r.metrics[len(r.metrics)-1] }

// curve is the loss on the held-out text over the steps.
func (r *training) curve(kind string) figure.Curve {
	c := figure.Curve{Name: kind, Line: true, Colour: figure.ColourOf(kind)}
	for i, step := range r.steps {
		c.X, c.Y = append(c.X, float64(step)), append(c.Y, r.metrics[i].BitsPerToken())
	}
	return c
}

// errEnd ends a training that has made its steps.
var errEnd = errors.New("the steps are made")

// train trains a model on the beginning of the text and measures it on the end.
func train(ctx context.Context, s settings, kind string, text *datasets.Text) (*training, error) {
	learn, held, err := loaders(s, text)
	if err != nil {
		return nil, err
	}
	net := layers.NewGPT(layers.GPTConfig{
		Transformer: layers.Transformer{Width: s.width, Heads: s.heads, Depth: s.depth, Dropout: s.dropout, Seed: s.seed},
		Vocabulary:  text.Vocabulary().Size(), Context: s.context,
	}, layers.Init{Seed: s.seed})
	r := &training{}
	if r.model, err = layers.NewLanguageModel(net, s.batch, s.context); err != nil {
		return nil, err
	}
	solver, err := s.solver(kind)
	if err != nil {
		return nil, err
	}
	bar := cli.Bar(s.steps, fmt.Sprintf("%s, %d parameters", kind, layers.NumParams(net)))
	_, err = r.model.Fit(ctx, learn, solver, layers.FitConfig{
		Epochs: s.steps, // more than needed
		OnStep: func(step layers.Step) error {
			_ = bar.Add(1)
			return r.step(ctx, s, held, step)
		},
		ClipNorm: s.clip,
	})
	_ = bar.Finish()
	switch {
	case errors.Is(err, errEnd):
		return r, nil
	case errors.Is(err, layers.ErrNotFinite):
		r.diverged = err.Error()
		return r, nil
	}
	return nil, err
}

// step counts a step, and evaluates from time to time.
func (r *training) step(ctx context.Context, s settings, held *datasets.SequenceLoader, step layers.Step) error {
	done := step.Number + 1
	r.loss += (step.Loss - r.loss) / float64(min(done, s.every))
	if done%s.every != 0 && done != s.steps {
		return nil
	}
	m, err := r.model.Evaluate(ctx, held)
	if err != nil {
		return err
	}
	r.steps, r.metrics = append(r.steps, done), append(r.metrics, m)
	if done == s.steps {
		return errEnd
	}
	return nil
}

// loaders returns the training batches and the held-out ones.
func loaders(s settings, text *datasets.Text) (learn, held *datasets.SequenceLoader, err error) {
	first, rest, err := text.Split(s.learnt(text))
	if err != nil {
		return nil, nil, err
	}
	batches := func(part *datasets.Text, c datasets.SequenceConfig) (*datasets.SequenceLoader, error) {
		sequences, err := part.Sequences(s.context)
		if err != nil {
			return nil, err
		}
		return sequences.Loader(c)
	}
	if learn, err = batches(first, datasets.SequenceConfig{Batch: s.batch, Shuffle: true, Seed: s.seed, Last: datasets.LastPad}); err != nil {
		return nil, nil, err
	}
	held, err = batches(rest, datasets.SequenceConfig{Batch: s.batch})
	return learn, held, err
}

// solver makes AdamW, wrapped in noise.
func (s settings) solver(kind string) (G.Solver, error) {
	warmup := max(1, uint64(s.steps)/10)
	adam, err := optim.NewAdamW(s.rate, optim.WithWeightDecay(s.decay), optim.WithoutDecay(optim.IsVector),
		optim.WithLearnRateSchedule(optim.Warmup(warmup, optim.Cosine(max(1, uint64(s.steps)-warmup)))))
	if err != nil || kind == "none" {
		return adam, err
	}
	options := []optim.PerturbOpt{optim.WithSeed(s.seed), optim.WithGrouping(optim.ByLayer())}
	if kind == "all" {
		options = append(options, optim.WithSelection(optim.All()))
	}
	return optim.NewPerturbedSolver(adam, s.sigma, options...)
}
