package distributed

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// newNormed makes the training of a rank, as newFitting, of a network with batch norms of all kinds: over images and over
// vectors, with a ReLU behind, at the end of a residual block and in its shortcut. In a world they are synchronised. Its
// solver is what wrap makes of the base.
func newNormed(w *World, wrap func(base G.Solver) (G.Solver, error)) (*fitting, G.Solver, error) {
	f := new(fitting)
	init := layers.Init{Seed: 1, Dtype: tensor.Float64}
	conv := func(name string, in, out, kernel, stride int) layers.Layer {
		return layers.NewConv2D(name, in, out, layers.ConvConfig{Kernel: layers.Square(kernel), Stride: layers.Square(stride), Padding: layers.Square(kernel / 2)}, init)
	}
	norm := func(name string, channels int) layers.Layer { return layers.NewBatchNorm(name, channels, init) }
	f.net = layers.NewSequential(
		conv("conv1", 1, 3, 3, 4), norm("bn1", 3), layers.NewReLU(),
		layers.NewResidual(
			layers.NewSequential(conv("conv2", 3, 4, 3, 2), norm("bn2", 4), layers.NewReLU(), conv("conv3", 4, 4, 3, 1), norm("bn3", 4)),
			layers.NewSequential(conv("down", 3, 4, 1, 2), norm("bn4", 4))), layers.NewReLU(),
		layers.NewFlatten(), layers.NewDense("fc1", 64, 9, init), norm("bn5", 9), layers.NewReLU(), layers.NewDense("fc2", 9, 10, init))
	sgd, err := optim.NewSGD(0.05, optim.WithMomentum(0.9))
	if err != nil {
		return nil, nil, err
	}
	var base G.Solver = sgd
	rank, size := 0, 1
	if w != nil {
		rank, size = w.Rank(), w.Size()
		if base, err = NewSolver(sgd, w); err != nil {
			return nil, nil, err
		}
		if err := layers.SyncBatchNorm(f.net, w); err != nil {
			return nil, nil, err
		}
	}
	solver, err := wrap(base)
	if err != nil {
		return nil, nil, err
	}
	if f.model, err = layers.NewClassifier(f.net, fitBatch/size, 1, 28, 28); err != nil {
		return nil, nil, err
	}
	if w != nil {
		if err := f.model.Join(w); err != nil {
			return nil, nil, err
		}
	}
	config := datasets.LoaderConfig{Batch: fitBatch / size, Dtype: tensor.Float64, Rank: rank, Ranks: size}
	if f.test, err = datasets.Digits(29, 2).Loader(config); err != nil {
		return nil, nil, err
	}
	config.Shuffle, config.Seed = true, 2
	f.train, err = datasets.Digits(4*fitBatch+5, 1).Loader(config)
	return f, solver, err
}

// fitNormed makes a whole training.
func fitNormed(w *World, wrap func(base G.Solver) (G.Solver, error), clip float64) (fitted, error) {
	f, solver, err := newNormed(w, wrap)
	if err != nil {
		return fitted{}, err
	}
	h, err := f.model.Fit(context.Background(), f.train, solver, layers.FitConfig{Epochs: 2, Validation: f.test, ClipNorm: clip})
	return fitted{f, h}, err
}

func noisy(opts ...optim.PerturbOpt) func(G.Solver) (G.Solver, error) {
	return func(base G.Solver) (G.Solver, error) {
		return optim.NewPerturbedSolver(base, 0.05, append(opts, optim.WithSeed(3))...)
	}
}

// checkSyncBatchNorm compares trainings with synchronised batch norms with those of one process, running statistics and all:
// equal to rounding, and to the bit from run to run. SAM, of which each rank climbs by its own gradient, is only to come to
// the same on all ranks.
func checkSyncBatchNorm(w *World) error {
	if fitBatch%w.Size() != 0 {
		return nil
	}
	for _, test := range []struct {
		name string
		wrap func(base G.Solver) (G.Solver, error)
		clip float64
	}{
		{"one draw", noisy(), 0},
		{"four draws", noisy(optim.WithSamples(2), optim.WithAntithetic()), 0.5},
		{"SAM", func(base G.Solver) (G.Solver, error) { return optim.NewSAM(base, 0.05) }, 0},
	} {
		alone, err := fitNormed(nil, test.wrap, test.clip)
		if err != nil {
			return err
		}
		ours, err := fitNormed(w, test.wrap, test.clip)
		if err != nil {
			return err
		}
		if test.name != "SAM" || w.Size() == 1 {
			if err := near(ours, alone); err != nil {
				return errors.WithMessagef(err, "%s, %d ranks", test.name, w.Size())
			}
		}
		if err := sameOnAll(w, append(ours.parameters(false), ours.history.Losses...)); err != nil {
			return errors.WithMessage(err, test.name)
		}
		again, err := fitNormed(w, test.wrap, test.clip)
		if err != nil {
			return err
		}
		if err := equal(again, ours); err != nil {
			return errors.WithMessagef(err, "%s, once more", test.name)
		}
	}
	return checkSyncEstimate(w)
}

// checkSyncEstimate compares statistics that are estimated with those of one process. The ranks' own are not the same at
// first.
func checkSyncEstimate(w *World) error {
	var statistics [2][]float64
	for i, world := range []*World{w, nil} {
		f, _, err := newNormed(world, noisy())
		if err != nil {
			return err
		}
		if err := f.model.EstimateStatistics(context.Background(), f.train); err != nil {
			return err
		}
		statistics[i] = f.parameters(true)
	}
	for i, x := range statistics[0] {
		if want := statistics[1][i]; !(math.Abs(x-want) < 1e-12) {
			return errors.Errorf("running statistic %d of %d ranks is %v, want %v", i, w.Size(), x, want)
		}
	}
	return sameOnAll(w, statistics[0])
}

