package layers

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// LanguageModel trains, evaluates and samples a network that predicts, at each position of a sequence of tokens, the token
// to come: the next one of a text, or the answer of a task. Like a [Classifier], it has a training graph, whose cost is the
// mean softmax cross entropy over the positions that have a target, and an evaluation graph, both over the network's own
// tensors.
//
// A LanguageModel must be used by one goroutine at a time. Models of different networks may be used concurrently.
type LanguageModel struct {
	trainer
	evaluation *sequenceEvaluation
	sampling   *sequenceEvaluation // for one sequence; nil before the first use
}

// NewLanguageModel makes the graphs of net for batches of the given number of sequences of context tokens. The network's
// input is (batch, context) of type tensor.Int, its result (batch, context, vocabulary) or (batch*context, vocabulary); its
// parameters must be all float32 or all float64. A graph's memory is allocated when it first runs.
func NewLanguageModel(net Layer, batch, context int) (*LanguageModel, error) {
	if _, err := dtypeOf(net); err != nil {
		return nil, err
	}
	if batch < 1 || context < 1 || tooLarge(batch, context) {
		return nil, errors.Wrapf(ErrShape, "layers: batch of %d sequences of %d tokens", batch, context)
	}
	m := &LanguageModel{trainer: newTrainer(net)}
	var err error
	if m.training, err = newSequenceTraining(net, batch, context); err != nil {
		return nil, err
	}
	if m.evaluation, err = newSequenceEvaluation(net, batch, context); err != nil {
		return nil, err
	}
	return m, nil
}

// Join makes this process one of the ranks of a world that train the network together, like [Classifier.Join]. The loss of a
// step is the mean of the ranks' losses, each of which is the mean over its targets: if some are Ignored, every rank should
// have about the same number of others.
func (m *LanguageModel) Join(world World) error { return m.join(world) }

// Fit trains the network like [Classifier.Fit], on sequences: every step takes a whole batch of the size that the model was
// made for, and the loss of a step is the mean over the batch's targets that are not Ignored. A batch without any is an
// error, since its loss is NaN.
func (m *LanguageModel) Fit(ctx context.Context, batches SequenceBatches, solver G.Solver, config FitConfig) (*History, error) {
	validation, err := validationOf[SequenceBatches](config)
	if err != nil {
		return nil, m.ranks.refuse(err)
	}
	return m.fit(ctx, batches, solver, config, func(ctx context.Context) (Metrics, error) { return m.Evaluate(ctx, validation) })
}

// Evaluate returns the network's metrics over one pass, number 0, of the batches, which may be of any size: every target
// that is not Ignored counts once, except those of sequences that a loader pads its last batch with (Valid). Perplexity and
// BitsPerToken of the metrics give the loss in other units. It changes neither weights nor running statistics, and does not
// disturb a training on the same loader. It ends early when ctx is done, with its error.
func (m *LanguageModel) Evaluate(ctx context.Context, batches SequenceBatches) (Metrics, error) {
	if isnil.Of(batches) {
		return Metrics{}, errors.New("layers: no batches to evaluate on")
	}
	var sums tally
	sequences, err := m.ranks.evaluate(ctx, batches, m.evaluation.judge, sums.add)
	if err != nil {
		return Metrics{}, err
	}
	if sums.n == 0 {
		return Metrics{}, errors.Wrapf(ErrNoTokens, "layers: evaluate on %d sequences", sequences)
	}
	metrics := sums.metrics()
	metrics.Images, metrics.Tokens = sequences, sums.n
	return metrics, nil
}

// forwardTokens applies net to sequences of tokens and checks its result, (batch*context, vocabulary) or (batch, context,
// vocabulary).
func forwardTokens(net Layer, b *Builder, batch, context int) (*tokenInput, *G.Node, error) {
	in := &tokenInput{ids: make([]int, batch*context), batch: batch, context: context}
	logits, err := chain(b, intNode(b.graph, "tokens", in.ids, batch, context), []Layer{net})
	if err != nil {
		return nil, nil, err
	}
	s := logits.Shape()
	if last := len(s) - 1; last < 1 || !s[:last].Eq(tensor.Shape{batch, context}) && !s[:last].Eq(tensor.Shape{batch * context}) {
		return nil, nil, errors.Wrapf(ErrShape, "layers: the network's result is %v, want (%d, %d, vocabulary)", s, batch, context)
	}
	return in, logits, nil
}

// newSequenceTraining builds the training graph of a language model.
func newSequenceTraining(net Layer, batch, context int) (*training, error) {
	b := NewBuilder(G.NewGraph(), Training)
	in, logits, err := forwardTokens(net, b, batch, context)
	if err != nil {
		return nil, err
	}
	last := logits.Dims() - 1
	f := &sequenceFeed{tokens: in, targets: make([]int, batch*context), vocabulary: logits.Shape()[last]}
	targets := intNode(b.graph, "targets", f.targets, logits.Shape()[:last]...)
	cost, err := graph.CrossEntropyIgnoring(logits, targets, Ignored)
	if err != nil {
		return nil, errors.Wrap(err, "layers: cost")
	}
	return newTraining(net, b, f, cost)
}

// sequenceFeed loads sequences with their targets into a training graph.
type sequenceFeed struct {
	tokens     *tokenInput
	targets    []int // of the batch, the backing of the graph's node
	vocabulary int
}

func (f *sequenceFeed) String() string { return fmt.Sprintf("%d sequences", f.tokens.batch) }

func (f *sequenceFeed) size() int { return f.tokens.batch }

func (f *sequenceFeed) load(pass anyPass) (whole bool, err error) {
	batch := pass.(SequencePass)
	tokens, targets := batch.Tokens(), batch.Targets()
	n, err := f.tokens.count(tokens, targets, f.vocabulary)
	if err != nil {
		return false, err
	}
	if n > f.tokens.batch {
		return false, errors.Wrapf(ErrShape, "layers: batch of %d sequences, the model was made for %d", n, f.tokens.batch)
	}
	if n < f.tokens.batch {
		return false, nil
	}
	f.tokens.load(tokens, 0, n)
	copy(f.targets, targets)
	return true, nil
}

// sequenceEvaluation is the evaluation graph of a language model.
type sequenceEvaluation struct {
	inference
	tokens *tokenInput
}

func newSequenceEvaluation(net Layer, batch, context int) (*sequenceEvaluation, error) {
	in, logits, err := forwardTokens(net, NewBuilder(G.NewGraph(), Evaluation), batch, context)
	if err != nil {
		return nil, err
	}
	e := &sequenceEvaluation{tokens: in}
	e.read(logits)
	return e, nil
}

// judge returns the outcomes for the targets of the valid sequences of a batch of any size.
func (e *sequenceEvaluation) judge(_ context.Context, batch anyPass) (judged, error) {
	tokens, targets := batch.(SequencePass).Tokens(), batch.(SequencePass).Targets()
	n, err := e.tokens.count(tokens, targets, e.classes)
	if err != nil {
		return judged{}, err
	}
	j := judged{places: n * e.tokens.context, count: min(n, batch.Valid())}
	row := make([]float64, e.classes)
	for lo := 0; lo < j.count; lo += e.tokens.batch {
		hi := min(lo+e.tokens.batch, j.count)
		e.tokens.load(tokens, lo, hi)
		if err := e.run(); err != nil {
			return j, err
		}
		first, end := lo*e.tokens.context, hi*e.tokens.context
		for i, target := range targets[first:end] {
			if target != Ignored {
				e.row(i, row)
				j.outcomes = append(j.outcomes, outcomeOf(row, target))
			}
		}
	}
	return j, nil
}

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
