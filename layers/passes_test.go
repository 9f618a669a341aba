package layers_test

import (
	"context"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// digitsModel is a small network for the drawn digits with its classifier.
func digitsModel(t *testing.T, batch int) (layers.Layer, *layers.Classifier) {
	t.Helper()
	net := layers.NewMLP(layers.Init{Seed: 1}, 784, 8, 10)
	model, err := layers.NewClassifier(net, batch, 784)
	if err != nil {
		t.Fatal(err)
	}
	return net, model
}

func digitsLoader(t *testing.T, n int, config datasets.LoaderConfig) *datasets.Loader {
	t.Helper()
	loader, err := datasets.Digits(n, 2).Loader(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { loader.Close() })
	return loader
}

// TestEvaluateCountsEveryImageOnce: however the last batch is filled, and for any size of it.
func TestEvaluateCountsEveryImageOnce(t *testing.T) {
	_, model := digitsModel(t, 10)
	for _, n := range []int{1, 9, 10, 11, 29, 31} {
		for _, batch := range []int{7, 10, 40} {
			short, err := model.Evaluate(context.Background(), digitsLoader(t, n, datasets.LoaderConfig{Batch: batch}))
			if err != nil {
				t.Fatal(err)
			}
			pad, err := model.Evaluate(context.Background(), digitsLoader(t, n, datasets.LoaderConfig{Batch: batch, Last: datasets.LastPad}))
			if err != nil {
				t.Fatal(err)
			}
			if short.Images != n || pad != short {
				t.Errorf("%d images in batches of %d: %+v padded, %+v not", n, batch, pad, short)
			}
		}
	}
}

// TestEvaluateWhileTraining evaluates after each step, on the loader that trains.
func TestEvaluateWhileTraining(t *testing.T) {
	var want *layers.History
	for _, evaluates := range []bool{false, true} {
		_, model := digitsModel(t, 10)
		loader := digitsLoader(t, 60, datasets.LoaderConfig{Batch: 10, Shuffle: true})
		history, err := model.Fit(context.Background(), loader, G.NewVanillaSolver(), layers.FitConfig{Epochs: 2, Validation: loader, OnStep: func(layers.Step) error {
			if !evaluates {
				return nil
			}
			m, err := model.Evaluate(context.Background(), loader)
			if m.Images != 60 {
				t.Errorf("%d images of 60", m.Images)
			}
			return err
		}})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = history
		}
		if len(history.Losses) != 12 || history.Losses[11] != want.Losses[11] {
			t.Errorf("losses %v, without evaluations %v", history.Losses, want.Losses)
		}
	}
}

// TestValidationOnOnePass refuses to validate on batches that have one pass only, which the training is in.
func TestValidationOnOnePass(t *testing.T) {
	_, model := digitsModel(t, 5)
	batches := newBatches(tensor.Float32, 5)
	_, err := model.Fit(context.Background(), batches, G.NewVanillaSolver(), layers.FitConfig{Validation: batches})
	if err == nil || !strings.Contains(err.Error(), "without the method Pass") {
		t.Errorf("error %v", err)
	}
}
