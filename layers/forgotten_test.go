package layers_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"gorgonia.org/tensor"
)

// TestForgotten trains and evaluates models and drops them: their memory is freed.
func TestForgotten(t *testing.T) {
	t.Run("Classifier", func(t *testing.T) { testForgotten(t, usedClassifier(t)) })
	t.Run("LanguageModel", func(t *testing.T) { testForgotten(t, usedLanguageModel(t)) })
}

// testForgotten checks that the memory of a parameter, to which all graphs refer, is freed.
func testForgotten(t *testing.T, parameter weak.Pointer[tensor.Dense]) {
	t.Helper()
	for range 10 { // a finalizer runs after one collection; what it refers to is freed by the next
		runtime.GC()
		if parameter.Value() == nil {
			return
		}
	}
	t.Error("its graphs are still there")
}

func usedClassifier(t *testing.T) weak.Pointer[tensor.Dense] {
	t.Helper()
	net, model := digitsModel(t, 10)
	images := digitsLoader(t, 20, datasets.LoaderConfig{Batch: 10, Flat: true})
	if _, err := model.Fit(ctx, images, newSolver(t, "layer"), layers.FitConfig{Epochs: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := model.Evaluate(ctx, images); err != nil {
		t.Fatal(err)
	}
	return weak.Make(net.Params()[0].Value)
}

func usedLanguageModel(t *testing.T) weak.Pointer[tensor.Dense] {
	t.Helper()
	vocabulary, text := rhymes(t, 8)
	batches := loaderOf(t, text, datasets.SequenceConfig{Batch: 4})
	net := newPairs(t, vocabulary.Size(), 0.1, tensor.Float32)
	model := newLanguageModel(t, net, 4, 8)
	if _, err := model.Fit(ctx, batches, newSolver(t, "all"), layers.FitConfig{Epochs: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := model.Evaluate(ctx, batches); err != nil {
		t.Fatal(err)
	}
	return weak.Make(net.Params()[0].Value)
}
