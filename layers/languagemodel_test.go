package layers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/stat/distuv"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// table is a layer that looks up a row for each token: enough to learn which token follows which.
type table struct{ weight *layers.Param }

func newTable(t testing.TB, vocabulary, width int, init layers.Init) table {
	t.Helper()
	w, err := init.Weight("embedding.weight", vocabulary, width)
	if err != nil {
		t.Fatal(err)
	}
	return table{w}
}

func (l table) Params() []*layers.Param { return []*layers.Param{l.weight} }

func (l table) Forward(b *layers.Builder, x *G.Node) (*G.Node, error) {
	w, err := b.Node(l.weight)
	if err != nil {
		return nil, err
	}
	return graph.Embedding(x, w)
}

// newPairs makes a model that predicts a token from the one before it, with dropout p.
func newPairs(t testing.TB, vocabulary int, p float64, dtype tensor.Dtype) *layers.Sequential {
	t.Helper()
	init := layers.Init{Seed: 1, Dtype: dtype}
	return layers.NewSequential(newTable(t, vocabulary, 8, init), layers.NewDropout(p, 3), layers.NewDense("head", 8, vocabulary, init))
}

func newLanguageModel(t testing.TB, net layers.Layer, batch, context int) *layers.LanguageModel {
	t.Helper()
	m, err := layers.NewLanguageModel(net, batch, context)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rhyme is a text in which some characters determine the next one and others do not.
const rhyme = "how much wood would a woodchuck chuck if a woodchuck could chuck wood"

// rhymes cuts the rhyme into sequences.
func rhymes(t testing.TB, context int) (*datasets.Vocabulary, *datasets.Sequences) {
	t.Helper()
	text, err := datasets.Characters("rhyme", rhyme)
	if err != nil {
		t.Fatal(err)
	}
	s, err := text.Sequences(context)
	if err != nil {
		t.Fatal(err)
	}
	return text.Vocabulary(), s
}

func loaderOf(t testing.TB, s *datasets.Sequences, config datasets.SequenceConfig) *datasets.SequenceLoader {
	t.Helper()
	l, err := s.Loader(config)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newAdam(t testing.TB, rate float64) *optim.Adam {
	t.Helper()
	s, err := optim.NewAdam(rate)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pairLoss returns the mean loss of the model of pairs over the rhyme, computed from its parameters in float64.
func pairLoss(net layers.Layer, ids []int) (loss, accuracy float64) {
	v := values(net)
	table, w, b := v["embedding.weight"], v["head.weight"], v["head.bias"]
	width, vocabulary := len(w)/len(b), len(b)
	for i := range len(ids) - 1 {
		sum, logits := 0.0, make([]float64, vocabulary)
		for k := range logits {
			logits[k] = b[k]
			for j := range width {
				logits[k] += w[k*width+j] * table[ids[i]*width+j]
			}
			sum += math.Exp(logits[k])
		}
		loss += math.Log(sum) - logits[ids[i+1]]
		if slices.Index(logits, slices.Max(logits)) == ids[i+1] {
			accuracy++
		}
	}
	n := float64(len(ids) - 1)
	return loss / n, accuracy / n
}

// TestLanguageModel trains on a text to about the entropy of a character given the one before it, and compares Evaluate with an
// independent sum over the text, for several contexts, batch sizes and kinds of last batch.
func TestLanguageModel(t *testing.T) {
	v, s := rhymes(t, 7)
	ids, err := v.Encode(rhyme)
	if err != nil {
		t.Fatal(err)
	}
	net := newPairs(t, v.Size(), 0, tensor.Float64)
	m := newLanguageModel(t, net, 3, 7)
	train := loaderOf(t, s, datasets.SequenceConfig{Batch: 3, Shuffle: true, Last: datasets.LastPad})
	check := func() layers.Metrics {
		t.Helper()
		loss, accuracy := pairLoss(net, ids)
		var got layers.Metrics
		for _, context := range []int{1, 7, 13} {
			_, s := rhymes(t, context)
			m := newLanguageModel(t, net, 3, context)
			for _, c := range []datasets.SequenceConfig{{Batch: 3}, {Batch: 5, Last: datasets.LastPad}, {Batch: 100}} {
				got, err = m.Evaluate(ctx, loaderOf(t, s, c))
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(got.Loss-loss) > 1e-9 || math.Abs(got.Accuracy-accuracy) > 1e-9 || got.Tokens != len(ids)-1 || got.Images != s.Len() {
					t.Errorf("context %d, %+v: %+v, want loss %v, accuracy %v", context, c, got, loss, accuracy)
				}
			}
		}
		if math.Abs(got.Perplexity()-math.Exp(loss)) > 1e-9 || math.Abs(got.BitsPerToken()-loss/math.Log(2)) > 1e-9 {
			t.Errorf("perplexity %v, %v bits for loss %v", got.Perplexity(), got.BitsPerToken(), loss)
		}
		return got
	}
	check()
	h, err := m.Fit(ctx, train, newAdam(t, 0.03), layers.FitConfig{Epochs: 120, Validation: train})
	if err != nil {
		t.Fatal(err)
	}
	after := check()
	if want := pairEntropy(ids); after.Loss > want+0.05 || after.Loss < want {
		t.Errorf("loss %v after training, the entropy is %v", after.Loss, want)
	}
	if last := h.Epochs[len(h.Epochs)-1].Validation; math.Abs(last.Loss-after.Loss) > 1e-9 {
		t.Errorf("validation loss %v", last.Loss)
	}
}

// pairEntropy returns the lowest loss that a model of pairs can reach.
func pairEntropy(ids []int) float64 {
	pairs, firsts := make(map[[2]int]float64), make(map[int]float64)
	for i := range len(ids) - 1 {
		pairs[[2]int{ids[i], ids[i+1]}]++
		firsts[ids[i]]++
	}
	sum := 0.0
	for pair, n := range pairs {
		sum -= n * math.Log(n/firsts[pair[0]])
	}
	return sum / float64(len(ids)-1)
}

// TestLanguageModelIgnores: the loss of a step is the mean over the targets that are not ignored.
func TestLanguageModelIgnores(t *testing.T) {
	if layers.Ignored != datasets.Ignored {
		t.Fatalf("%d and %d", layers.Ignored, datasets.Ignored)
	}
	data, err := datasets.Copying(2, 3, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	net := newPairs(t, 5, 0, tensor.Float64)
	m := newLanguageModel(t, net, 2, 6)
	loader := loaderOf(t, data, datasets.SequenceConfig{Batch: 2})
	before, err := m.Evaluate(ctx, loader)
	if err != nil {
		t.Fatal(err)
	}
	if before.Tokens != 6 {
		t.Errorf("%d targets", before.Tokens)
	}
	h, err := m.Fit(ctx, loader, G.NewVanillaSolver(G.WithLearnRate(0.1)), layers.FitConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(h.Losses[0]-before.Loss) > 1e-12 {
		t.Errorf("loss of the step %v, evaluated %v", h.Losses[0], before.Loss)
	}
}

// sequenceList is a program's own batches, without a method Pass.
type sequenceList struct {
	tokens  []*tensor.Dense
	targets [][]int
	at      int
}

func (l *sequenceList) Start(int) error       { l.at = -1; return nil }
func (l *sequenceList) Next() bool            { l.at++; return l.at < len(l.tokens) }
func (l *sequenceList) Tokens() *tensor.Dense { return l.tokens[l.at] }
func (l *sequenceList) Targets() []int        { return l.targets[l.at] }
func (l *sequenceList) Err() error            { return nil }
func (l *sequenceList) Len() int              { return len(l.tokens) }

// sequencesOf returns a single batch.
func sequencesOf(tokens *tensor.Dense, targets ...int) *sequenceList {
	return &sequenceList{tokens: []*tensor.Dense{tokens}, targets: [][]int{targets}}
}

func idTensor(rows, cols int, ids ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(ids))
}

func TestLanguageModelErrors(t *testing.T) {
	net := newPairs(t, 5, 0, tensor.Float32)
	for _, size := range [][2]int{{0, 3}, {2, 0}, {-1, 3}, {1 << 32, 1 << 32}} {
		if m, err := layers.NewLanguageModel(net, size[0], size[1]); m != nil || !errors.Is(err, layers.ErrShape) {
			t.Errorf("%v: %v, %v", size, m, err)
		}
	}
	if m, err := layers.NewLanguageModel(nil, 2, 3); m != nil || !errors.Is(err, layers.ErrNilLayer) {
		t.Errorf("nil network: %v, %v", m, err)
	}
	if m, err := layers.NewLanguageModel(layers.NewMLP(layers.Init{}, 3, 4), 2, 3); m != nil || err == nil {
		t.Errorf("a network that takes no tokens: %v, %v", m, err)
	}
	flat := layers.NewSequential(net, layers.NewFlatten())
	if m, err := layers.NewLanguageModel(flat, 2, 3); m != nil || !errors.Is(err, layers.ErrShape) {
		t.Errorf("a result (2, 15): %v, %v", m, err)
	}
	before := values(net)
	for name, test := range map[string]struct {
		batches layers.SequenceBatches
		want    error
		text    string
	}{
		"nil":            {sequencesOf(nil), layers.ErrShape, "no tokens"},
		"floats":         {sequencesOf(tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float32)), 0, 0, 0, 0, 0, 0), layers.ErrShape, "float32"},
		"length":         {sequencesOf(idTensor(2, 2, 0, 1, 2, 3), 1, 2, 3, 4), layers.ErrShape, "(N, 3)"},
		"few targets":    {sequencesOf(idTensor(2, 3, 0, 1, 2, 3, 4, 0), 1, 2, 3), layers.ErrShape, "3 targets"},
		"target":         {sequencesOf(idTensor(2, 3, 0, 1, 2, 3, 4, 0), 1, 2, 3, 4, 0, 5), layers.ErrLabel, "target 5 at position 2 of sequence 1"},
		"below":          {sequencesOf(idTensor(2, 3, 0, 1, 2, 3, 4, 0), 1, -2, 3, 4, 0, 1), layers.ErrLabel, "target -2 at position 1 of sequence 0"},
		"token":          {sequencesOf(idTensor(2, 3, 0, 1, 2, 3, 5, 0), 1, 2, 3, 4, 0, 1), nil, "5"},
		"all ignored":    {sequencesOf(idTensor(2, 3, 0, 1, 2, 3, 4, 0), -1, -1, -1, -1, -1, -1), layers.ErrNotFinite, ""},
		"too many":       {sequencesOf(idTensor(3, 3, 0, 1, 2, 3, 4, 0, 0, 0, 0), 1, 2, 3, 4, 0, 1, 0, 0, 0), layers.ErrShape, "3 sequences"},
		"no whole batch": {sequencesOf(idTensor(1, 3, 0, 1, 2), 1, 2, 3), layers.ErrNoStep, "2 sequences"},
	} {
		m := newLanguageModel(t, net, 2, 3)
		_, err := m.Fit(ctx, test.batches, G.NewVanillaSolver(), layers.FitConfig{})
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(before, values(net)); diff != "" {
		t.Errorf("an error changed the weights:\n%s", diff)
	}
	m := newLanguageModel(t, net, 2, 3)
	for _, none := range []layers.SequenceBatches{nil, (*datasets.SequenceLoader)(nil)} {
		if _, err := m.Evaluate(ctx, none); err == nil {
			t.Errorf("%T: no batches to evaluate on", none)
		}
	}
	if _, err := m.Evaluate(ctx, sequencesOf(idTensor(1, 3, 0, 1, 2), -1, -1, -1)); !errors.Is(err, layers.ErrNoTokens) {
		t.Errorf("nothing to predict: %v", err)
	}
	if got, err := m.Evaluate(ctx, sequencesOf(idTensor(1, 3, 0, 1, 2), -1, 2, -1)); err != nil || got.Tokens != 1 || got.Images != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := m.Fit(ctx, nil, G.NewVanillaSolver(), layers.FitConfig{}); err == nil {
		t.Error("no batches to train on")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	one := sequencesOf(idTensor(2, 3, 0, 1, 2, 3, 4, 0), 1, 2, 3, 4, 0, 1)
	if _, err := m.Fit(cancelled, one, G.NewVanillaSolver(), layers.FitConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := m.Fit(ctx, one, G.NewVanillaSolver(), layers.FitConfig{Validation: one}); err == nil {
		t.Error("validation would end the pass")
	}
}

// TestValidationOfTheOtherKind has images validate a language model and sequences a classifier.
func TestValidationOfTheOtherKind(t *testing.T) {
	_, s := rhymes(t, 3)
	sequences := loaderOf(t, s, datasets.SequenceConfig{Batch: 2})
	images := newBatches(tensor.Float32, 5)
	classifier, _ := newModel(t, tensor.Float32)
	if _, err := classifier.Fit(ctx, images, G.NewVanillaSolver(), layers.FitConfig{Validation: sequences}); err == nil || !strings.Contains(err.Error(), "Validation is a *datasets.SequenceLoader") {
		t.Errorf("classifier: %v", err)
	}
	m := newLanguageModel(t, newPairs(t, 20, 0, tensor.Float32), 2, 3)
	if _, err := m.Fit(ctx, sequences, G.NewVanillaSolver(), layers.FitConfig{Validation: images}); err == nil || !strings.Contains(err.Error(), "Validation is a *layers_test.list") {
		t.Errorf("language model: %v", err)
	}
}

// both implements Batches and SequenceBatches.
type both struct {
	*list
	*sequenceList
}

func (both) Start(int) error { return nil }
func (both) Next() bool      { return false }
func (both) Err() error      { return nil }
func (both) Len() int        { return 1 }

// TestBatchesOfBothKinds: what is meant is ambiguous, and an error.
func TestBatchesOfBothKinds(t *testing.T) {
	m := newLanguageModel(t, newPairs(t, 5, 0, tensor.Float32), 2, 3)
	if _, err := m.Evaluate(ctx, both{}); err == nil || !strings.Contains(err.Error(), "layers_test.both") {
		t.Errorf("language model: %v", err)
	}
	classifier, _ := newModel(t, tensor.Float32)
	if _, err := classifier.Evaluate(ctx, both{}); err == nil || !strings.Contains(err.Error(), "layers_test.both") {
		t.Errorf("classifier: %v", err)
	}
}

// TestLanguageModelResumes stops a training with noise, dropout, clipping and schedules at every step, and resumes it from its
// checkpoint with new objects, to the same bits.
func TestLanguageModelResumes(t *testing.T) {
	v, s := rhymes(t, 6)
	fit := func(config layers.FitConfig) (string, int, error) {
		net := layers.NewGPT(layers.GPTConfig{Transformer: layers.Transformer{Width: 8, Heads: 2, Depth: 1, Dropout: 0.2}, Vocabulary: v.Size(), Context: 6}, layers.Init{Seed: 1})
		m := newLanguageModel(t, net, 3, 6)
		adam, err := optim.NewAdamW(0.02, optim.WithLearnRateSchedule(optim.Warmup(3, optim.Cosine(6))))
		if err != nil {
			t.Fatal(err)
		}
		solver, err := optim.NewPerturbedSolver(adam, 0.05, optim.WithSeed(2))
		if err != nil {
			t.Fatal(err)
		}
		train := loaderOf(t, s, datasets.SequenceConfig{Batch: 3, Shuffle: true, Seed: 5})
		config.Epochs, config.Validation, config.ClipNorm = 2, train, 0.3
		h, err := m.Fit(ctx, train, solver, config)
		if err != nil {
			return "", 0, err
		}
		var weights bytes.Buffer
		if err := layers.SaveTo(&weights, net); err != nil {
			t.Fatal(err)
		}
		state, err := solver.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x %v %v %x", weights.Bytes(), h.Losses, h.Epochs[1].Validation, state), len(h.Losses), nil
	}
	want, steps, err := fit(layers.FitConfig{})
	if err != nil || steps < 6 {
		t.Fatalf("%d steps, %v", steps, err)
	}
	for stop := range steps {
		config := layers.FitConfig{Checkpoint: filepath.Join(t.TempDir(), "checkpoint"), CheckpointEvery: 1, Resume: true}
		first := config
		first.OnStep = func(s layers.Step) error {
			if s.Number == stop {
				return errStopHere
			}
			return nil
		}
		if _, _, err := fit(first); !errors.Is(err, errStopHere) {
			t.Fatalf("%v, want %v", err, errStopHere)
		}
		if got, _, err := fit(config); err != nil || got != want {
			t.Errorf("stopped after step %d: other bits, error %v", stop, err)
		}
	}
}

// TestSampleDistribution draws many tokens of a model whose logits are known and compares their frequencies with the
// softmax.
func TestSampleDistribution(t *testing.T) {
	const n = 3000
	net := newPairs(t, 5, 0, tensor.Float64)
	logits := []float64{0, 1, -1, 2, 1}
	for _, p := range net.Params() {
		p.Value.Zero()
		if p.Name == "head.bias" {
			copy(p.Value.Data().([]float64), logits)
		}
	}
	m := newLanguageModel(t, net, 2, 3)
	for _, c := range []layers.SampleConfig{{Seed: 1}, {Temperature: 1, Seed: 2}, {Temperature: 0.5, Seed: 3}, {Temperature: 3, Seed: 4}, {TopK: 2, Seed: 5}, {TopK: 4, Temperature: 2}, {TopK: 9}} {
		ids, err := m.Sample(ctx, []int{0}, n, c)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]float64, 5)
		for _, id := range ids {
			counts[id]++
		}
		temperature, allowed := c.Temperature, []int{3, 1, 4, 0, 2}
		if temperature == 0 {
			temperature = 1
		}
		if c.TopK > 0 {
			allowed = allowed[:min(c.TopK, 5)]
		}
		total := 0.0
		for _, id := range allowed {
			total += math.Exp(logits[id] / temperature)
		}
		chi := 0.0
		for id, count := range counts {
			if !slices.Contains(allowed, id) {
				if count > 0 {
					t.Errorf("%+v: token %d was drawn", c, id)
				}
				continue
			}
			want := n * math.Exp(logits[id]/temperature) / total
			chi += (count - want) * (count - want) / want
		}
		if p := 1 - (distuv.ChiSquared{K: float64(len(allowed) - 1)}).CDF(chi); p < 1e-3 {
			t.Errorf("%+v: counts %v, p %v", c, counts, p)
		}
	}
}

// TestSample samples from a model that has learnt by heart which character follows which.
func TestSample(t *testing.T) {
	text, err := datasets.Characters("alphabet", "abcdefghabcdefgh")
	if err != nil {
		t.Fatal(err)
	}
	s, err := text.Sequences(5)
	if err != nil {
		t.Fatal(err)
	}
	net := newPairs(t, 8, 0, tensor.Float32)
	m := newLanguageModel(t, net, 3, 5)
	train := loaderOf(t, s, datasets.SequenceConfig{Batch: 3})
	if _, err := m.Fit(ctx, train, newAdam(t, 0.05), layers.FitConfig{Epochs: 100}); err != nil {
		t.Fatal(err)
	}
	before := values(net)
	for _, prompt := range []string{"a", "cdef", "abcdefghabcde"} { // shorter and longer than the context
		ids, err := text.Vocabulary().Encode(prompt)
		if err != nil {
			t.Fatal(err)
		}
		next, err := m.Sample(ctx, ids, 12, layers.SampleConfig{TopK: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range next {
			if want := (ids[len(ids)-1] + 1 + i) % 8; id != want {
				t.Fatalf("after %q: %v", prompt, next)
			}
		}
	}
	hot := layers.SampleConfig{Temperature: 5, Seed: 1}
	draw := func(n int, c layers.SampleConfig) []int {
		ids, err := m.Sample(ctx, []int{0}, n, c)
		if err != nil || len(ids) != n {
			t.Fatalf("%d tokens of %d, %v", len(ids), n, err)
		}
		return ids
	}
	all := draw(30, hot)
	if !slices.Equal(draw(10, hot), all[:10]) {
		t.Error("a shorter sample is another one")
	}
	other := hot
	other.Seed = 2
	if slices.Equal(draw(30, other), all) {
		t.Error("another seed gives the same text")
	}
	if len(draw(0, hot)) != 0 {
		t.Error("no tokens")
	}
	for name, v := range values(net) {
		if !slices.Equal(v, before[name]) {
			t.Errorf("sampling changed %s", name)
		}
	}
}

func TestSampleErrors(t *testing.T) {
	net := newPairs(t, 5, 0, tensor.Float64)
	m := newLanguageModel(t, net, 2, 3)
	for _, c := range []layers.SampleConfig{{Temperature: -1}, {Temperature: math.NaN()}, {Temperature: math.Inf(1)}, {TopK: -1}} {
		if ids, err := m.Sample(ctx, []int{0}, 1, c); ids != nil || err == nil {
			t.Errorf("%+v: %v, %v", c, ids, err)
		}
	}
	if ids, err := m.Sample(ctx, []int{0}, -1, layers.SampleConfig{}); ids != nil || err == nil {
		t.Errorf("-1 tokens: %v, %v", ids, err)
	}
	for _, prompt := range [][]int{{5}, {0, -1}} {
		if ids, err := m.Sample(ctx, prompt, 1, layers.SampleConfig{}); ids != nil || !errors.Is(err, layers.ErrLabel) {
			t.Errorf("prompt %v: %v, %v", prompt, ids, err)
		}
	}
	if ids, err := m.Sample(ctx, nil, 1, layers.SampleConfig{}); ids != nil || !errors.Is(err, layers.ErrNoTokens) {
		t.Errorf("no prompt: %v, %v", ids, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if ids, err := m.Sample(cancelled, []int{0}, 1, layers.SampleConfig{}); ids != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", ids, err)
	}
	bias := net.Params()[2].Value.Data().([]float64)
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		bias[1] = bad
		if ids, err := m.Sample(ctx, []int{0}, 1, layers.SampleConfig{}); ids != nil || !errors.Is(err, layers.ErrNotFinite) {
			t.Errorf("logit %v: %v, %v", bad, ids, err)
		}
	}
	for i := range bias {
		bias[i] = math.Inf(-1)
	}
	if ids, err := m.Sample(ctx, []int{0}, 1, layers.SampleConfig{}); ids != nil || !errors.Is(err, layers.ErrNotFinite) {
		t.Errorf("no likely token: %v, %v", ids, err)
	}
	bias[2] = 0
	if ids, err := m.Sample(ctx, []int{0}, 3, layers.SampleConfig{Temperature: 1e-300}); err != nil || !slices.Equal(ids, []int{2, 2, 2}) {
		t.Errorf("one possible token: %v, %v", ids, err)
	}
}
