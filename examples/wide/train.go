package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// record is the result of a run, at the end of the training and at weights without noise. For runs with pilotSeed or a larger
// seed the test images are validation images.
type record struct {
	key
	TestAccuracy  float64    `json:"test_accuracy"`
	TestLoss      float64    `json:"test_loss"`
	TrainAccuracy float64    `json:"train_accuracy"`
	TrainLoss     float64    `json:"train_loss"`
	Norms         [2]float64 `json:"norms"`              // of the two weight matrices
	Moved         *move      `json:"moved,omitempty"`    // how far noise moves the trained network's outputs; the scale's own sigma if trained without noise
	Diverged      string     `json:"diverged,omitempty"` // why the training ended early: the loss was not finite
}

func (r *record) String() string {
	if r.Diverged != "" {
		return fmt.Sprintf("%v: %s", r.key, r.Diverged)
	}
	return fmt.Sprintf("%v: test accuracy %.2f%%, loss %.3f, training loss %.4f", r.key, 100*r.TestAccuracy, r.TestLoss, r.TrainLoss)
}

// moves returns how far noise moves the network's outputs, NaN if it was not measured.
func (r *record) moves() move {
	if r.Moved == nil {
		return move{math.NaN(), math.NaN(), math.NaN()}
	}
	return *r.Moved
}

// newNetwork makes a network of one hidden layer.
func newNetwork(k key) *layers.Sequential {
	net := layers.NewMLP(layers.Init{Seed: k.Seed}, 784, k.Width, 10)
	if !scaleOf(k.Scale).small {
		return net
	}
	for _, p := range net.Params() { // PyTorch's have the variance 1/(3 fan-in)
		w := p.Value.Data().([]float32)
		if isBias(p.Name) {
			clear(w)
			continue
		}
		factor := float32(math.Sqrt(3 * float64(p.Value.Shape()[1]) / float64(k.Width)))
		for i := range w {
			w[i] *= factor
		}
	}
	return net
}

func isBias(name string) bool { return strings.HasSuffix(name, ".bias") }

// newSolver makes the solver of a run. As in the theory, noise is in the two weight matrices and not in the biases.
func newSolver(k key, steps uint64) (G.Solver, error) {
	base, err := optim.NewSGD(learnRate, optim.WithMomentum(momentum), optim.WithLearnRateSchedule(optim.Cosine(steps)))
	if err != nil || k.Noise == "none" {
		return base, err
	}
	selection := optim.Cyclic()
	if k.Noise == "all" {
		selection = optim.All()
	}
	return optim.NewPerturbedSolver(base, k.Sigma, optim.WithSeed(k.Seed), optim.WithSelection(selection),
		optim.WithExclude(isBias), optim.WithScaling(scaleOf(k.Scale).scaling()))
}

// train makes a run.
func train(ctx context.Context, k key, images *images) (*record, error) {
	chosen, measured, err := images.choose(k)
	if err != nil {
		return nil, err
	}
	config := datasets.LoaderConfig{Batch: batch, Mean: []float64{0}, Std: []float64{1}} // pixels from 0 to 1
	test, err := measured.Loader(config)
	if err != nil {
		return nil, err
	}
	defer test.Close()
	inOrder, err := chosen.Loader(config)
	if err != nil {
		return nil, err
	}
	defer inOrder.Close()
	config.Shuffle, config.Seed, config.Last = true, k.Seed, datasets.LastPad
	batches, err := chosen.Loader(config)
	if err != nil {
		return nil, err
	}
	defer batches.Close()

	net := newNetwork(k)
	model, err := layers.NewClassifier(net, batch, 784)
	if err != nil {
		return nil, err
	}
	solver, err := newSolver(k, uint64(epochs*batches.Len()))
	if err != nil {
		return nil, err
	}
	r := &record{key: k}
	if _, err := model.Fit(ctx, batches, solver, layers.FitConfig{Epochs: epochs}); errors.Is(err, layers.ErrNotFinite) {
		r.Diverged = err.Error()
		return r, nil
	} else if err != nil {
		return nil, err
	}
	if err := r.measure(ctx, net, model, inOrder, test); err != nil || r.Diverged != "" {
		return r, err
	}
	sigma := k.Sigma
	if k.Noise == "none" {
		sigma = scaleOf(k.Scale).sigma
	}
	r.Moved, err = moved(net, scaleOf(k.Scale), sigma, chosen)
	return r, err
}

// measure evaluates a trained network.
func (r *record) measure(ctx context.Context, net layers.Layer, model *layers.Classifier, train, test *datasets.Loader) error {
	on, err := model.Evaluate(ctx, train)
	if err != nil {
		return err
	}
	r.TrainAccuracy, r.TrainLoss = on.Accuracy, on.Loss
	if on, err = model.Evaluate(ctx, test); err != nil {
		return err
	}
	r.TestAccuracy, r.TestLoss = on.Accuracy, on.Loss
	matrix := 0
	for _, p := range net.Params() {
		if isBias(p.Name) {
			continue
		}
		sum := 0.0
		for _, w := range p.Value.Data().([]float32) {
			sum += float64(float64(w) * float64(w))
		}
		r.Norms[matrix] = math.Sqrt(sum)
		matrix++
	}
	if !(on.Loss+r.TrainLoss+r.Norms[0]+r.Norms[1] < math.Inf(1)) {
		r.TestLoss, r.TrainLoss, r.Norms, r.Diverged = 0, 0, [2]float64{}, "the loss is not finite"
	}
	return nil
}
