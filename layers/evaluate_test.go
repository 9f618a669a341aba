package layers_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// digitsModel returns a small network for drawn digits and its classifier.
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

// TestEvaluateCountsEveryImageOnce, however large the last batch is and whatever it is padded with.
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

// TestValidationOnOnePass: batches that allow only one pass at a time cannot be both for training and for validation.
func TestValidationOnOnePass(t *testing.T) {
	_, model := digitsModel(t, 5)
	batches := newBatches(tensor.Float32, 5)
	_, err := model.Fit(context.Background(), batches, G.NewVanillaSolver(), layers.FitConfig{Validation: batches})
	if err == nil || !strings.Contains(err.Error(), "without the method Pass") {
		t.Errorf("error %v", err)
	}
}

// TestPaddingCountsOnce: every image counts once, for every kind of last batch.
func TestPaddingCountsOnce(t *testing.T) {
	for _, batch := range []int{7, 10, 50, 200} {
		net := layers.NewMLP(layers.Init{Seed: 1}, 784, 20, 10)
		model, err := layers.NewClassifier(net, 20, 784)
		if err != nil {
			t.Fatal(err)
		}
		measure := func(last datasets.Last) (layers.Metrics, layers.Confusion) {
			l, err := datasets.Digits(120, 2).Loader(datasets.LoaderConfig{Batch: batch, Last: last, Flat: true})
			if err != nil {
				t.Fatal(err)
			}
			m, err := model.Evaluate(ctx, l)
			if err != nil {
				t.Fatal(err)
			}
			c, err := model.Confusion(ctx, l)
			if err != nil {
				t.Fatal(err)
			}
			return m, c
		}
		short, table := measure(datasets.LastShort)
		padded, same := measure(datasets.LastPad)
		if short != padded || short.Images != 120 || !slices.EqualFunc(table, same, slices.Equal) {
			t.Errorf("batches of %d: %+v short, %+v padded", batch, short, padded)
		}
		right, all := 0, 0
		for label, row := range table {
			for class, n := range row {
				all += n
				if label == class {
					right += n
				}
			}
		}
		if all != 120 || float64(right)/120 != short.Accuracy {
			t.Errorf("%d images in the confusion matrix, %d right, accuracy %v\n%v", all, right, short.Accuracy, table)
		}
		if !(short.Top5 > short.Accuracy && short.Top5 < 1) {
			t.Errorf("top-5 accuracy %v, accuracy %v", short.Top5, short.Accuracy)
		}
		if lines := strings.Count(table.String(), "\n"); lines != 10 {
			t.Errorf("%d lines for 10 classes", lines)
		}
	}
	model, err := layers.NewClassifier(layers.NewMLP(layers.Init{}, 784, 10), 20, 784)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"evaluate":   func() error { _, err := model.Evaluate(ctx, nil); return err },
		"nil loader": func() error { _, err := model.Evaluate(ctx, (*datasets.Loader)(nil)); return err },
		"fit": func() error {
			_, err := model.Fit(ctx, (*datasets.Loader)(nil), G.NewVanillaSolver(), layers.FitConfig{})
			return err
		},
		"confusion":  func() error { _, err := model.Confusion(ctx, nil); return err },
		"statistics": func() error { return model.EstimateStatistics(ctx, nil) },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "no batches") {
			t.Errorf("%s: error %v without batches", name, err)
		}
	}
}

