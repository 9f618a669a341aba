package layers

import (
	"context"
	"fmt"

	"github.com/layernoise/layernoise/graph"
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
	if batch < 1 || context < 1 {
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
	if batches == nil {
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