func TestSyncBatchNorm(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4} {
		everyRank(t, n, checkSyncBatchNorm)
	}
}

// TestSyncBegins: statistics that only rank 0 has read are those of all.
func TestSyncBegins(t *testing.T) {
	train := func(w *World, read func(*fitting)) (fitted, error) {
		f, solver, err := newNormed(w, noisy())
		if err != nil {
			return fitted{}, err
		}
		read(f)
		h, err := f.model.Fit(context.Background(), f.train, solver, layers.FitConfig{Epochs: 1, Validation: f.test})
		return fitted{f, h}, err
	}
	set := func(f *fitting) {
		for _, p := range f.net.Params() {
			if p.Buffer {
				for i := range p.Value.Data().([]float64) {
					p.Value.Data().([]float64)[i] = float64(i + 1)
				}
			}
		}
	}
	alone, err := train(nil, set)
	if err != nil {
		t.Fatal(err)
	}
	everyRank(t, 2, func(w *World) error {
		ours, err := train(w, func(f *fitting) {
			if w.Rank() == 0 {
				set(f)
			}
		})
		if err != nil {
			return err
		}
		return near(ours, alone)
	})
}

// passFails is a solver whose machines fail in a pass.
type passFails struct {
	*optim.PerturbedSolver
	left int
}

func (s *passFails) Guard(vm G.VM, learnables ...*G.Node) (G.VM, error) {
	vm, err := s.PerturbedSolver.Guard(vm, learnables...)
	return failsOnce{vm, s}, err
}

type failsOnce struct {
	G.VM
	solver *passFails
}

func (v failsOnce) RunAll() error {
	if v.solver.left--; v.solver.left == 0 {
		return errors.New("out of memory")
	}
	return v.VM.RunAll()
}

// TestSyncFails: a rank that comes to its pass with an error, or fails within it, ends the passes of all.
func TestSyncFails(t *testing.T) {
	const size, odd = 3, 1
	for _, test := range []struct {
		name  string
		fit   func(ctx context.Context, f *fitting, s *passFails, rank int) (*layers.History, error)
		odd   string // in the error of rank 1
		want  string // in those of the others
		cause error
		whole bool // the world is
	}{
		{
			"a label that is none", func(ctx context.Context, f *fitting, s *passFails, rank int) (*layers.History, error) {
				return f.model.Fit(ctx, &badBatches{onlyBatches: onlyBatches{f.train}, rank: rank, ranks: size, bad: 3, label: true}, s, layers.FitConfig{})
			}, "label 99", "rank 1 of 3: layers: label 99", nil, true,
		},
		{
			"a context that ends", func(ctx context.Context, f *fitting, s *passFails, rank int) (*layers.History, error) {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				return f.model.Fit(ctx, f.train, s, layers.FitConfig{OnStep: func(s layers.Step) error {
					if s.Number == 2 && rank == odd {
						cancel()
					}
					return nil
				}})
			}, "context canceled", "rank 1 of 3", context.Canceled, true,
		},
		{
			"an image that is not a number", func(ctx context.Context, f *fitting, s *passFails, rank int) (*layers.History, error) {
				return f.model.Fit(ctx, &badBatches{onlyBatches: onlyBatches{f.train}, rank: rank, ranks: size, bad: 3}, s, layers.FitConfig{})
			}, "loss NaN", "loss NaN", layers.ErrNotFinite, true, // which comes to all by the statistics
		},
		{
			"a pass that fails", func(ctx context.Context, f *fitting, s *passFails, rank int) (*layers.History, error) {
				if rank == odd {
					s.left = 4
				}
				return f.model.Fit(ctx, f.train, s, layers.FitConfig{})
			}, "out of memory", "rank 1 of 3: out of memory", nil, true,
		},
		{
			"an estimation with a label that is none", func(ctx context.Context, f *fitting, s *passFails, rank int) (*layers.History, error) {
				return nil, f.model.EstimateStatistics(ctx,
					&badBatches{onlyBatches: onlyBatches{f.train}, rank: rank, ranks: size, bad: 3, label: true})
			}, "label 99", "rank 1 of 3: layers: label 99", nil, true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			ending{test.odd, test.want, test.cause, 3, test.whole}.check(t, func(w *World) (*fitting, *layers.History, error) {
				f, solver, err := newNormed(w, noisy())
				if err != nil {
					return nil, nil, err
				}
				h, err := test.fit(context.Background(), f, &passFails{PerturbedSolver: solver.(*optim.PerturbedSolver)}, w.Rank())
				return f, h, err
			})
		})
	}
}

// TestSyncNotJoined: batch norms of a world that the model has not joined would wait for the others in vain.
func TestSyncNotJoined(t *testing.T) {
	f, solver, err := newNormed(&World{rank: 1, size: 2}, noisy())
	if err != nil {
		t.Fatal(err)
	}
	alone, err := layers.NewClassifier(f.net, 6, 1, 28, 28)
	if err != nil {
		t.Fatal(err)
	}
	_, err = alone.Fit(context.Background(), onlyBatches{f.train}, solver.(*optim.PerturbedSolver).Base().(*Solver).Base(), layers.FitConfig{})
	if err == nil || !strings.Contains(err.Error(), "call Join with the world of SyncBatchNorm") {
		t.Error(err)
	}
	if err := alone.EstimateStatistics(context.Background(), onlyBatches{f.train}); err == nil || !strings.Contains(err.Error(), "call Join") {
		t.Error(err)
	}
}
