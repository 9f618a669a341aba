package layers_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestTwoClassifiers trains equal models with noise on several goroutines at once, each with its own solver: all results are
// the same.
func TestTwoClassifiers(t *testing.T) {
	const models = 3
	results := make([]map[string][]float64, models)
	var wg sync.WaitGroup
	for i := range results {
		model, net := newModel(t, tensor.Float32)
		solver := perturbed(t, G.NewVanillaSolver(), 0.1)
		wg.Add(1)
		go func() {
			defer wg.Done()
			batches := newBatches(tensor.Float32, 5, 5, 3)
			if _, err := model.Fit(ctx, batches, solver, layers.FitConfig{Epochs: 4}); err != nil {
				t.Error(err)
			}
			if _, err := model.Evaluate(ctx, batches); err != nil {
				t.Error(err)
			}
			results[i] = values(net)
		}()
	}
	wg.Wait()
	for _, r := range results[1:] {
		if diff := cmp.Diff(results[0], r); diff != "" {
			t.Error(diff)
		}
	}
}

// TestProgress: the bar shows the pass and is complete at the end; without a writer there is none.
func TestProgress(t *testing.T) {
	model, _ := newModel(t, tensor.Float32)
	var out bytes.Buffer
	_, err := model.Fit(ctx, newBatches(tensor.Float32, 5, 5, 5, 3), G.NewVanillaSolver(), layers.FitConfig{Epochs: 2, FirstEpoch: 3, Progress: &out})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"epoch 4/5 mean loss", "epoch 5/5 mean loss", "100%", "(4/4)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%q", want, out.String())
		}
	}
}
