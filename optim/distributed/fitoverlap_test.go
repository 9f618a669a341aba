package distributed

import (
	"context"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fitSolvers make a step of one evaluation at noisy weights or clean ones, of two, and of several.
var fitSolvers = []struct {
	name   string
	around func(mean G.Solver) (G.Solver, error)
	passes int // that are exchanged beside themselves, of each step but the first
}{
	{"noise", func(mean G.Solver) (G.Solver, error) { return optim.NewPerturbedSolver(mean, 0.05) }, 1},
	{"no noise", func(mean G.Solver) (G.Solver, error) { return mean, nil }, 1},
	{"SAM", func(mean G.Solver) (G.Solver, error) { return optim.NewSAM(mean, 0.1) }, 1},
	{"samples", func(mean G.Solver) (G.Solver, error) {
		return optim.NewPerturbedSolver(mean, 0.05, optim.WithSamples(2), optim.WithAntithetic())
	}, 0},
	{"mixing", func(mean G.Solver) (G.Solver, error) {
		return optim.NewPerturbedSolver(mean, 0.05, optim.WithMixing(0.5))
	}, 0},
}

// checkFitOverlap compares trainings by Fit whose gradients are exchanged beside their passes with others: the same bits.
func checkFitOverlap(w *World) error {
	const images = 6 // a rank
	train := func(around func(G.Solver) (G.Solver, error), hosts int, clip float64, sync bool) ([]float32, int, error) {
		defer func(hosts int) { w.hosts = hosts }(w.hosts)
		w.hosts = hosts
		// Two gradients are large enough to be exchanged while the pass goes on.
		init := layers.Init{Seed: 1, Dtype: tensor.Float32}
		net := layers.NewSequential(layers.NewDense("fc1", 784, 50, init), layers.NewBatchNorm("bn", 50, init), layers.NewReLU(),
			layers.NewDropout(0.2, 4), layers.NewDense("fc2", 50, 400, init), layers.NewReLU(), layers.NewDense("fc3", 400, 10, init))
		if sync {
			if err := layers.SyncBatchNorm(net, w); err != nil {
				return nil, 0, err
			}
		}
		model, err := layers.NewClassifier(net, images, 784)
		if err != nil {
			return nil, 0, err
		}
		if err := model.Join(w); err != nil {
			return nil, 0, err
		}
		batches, err := datasets.Digits(4*images*w.Size(), 1).Loader(datasets.LoaderConfig{Batch: images, Flat: true, Shuffle: true, Rank: w.Rank(), Ranks: w.Size()})
		if err != nil {
			return nil, 0, err
		}
		sgd, err := optim.NewSGD(0.05, optim.WithMomentum(0.9))
		if err != nil {
			return nil, 0, err
		}
		mean, err := NewSolver(sgd, w)
		if err != nil {
			return nil, 0, err
		}
		solver, err := around(mean)
		if err != nil {
			return nil, 0, err
		}
		h, err := model.Fit(context.Background(), batches, solver, layers.FitConfig{Epochs: 2, ClipNorm: clip})
		if err != nil {
			return nil, 0, err
		}
		var all []float32
		for _, p := range net.Params() {
			all = append(all, p.Value.Data().([]float32)...)
		}
		for _, loss := range h.Losses {
			all = append(all, float32(loss))
		}
		return all, mean.beside, nil
	}
	for _, s := range fitSolvers {
		for _, all := range []bool{false, true} { // the gradient is clipped, and batch norms are those of all ranks
			name, clip := s.name, 0.0
			if all {
				name, clip = s.name+", clipped and synchronised", 0.5
			}
			want, beside, err := train(s.around, 1, clip, all)
			if err != nil || beside > 0 {
				return errors.Errorf("%s, on one host: %d passes with an exchange beside them, %v", name, beside, err)
			}
			got, beside, err := train(s.around, 2, clip, all)
			if err != nil {
				return errors.WithMessage(err, name)
			}
			if n := 7 * s.passes; w.Size() > 1 && beside != n {
				return errors.Errorf("%s: %d passes with an exchange beside them, want %d", name, beside, n)
			}
			if err := sameBits(got, want); err != nil {
				return errors.WithMessage(err, name)
			}
		}
	}
	return nil
}

func TestFitOverlap(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		everyRank(t, n, checkFitOverlap)
	}
}
