package layers_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// still is a solver that zeroes the gradients and does not change the weights.
type still struct{}

func (still) Step(model []G.ValueGrad) error {
	for _, vg := range model {
		grad, err := vg.Grad()
		if err != nil {
			return err
		}
		G.ZeroValue(grad)
	}
	return nil
}

func perturbed(t *testing.T, base G.Solver, sigma float64, opts ...optim.PerturbOpt) G.Solver {
	t.Helper()
	s, err := optim.NewPerturbedSolver(base, sigma, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sam(t *testing.T, base G.Solver, rho float64, opts ...optim.SAMOpt) G.Solver {
	t.Helper()
	s, err := optim.NewSAM(base, rho, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStatisticsUnderSAM: the running statistics of a batch norm are those at the clean weights. With a base solver that
// changes nothing, they are the same as without SAM, while the losses are higher.
func TestStatisticsUnderSAM(t *testing.T) {
	fit := func(solver G.Solver) (map[string][]float64, []float64) {
		model, net := newModel(t, tensor.Float32)
		h, err := model.Fit(ctx, newBatches(tensor.Float32, 5, 5, 5), solver, layers.FitConfig{})
		if err != nil {
			t.Fatal(err)
		}
		return values(net), h.Losses
	}
	want, clean := fit(still{})
	got, moved := fit(sam(t, still{}, 0.5))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i := range clean {
		if !(moved[i] > clean[i]) {
			t.Errorf("step %d: loss %v at the moved weights, %v at the clean ones", i, moved[i], clean[i])
		}
	}
}

// TestFitGuards trains with noise and a base solver that changes nothing: every loss is at other weights, and callbacks and the
// caller see the initial weights, to the bit, also after an early end.
func TestFitGuards(t *testing.T) {
	model, net := newModel(t, tensor.Float32)
	learnt := func() map[string][]float64 {
		v := values(net)
		delete(v, "bn1.running_mean")
		delete(v, "bn1.running_var")
		return v
	}
	before := learnt()
	one := newBatches(tensor.Float32, 5)
	clean, err := model.Fit(ctx, one, still{}, layers.FitConfig{})
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	solver := perturbed(t, still{}, 0.5)
	history, err := model.Fit(cancelled, one, solver, layers.FitConfig{Epochs: 100, OnStep: func(s layers.Step) error {
		if diff := cmp.Diff(before, learnt()); diff != "" {
			t.Errorf("weights in the callback of step %d:\n%s", s.Number, diff)
		}
		if s.Number == 9 {
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) || len(history.Losses) != 10 {
		t.Fatalf("%d steps, error %v", len(history.Losses), err)
	}
	if diff := cmp.Diff(before, learnt()); diff != "" {
		t.Errorf("weights after cancelling:\n%s", diff)
	}
	distinct := map[float64]bool{clean.Losses[0]: true}
	for _, loss := range history.Losses {
		distinct[loss] = true
	}
	// The batch norm cancels the noise of the bias before it.
	if len(distinct) < 9 {
		t.Errorf("losses %v under noise, %v without", history.Losses, clean.Losses)
	}
}

// TestFitGuardsInParts: two trainings with one perturbed solver, one after the other, are one longer training, also with a
// failure between them.
func TestFitGuardsInParts(t *testing.T) {
	bad := newBatches(tensor.Float64, 5)
	bad.images[0].Data().([]float64)[0] = math.NaN()
	train := func(fail bool, epochs ...int) map[string][]float64 {
		model, net := newModel(t, tensor.Float64)
		solver := perturbed(t, G.NewMomentum(), 0.1, optim.WithSeed(4), optim.WithSamples(2))
		first := 0
		for _, n := range epochs {
			if fail {
				if _, err := model.Fit(ctx, bad, solver, layers.FitConfig{}); !errors.Is(err, layers.ErrNotFinite) {
					t.Fatalf("error %v", err)
				}
			}
			if _, err := model.Fit(ctx, newBatches(tensor.Float64, 5, 5), solver, layers.FitConfig{Epochs: n, FirstEpoch: first}); err != nil {
				t.Fatal(err)
			}
			first += n
		}
		return values(net)
	}
	whole := train(false, 4)
	if diff := cmp.Diff(whole, train(false, 1, 3)); diff != "" {
		t.Errorf("in two parts:\n%s", diff)
	}
	if diff := cmp.Diff(whole, train(true, 1, 3)); diff != "" {
		t.Errorf("with failures:\n%s", diff)
	}
}

// TestNoiseByLayer: the grouping by parameter names finds this package's layers.
func TestNoiseByLayer(t *testing.T) {
	model, _ := newModel(t, tensor.Float32)
	solver, err := optim.NewPerturbedSolver(still{}, 0.1, optim.WithGrouping(optim.ByLayer()))
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	_, err = model.Fit(ctx, newBatches(tensor.Float32, 5, 5, 5, 5), solver, layers.FitConfig{OnStep: func(layers.Step) error {
		got = append(got, append([]string(nil), solver.Last().Layers...))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"fc1"}, {"bn1"}, {"fc2"}, {"fc1"}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestStepTellsRate: callbacks see the learning rate of each step, its schedule included, also of a wrapped solver.
func TestStepTellsRate(t *testing.T) {
	base, err := optim.NewSGD(0.5, optim.WithLearnRateSchedule(optim.PerEpoch(2, optim.Steps(0.5, 1))))
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	model, _ := newModel(t, tensor.Float32)
	_, err = model.Fit(ctx, newBatches(tensor.Float32, 5, 5), perturbed(t, base, 0.1), layers.FitConfig{Epochs: 2, OnStep: func(s layers.Step) error {
		got = append(got, s.Rate)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{0.5, 0.5, 0.25, 0.25}, got); diff != "" {
		t.Error(diff)
	}
}

// TestStepTellsSigma: callbacks see the sigma of each step, the same as Last's, and zero without noise.
func TestStepTellsSigma(t *testing.T) {
	const sigma = 0.5
	var got []float64
	for _, solver := range []G.Solver{
		perturbed(t, still{}, sigma, optim.WithSchedule(optim.Steps(0.5, 1, 2)), optim.WithSelection(optim.Cyclic())),
		perturbed(t, still{}, sigma, optim.WithSchedule(optim.Until(2))),
		sam(t, still{}, sigma, optim.WithSchedule(optim.Until(1))),
		still{},
	} {
		model, _ := newModel(t, tensor.Float32)
		_, err := model.Fit(ctx, newBatches(tensor.Float32, 5, 5, 5), solver, layers.FitConfig{OnStep: func(s layers.Step) error {
			got = append(got, s.Sigma)
			if p, ok := solver.(wrapper); ok && p.Last().Sigma != s.Sigma {
				t.Errorf("step %d: sigma %v, Last says %v", s.Number, s.Sigma, p.Last().Sigma)
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]float64{0.5, 0.25, 0.125, 0.5, 0.5, 0, 0.5, 0, 0, 0, 0, 0}, got); diff != "" {
		t.Error(diff)
	}
}