// TestEstimateStatistics: the statistics are means over the batches, whatever they were before; weights, gradients and further
// training are not affected.
func TestEstimateStatistics(t *testing.T) {
	norm := layers.NewBatchNorm("bn", 784, layers.Init{})
	net := layers.NewSequential(norm, layers.NewDense("fc", 784, 10, layers.Init{Seed: 1}))
	model, err := layers.NewClassifier(net, 25, 784)
	if err != nil {
		t.Fatal(err)
	}
	data := datasets.Digits(60, 1)
	loader := func(epochSeed uint64) *datasets.Loader {
		l, err := data.Loader(datasets.LoaderConfig{Batch: 25, Flat: true, Seed: epochSeed})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	sgd, err := optim.NewSGD(0.1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Fit(ctx, loader(1), sgd, layers.FitConfig{}); err != nil {
		t.Fatal(err)
	}
	weight := slices.Clone(net.Params()[4].Value.Float32s())
	if err := model.EstimateStatistics(ctx, loader(1)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(weight, net.Params()[4].Value.Float32s()) {
		t.Error("weights changed")
	}
	// The two whole batches, by hand.
	mean, variance := make([]float64, 784), make([]float64, 784)
	l := loader(1)
	if err := l.Start(0); err != nil {
		t.Fatal(err)
	}
	for l.Next() {
		x := l.Images().Float32s()
		if len(x) < 25*784 {
			continue
		}
		for j := range mean {
			sum, squares := 0.0, 0.0
			for i := range 25 {
				sum += float64(x[i*784+j])
			}
			for i := range 25 {
				d := float64(x[i*784+j]) - sum/25
				squares += d * d
			}
			mean[j] += sum / 25 / 2
			variance[j] += squares / 24 / 2
		}
	}
	for j := range mean {
		gotMean, gotVar := float64(net.Params()[2].Value.Float32s()[j]), float64(net.Params()[3].Value.Float32s()[j])
		if math.Abs(gotMean-mean[j]) > 1e-5 || math.Abs(gotVar-variance[j]) > 1e-5*math.Max(1, variance[j]) {
			t.Fatalf("feature %d: mean %v and variance %v, want %v and %v", j, gotMean, gotVar, mean[j], variance[j])
		}
	}
	// After an error nothing has changed.
	before := slices.Clone(net.Params()[2].Value.Float32s())
	few, err := datasets.Digits(10, 1).Loader(datasets.LoaderConfig{Batch: 25, Flat: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := model.EstimateStatistics(ctx, few); !errors.Is(err, layers.ErrNoStep) || !slices.Equal(before, net.Params()[2].Value.Float32s()) {
		t.Errorf("error %v, statistics changed: %v", err, !slices.Equal(before, net.Params()[2].Value.Float32s()))
	}
	images := random(1, tensor.Float32, 25, 784)
	images.Float32s()[5] = float32(math.NaN())
	broken := &list{images: []*tensor.Dense{images}, labels: [][]int{make([]int, 25)}}
	if err := model.EstimateStatistics(ctx, broken); !errors.Is(err, layers.ErrNotFinite) || !slices.Equal(before, net.Params()[2].Value.Float32s()) {
		t.Errorf("with a NaN: error %v, statistics changed: %v", err, !slices.Equal(before, net.Params()[2].Value.Float32s()))
	}
}

// TestSingleImages: a network whose batch norms normalise single values can predict image by image; training on batches of one
// image is an error that says why.
func TestSingleImages(t *testing.T) {
	net := layers.NewSequential(layers.NewDense("fc1", 784, 8, layers.Init{Seed: 1}), layers.NewBatchNorm("bn", 8, layers.Init{}), layers.NewReLU(),
		layers.NewDense("fc2", 8, 10, layers.Init{Seed: 1}))
	many, err := layers.NewClassifier(net, 6, 784)
	if err != nil {
		t.Fatal(err)
	}
	one, err := layers.NewClassifier(net, 1, 784)
	if err != nil {
		t.Fatal(err)
	}
	l, err := datasets.Digits(6, 1).Loader(datasets.LoaderConfig{Batch: 6, Flat: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(0); err != nil || !l.Next() {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if classes, err := many.Predict(cancelled, l.Images()); classes != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", classes, err)
	}
	want, err := many.Probabilities(ctx, l.Images())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		image := tensor.New(tensor.WithShape(1, 784), tensor.WithBacking(slices.Clone(l.Images().Float32s()[784*i:784*(i+1)])))
		got, err := one.Probabilities(ctx, image)
		if err != nil {
			t.Fatal(err)
		}
		for j, p := range got.Float64s() {
			if math.Abs(p-want.Float64s()[10*i+j]) > 1e-6 {
				t.Errorf("image %d, class %d: %v alone, %v among others", i, j, p, want.Float64s()[10*i+j])
			}
		}
	}
	sgd, err := optim.NewSGD(0.1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Fit(ctx, l, sgd, layers.FitConfig{}); err == nil || !strings.Contains(err.Error(), "bn") {
		t.Errorf("error %v of a training on single images", err)
	}
}
