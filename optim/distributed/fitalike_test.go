package distributed

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// TestFitUnalike: ranks that would train something else than rank 0 are told so, by all, before the first step; and after an
// epoch those whose weights have become others.
func TestFitUnalike(t *testing.T) {
	config := func(rank int) datasets.LoaderConfig {
		return datasets.LoaderConfig{Batch: fitBatch / 2, Shuffle: true, Seed: 2, Flat: true, Dtype: tensor.Float64, Rank: rank, Ranks: 2}
	}
	loader := func(images int, c datasets.LoaderConfig) *datasets.Loader {
		l, err := datasets.Digits(images, 1).Loader(c)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	solver := func(w *World, rate, sigma float64, seed uint64) *optim.PerturbedSolver {
		sgd, err := optim.NewSGD(rate)
		if err != nil {
			t.Fatal(err)
		}
		mean, err := NewSolver(sgd, w)
		if err != nil {
			t.Fatal(err)
		}
		s, err := optim.NewPerturbedSolver(mean, sigma, optim.WithSeed(seed))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	train := func(f *fitting, c layers.FitConfig) error {
		_, err := f.model.Fit(context.Background(), f.train, f.solver, c)
		return err
	}
	type oddRank func(w *World, f *fitting, c layers.FitConfig) error
	loads := func(images int, change func(*datasets.LoaderConfig)) oddRank {
		return func(_ *World, f *fitting, c layers.FitConfig) error {
			other := config(1)
			change(&other)
			f.train = loader(images, other)
			return train(f, c)
		}
	}
	steps := func(rate, sigma float64, seed uint64) oddRank {
		return func(w *World, f *fitting, c layers.FitConfig) error {
			f.solver = solver(w, rate, sigma, seed)
			return train(f, c)
		}
	}
	for name, test := range map[string]struct {
		odd   oddRank // what rank 1 of 2 does
		want  string  // in the errors of both
		steps int
	}{
		"other images":          {loads(4*fitBatch, func(*datasets.LoaderConfig) {}), "rank 1 has Digits: 48 images", 0},
		"another order":         {loads(3*fitBatch, func(c *datasets.LoaderConfig) { c.Seed = 7 }), "seed 7, rank 0 has Digits", 0},
		"other batches":         {loads(3*fitBatch, func(c *datasets.LoaderConfig) { c.Batch = 3 }), "6 batches of 3", 0},
		"another learning rate": {steps(0.1, 0.05, 3), "rank 1 has learning rate 0.1, rank 0 has learning rate 0.05: all", 0},
		"another sigma":         {steps(0.05, 0.2, 3), "rank 1 has a solver PerturbedSolver (sigma 0.2, seed 3, ", 0},
		"another seed":          {steps(0.05, 0.05, 4), "rank 1 has a solver PerturbedSolver (sigma 0.05, seed 4, ", 0},
		"another base solver": {func(w *World, f *fitting, c layers.FitConfig) error {
			adam, err := optim.NewAdam(0.05)
			if err != nil {
				return err
			}
			mean, err := NewSolver(adam, w)
			if err != nil {
				return err
			}
			if f.solver, err = optim.NewPerturbedSolver(mean, 0.05, optim.WithSeed(3)); err != nil {
				return err
			}
			return train(f, c)
		}, "over the mean of 2 ranks, over *optim.Adam), rank 0 has ", 0},
		"more epochs": {func(w *World, f *fitting, c layers.FitConfig) error {
			c.Epochs = 3
			return train(f, c)
		}, "rank 1 has a training from batch 0 of epoch 0 to epoch 3, rank 0 ", 0},
		"no resumption": {func(w *World, f *fitting, c layers.FitConfig) error {
			c.Resume = false
			return train(f, c)
		}, "resumed: false", 0},
		"no clipping": {func(w *World, f *fitting, c layers.FitConfig) error {
			c.ClipNorm = 0
			return train(f, c)
		}, "rank 1 has gradients clipped to norm 0", 0},
		"weights that a callback changes": {func(w *World, f *fitting, c layers.FitConfig) error {
			onStep := c.OnStep
			c.OnStep = func(s layers.Step) error {
				f.net.Params()[2].Value.Data().([]float64)[5]++
				return onStep(s)
			}
			return train(f, c)
		}, "rank 1 has fc2.weight (10, 7) of digest ", 3},
		"an evaluation of another pass": {func(w *World, f *fitting, _ layers.FitConfig) error {
			_, err := f.model.Evaluate(context.Background(), loader(4*fitBatch, config(1)))
			return err
		}, "rank 1 has Digits: 48 images", 0},
		"an estimation over another pass": {func(w *World, f *fitting, _ layers.FitConfig) error {
			return f.model.EstimateStatistics(context.Background(), loader(4*fitBatch, config(1)))
		}, "rank 1 has Digits: 48 images", 0},
	} {
		t.Run(name, func(t *testing.T) {
			errs := newPost().run(t, 2, 10*time.Second, func(w *World) error {
				f, err := newFitting(w, false, datasets.LastPad)
				if err != nil {
					return err
				}
				steps := 0
				f.train, f.solver = loader(3*fitBatch, config(w.Rank())), solver(w, 0.05, 0.05, 3)
				c := layers.FitConfig{Epochs: 2, ClipNorm: 10, Checkpoint: checkpoint, Resume: true, OnStep: func(layers.Step) error {
					steps++
					return nil
				}}
				switch {
				case w.Rank() == 1:
					err = test.odd(w, f, c)
				case strings.HasPrefix(name, "an evaluation"):
					_, err = f.model.Evaluate(context.Background(), f.train)
				case strings.HasPrefix(name, "an estimation"):
					err = f.model.EstimateStatistics(context.Background(), f.train)
				default:
					err = train(f, c)
				}
				if steps != test.steps {
					t.Errorf("rank %d made %d steps, want %d", w.Rank(), steps, test.steps)
				}
				if whole := w.Barrier(); whole != nil {
					t.Errorf("rank %d: the world after it: %v", w.Rank(), whole)
				}
				return err
			})
			for rank, err := range errs {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("rank %d: %v: want %q", rank, err, test.want)
				}
			}
		})
	}
}

// A checkpoint is refused where the ranks' steps together take other numbers of images than those that wrote it, although the
// passes have as many batches.
func TestResumeOtherBatch(t *testing.T) {
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	fit := func(w *World, batch int) error {
		f, err := newFitting(w, false, datasets.LastPad)
		if err != nil {
			return err
		}
		if f.model, err = layers.NewClassifier(f.net, batch, 784); err != nil {
			return err
		}
		if err := f.model.Join(w); err != nil {
			return err
		}
		c := datasets.LoaderConfig{Batch: batch, Flat: true, Dtype: tensor.Float64, Rank: w.Rank(), Ranks: w.Size()}
		if f.train, err = datasets.Digits(29, 1).Loader(c); err != nil {
			return err
		}
		_, err = f.model.Fit(context.Background(), f.train, f.solver, layers.FitConfig{Checkpoint: checkpoint, Resume: true})
		return err
	}
	everyRank(t, 2, func(w *World) error { return fit(w, 5) })
	everyRank(t, 2, func(w *World) error {
		const want = "whose steps take 10 images or sequences, this one's take 14: 7 images on each of 2 ranks"
		if err := fit(w, 7); err == nil || !strings.Contains(err.Error(), want) {
			return errors.Errorf("%v: want %q", err, want)
		}
		return nil
	})
}
