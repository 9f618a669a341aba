package layers

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/pkg/errors"
)

// SampleConfig says how [LanguageModel.Sample] chooses tokens. The zero value draws them with the network's probabilities.
type SampleConfig struct {
	// Temperature divides the logits: below 1 it favours likely tokens, above 1 unlikely ones. By default it is 1.
	Temperature float64

	// TopK restricts the choice to the given number of likeliest tokens, the first among equal ones; 1 always takes the
	// likeliest. By default all are allowed.
	TopK int

	// Seed determines, together with the index of the token, every draw.
	Seed uint64
}

func (c SampleConfig) check() error {
	if !(c.Temperature >= 0) || math.IsInf(c.Temperature, 1) {
		return errors.Errorf("layers: sample at temperature %v, want a positive number, or 0 for 1", c.Temperature)
	}
	if c.TopK < 0 {
		return errors.Errorf("layers: sample of the %d likeliest tokens, want at least 1, or 0 for all", c.TopK)
	}
	return nil
}

// Sample continues a text: it returns n tokens, each drawn given the prompt and the tokens drawn before it, as far back as
// the context reaches. The network must be causal: its result at a position must not depend on later tokens. The same
// weights, prompt and seed give the same tokens on every machine, and a smaller n gives a prefix of them.
//
// The error is ErrNoTokens for an empty prompt, ErrLabel for a prompt with an id outside the vocabulary, and ErrNotFinite
// for logits that leave no token to choose. Sample ends early when ctx is done, with its error.
func (m *LanguageModel) Sample(ctx context.Context, prompt []int, n int, config SampleConfig) ([]int, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, errors.Errorf("layers: sample of %d tokens", n)
	}
	if len(prompt) == 0 {
		return nil, errors.Wrap(ErrNoTokens, "layers: sample after an empty prompt")
	}
	for i, id := range prompt {
		if id < 0 || id >= m.evaluation.classes {
			return nil, errors.Wrapf(ErrLabel, "layers: token %d at position %d of the prompt, want 0 to %d", id, i, m.evaluation.classes-1)
		}
	}
	if m.sampling == nil {
		e, err := newSequenceEvaluation(m.net, 1, m.evaluation.tokens.context)
		if err != nil {
			return nil, err
		}
		m.sampling = e
	}
	text := slices.Clone(prompt)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return nil, errors.Wrapf(err, "layers: sample, after %d tokens", i)
		}
		logits, err := m.sampling.next(text)
		if err != nil {
			return nil, err
		}
		id, err := config.choose(logits, uint64(i))
		if err != nil {
			return nil, err
		}
		text = append(text, id)
	}
	return text[len(prompt):], nil
}

// next returns the logits of the token that follows a text.
func (e *sequenceEvaluation) next(text []int) ([]float64, error) {
	text = text[max(0, len(text)-e.tokens.context):]
	clear(e.tokens.ids[copy(e.tokens.ids, text):])
	if err := e.run(); err != nil {
		return nil, err
	}
	logits := make([]float64, e.classes)
	e.row(len(text)-1, logits)
	return logits, nil
}

// choose draws token number i.
func (c SampleConfig) choose(logits []float64, i uint64) (int, error) {
	order := make([]int, len(logits)) // the tokens, likeliest first
	for id, v := range logits {
		if math.IsNaN(v) || math.IsInf(v, 1) {
			return 0, errors.Wrapf(ErrNotFinite, "layers: sample: logit %v of token %d", v, id)
		}
		order[id] = id
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case logits[a] > logits[b]:
			return -1
		case logits[a] < logits[b]:
			return 1
		}
		return 0
	})
	if c.TopK > 0 {
		order = order[:min(c.TopK, len(order))]
	}
	top := logits[order[0]]
	if math.IsInf(top, -1) {
		return 0, errors.Wrapf(ErrNotFinite, "layers: sample: all logits are %v", top)
	}
	temperature := c.Temperature
	if temperature == 0 {
		temperature = 1
	}
	weights, total := make([]float64, len(order)), 0.0
	for j, id := range order {
		weights[j] = elementary.Exp((logits[id] - top) / temperature)
		total += weights[j]
	}
	left := total * c.draw(i)
	for j, id := range order {
		if left -= weights[j]; left < 0 {
			return id, nil
		}
	}
	return order[0], nil // reached only through rounding
}

// draw returns a number in [0, 1) for token number i.
func (c SampleConfig) draw(i uint64) float64 {
	return rand.New(rand.NewPCG(c.Seed^nameHash("sample of text"), i)).Float64()
}
