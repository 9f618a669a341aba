package layers_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"gonum.org/v1/gonum/stat/distuv"
	"gorgonia.org/tensor"
)

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

// TestSample has a model that knows by heart what follows what tell it.
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
