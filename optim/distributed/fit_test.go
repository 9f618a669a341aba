package distributed

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var _ layers.World = (*World)(nil)

// fitting is a training of a classifier by the ranks of a world, or by a process that is in none.
type fitting struct {
	net         layers.Layer
	model       *layers.Classifier
	solver      *optim.PerturbedSolver
	train, test *datasets.Loader
}

const (
	fitBatch = 12 // images of all ranks together
	fitSteps = 8  // of four in each of two passes, which leave images over
)

// newFitting makes the training of a rank. Without a world there is no solver of this package in it.
func newFitting(w *World, norm bool, last datasets.Last) (*fitting, error) {
	f := new(fitting)
	init := layers.Init{Seed: 1, Dtype: tensor.Float64}
	hidden := []layers.Layer{layers.NewDense("fc1", 784, 7, init), layers.NewReLU(), layers.NewDropout(0.2, 4), layers.NewDense("fc2", 7, 10, init)}
	if norm {
		hidden = slices.Insert(hidden, 1, layers.Layer(layers.NewBatchNorm("bn", 7, init)))
	}
	f.net = layers.NewSequential(hidden...)
	sgd, err := optim.NewSGD(0.05, optim.WithMomentum(0.9))
	if err != nil {
		return nil, err
	}
	var base G.Solver = sgd
	rank, size := 0, 1
	if w != nil {
		rank, size = w.Rank(), w.Size()
		if base, err = NewSolver(sgd, w); err != nil {
			return nil, err
		}
	}
	if f.solver, err = optim.NewPerturbedSolver(base, 0.05, optim.WithSeed(3)); err != nil {
		return nil, err
	}
	if f.model, err = layers.NewClassifier(f.net, fitBatch/size, 784); err != nil {
		return nil, err
	}
	if w != nil {
		if err := f.model.Join(w); err != nil {
			return nil, err
		}
	}
	config := datasets.LoaderConfig{Batch: fitBatch / size, Flat: true, Dtype: tensor.Float64, Rank: rank, Ranks: size}
	if f.test, err = datasets.Digits(29, 2).Loader(config); err != nil {
		return nil, err
	}
	config.Shuffle, config.Seed, config.Last, config.Augment = true, 2, last, datasets.Augmentation{Pad: 2, Flip: true}
	images := 4*fitBatch + 11 // a last batch that some of the ranks have whole
	if last == datasets.LastPad {
		images = 3*fitBatch + 1
	}
	f.train, err = datasets.Digits(images, 1).Loader(config)
	return f, err
}

func (f *fitting) fit(ctx context.Context, config layers.FitConfig) (*layers.History, error) {
	config.Epochs, config.Validation = 2, f.test
	return f.model.Fit(ctx, f.train, f.solver, config)
}

// parameters are all numbers of the network, or its running statistics alone.
func (f *fitting) parameters(statistics bool) []float64 {
	var all []float64
	for _, p := range f.net.Params() {
		if p.Buffer || !statistics {
			all = append(all, p.Value.Data().([]float64)...)
		}
	}
	return all
}

// fitted is what a training came to.
type fitted struct {
	*fitting
	history *layers.History
}

// fitAs makes a whole training.
func fitAs(w *World, norm bool, last datasets.Last, config layers.FitConfig) (fitted, error) {
	f, err := newFitting(w, norm, last)
	if err != nil {
		return fitted{}, err
	}
	h, err := f.fit(context.Background(), config)
	return fitted{f, h}, err
}

// near compares two trainings to rounding.
func near(a, b fitted) error {
	x, y := a.parameters(false), b.parameters(false)
	x, y = append(x, a.history.Losses...), append(y, b.history.Losses...)
	for i, e := range a.history.Epochs {
		other := b.history.Epochs[i]
		x, y = append(x, e.Loss, e.Validation.Loss, e.Validation.ECE), append(y, other.Loss, other.Validation.Loss, other.Validation.ECE)
		if e.Steps != other.Steps || e.Validation.Images != other.Validation.Images {
			return errors.Errorf("epoch %+v, want %+v", e, other)
		}
	}
	if len(x) != len(y) {
		return errors.Errorf("%d losses, want %d", len(a.history.Losses), len(b.history.Losses))
	}
	for i := range x {
		if !(math.Abs(x[i]-y[i]) < 1e-11) {
			return errors.Errorf("number %d is %v, want %v", i, x[i], y[i])
		}
	}
	return nil
}

// equal compares two trainings bit by bit.
func equal(a, b fitted) error {
	if err := sameBits(a.parameters(false), b.parameters(false)); err != nil {
		return errors.WithMessage(err, "parameters")
	}
	if !reflect.DeepEqual(a.history, b.history) {
		return errors.Errorf("history %+v, want %+v", a.history, b.history)
	}
	return nil
}

// sameOnAll makes sure that all ranks have the bits of rank 0.
func sameOnAll(w *World, x []float64) error {
	first := append([]float64(nil), x...)
	if err := Broadcast(w, 0, first); err != nil {
		return err
	}
	return errors.WithMessagef(sameBits(x, first), "rank %d, beside rank 0", w.Rank())
}

// checkFit compares trainings of all ranks with those of one process: the same steps, losses and metrics, to rounding,
// whatever becomes of images that are left over, and with the gradient clipped.
func checkFit(w *World) error {
	if fitBatch%w.Size() != 0 {
		return nil
	}
	for _, last := range []datasets.Last{datasets.LastShort, datasets.LastDrop, datasets.LastPad} {
		for _, clip := range []float64{0, 0.5} {
			config := layers.FitConfig{ClipNorm: clip}
			alone, err := fitAs(nil, false, last, config)
			if err != nil {
				return err
			}
			if n := len(alone.history.Losses); n != fitSteps {
				return errors.Errorf("%d steps, want %d", n, fitSteps)
			}
			ours, err := fitAs(w, false, last, config)
			if err != nil {
				return err
			}
			if err := near(ours, alone); err != nil {
				return errors.WithMessagef(err, "Last %d, clipped to %v, %d ranks", last, clip, w.Size())
			}
			if err := sameOnAll(w, append(ours.parameters(false), ours.history.Losses...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkEvaluate compares what all ranks find out about one network with what one process does: the same bits.
func checkEvaluate(w *World) error {
	ctx := context.Background()
	alone, err := newFitting(nil, true, datasets.LastPad)
	if err != nil {
		return err
	}
	ours, err := newFitting(w, true, datasets.LastPad)
	if fitBatch%w.Size() != 0 || err != nil {
		return err
	}
	// Over images that fill up the last batch of a rank, or all of it, and over those of no loader that is shared.
	for _, batches := range [][2]*datasets.Loader{{ours.test, alone.test}, {ours.train, alone.train}, {alone.test, alone.test}} {
		got, err := ours.model.Evaluate(ctx, batches[0])
		if err != nil {
			return err
		}
		want, err := alone.model.Evaluate(ctx, batches[1])
		if err != nil {
			return err
		}
		if got != want {
			return errors.Errorf("%d ranks find %+v, one process %+v", w.Size(), got, want)
		}
		confusion, err := ours.model.Confusion(ctx, batches[0])
		if err != nil {
			return err
		}
		if want, err := alone.model.Confusion(ctx, batches[1]); err != nil || !reflect.DeepEqual(confusion, want) {
			return errors.Errorf("confusion of %d ranks\n%v, of one process\n%v (%v)", w.Size(), confusion, want, err)
		}
	}
	return nil
}

// checkLanguageModel is checkFit of a transformer with dropouts, over sequences with as many targets each.
func checkLanguageModel(w *World) error {
	if fitBatch%w.Size() != 0 {
		return nil
	}
	sequences, _, err := datasets.ModularAddition(7, 0.7, 1)
	if err != nil {
		return err
	}
	train := func(w *World) (weights []float64, m layers.Metrics, err error) {
		net := layers.NewGPT(layers.GPTConfig{Vocabulary: sequences.Vocabulary().Size(), Context: sequences.Context(),
			Transformer: layers.Transformer{Depth: 1, Width: 6, Heads: 2, Dropout: 0.2, Seed: 5}}, layers.Init{Seed: 1, Dtype: tensor.Float64})
		model, err := layers.NewLanguageModel(net, fitBatch/w.Size(), sequences.Context())
		if err != nil {
			return nil, m, err
		}
		if err := model.Join(w); err != nil {
			return nil, m, err
		}
		batches, err := sequences.Loader(datasets.SequenceConfig{Batch: fitBatch / w.Size(), Shuffle: true, Seed: 1, Rank: w.Rank(), Ranks: w.Size()})
		if err != nil {
			return nil, m, err
		}
		sgd, err := optim.NewSGD(0.1)
		if err != nil {
			return nil, m, err
		}
		solver, err := NewSolver(sgd, w)
		if err != nil {
			return nil, m, err
		}
		if m, err = model.Evaluate(context.Background(), batches); err != nil {
			return nil, m, err
		}
		_, err = model.Fit(context.Background(), batches, solver, layers.FitConfig{Epochs: 2})
		for _, p := range net.Params() {
			weights = append(weights, p.Value.Data().([]float64)...)
		}
		return weights, m, err
	}
	got, m, err := train(w)
	if err != nil {
		return err
	}
	want, alone, err := train(&World{size: 1})
	if err != nil {
		return err
	}
	if m != alone {
		return errors.Errorf("%d ranks find %+v, one process %+v", w.Size(), m, alone)
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) < 1e-12) {
			return errors.Errorf("language model: weight %d of %d ranks is %v, want %v", i, w.Size(), got[i], want[i])
		}
	}
	return nil
}

// onlyBatches are batches whose loader nobody recognises.
type onlyBatches struct{ layers.Batches }

// checkBatchNorm makes one step. The running statistics are the means of those that each rank's part alone gives; so are
// those that are estimated.
func checkBatchNorm(w *World) error {
	ours, err := newFitting(w, true, datasets.LastDrop)
	if err != nil || fitBatch%w.Size() != 0 {
		return err
	}
	stop := errors.New("stop")
	once := layers.FitConfig{OnStep: func(layers.Step) error { return stop }}
	if _, err := ours.fit(context.Background(), once); err != stop {
		return errors.Errorf("%v, want %v", err, stop)
	}
	means := func(made func(part *fitting, batches layers.Batches) error) ([]float64, error) {
		var mean []float64
		for rank := range w.Size() {
			part, err := newFitting(&World{rank: rank, size: w.Size()}, true, datasets.LastDrop)
			if err != nil {
				return nil, err
			}
			if part.model, err = layers.NewClassifier(part.net, fitBatch/w.Size(), 784); err != nil {
				return nil, err
			}
			if err := made(part, onlyBatches{part.train}); err != nil {
				return nil, err
			}
			s := part.parameters(true)
			if mean == nil {
				mean = make([]float64, len(s))
			}
			for i, x := range s {
				mean[i] += x / float64(w.Size())
			}
		}
		return mean, nil
	}
	compare := func(want []float64, err error) error {
		if err != nil {
			return err
		}
		got := ours.parameters(true)
		for i, x := range got {
			if !(math.Abs(x-want[i]) < 1e-12) {
				return errors.Errorf("running statistic %d of %d ranks is %v, want %v", i, w.Size(), x, want[i])
			}
		}
		return sameOnAll(w, got)
	}
	if err := compare(means(func(part *fitting, batches layers.Batches) error {
		sgd, err := optim.NewSGD(0)
		if err != nil {
			return err
		}
		noisy, err := optim.NewPerturbedSolver(sgd, 0.05, optim.WithSeed(3))
		if err != nil {
			return err
		}
		if _, err := part.model.Fit(context.Background(), batches, noisy, once); err != stop {
			return errors.Errorf("%v, want %v", err, stop)
		}
		return nil
	})); err != nil {
		return err
	}
	ours, err = newFitting(w, true, datasets.LastDrop)
	if err != nil {
		return err
	}
	if err := ours.model.EstimateStatistics(context.Background(), ours.train); err != nil {
		return err
	}
	return compare(means(func(part *fitting, batches layers.Batches) error {
		return part.model.EstimateStatistics(context.Background(), batches)
	}))
}

func TestFit(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4} {
		everyRank(t, n, checkFit)
		everyRank(t, n, checkEvaluate)
		everyRank(t, n, checkLanguageModel)
		everyRank(t, n, checkBatchNorm)
	}
}

// TestResumeWithOtherRanks stops four ranks in their training. Four of them go on to the same bits as in one go; two, one,
// and a process without a world, to rounding. Only rank 0 writes files and reads them.
func TestResumeWithOtherRanks(t *testing.T) {
	run := func(n, stop int, norm bool, dir string) []fitted {
		all := make([]fitted, max(n, 1))
		train := func(w *World) (err error) {
			rank := 0
			if w != nil {
				rank = w.Rank()
			}
			mine := filepath.Join(dir, fmt.Sprint(rank))
			if err := os.MkdirAll(mine, 0o777); err != nil {
				return err
			}
			config := layers.FitConfig{Checkpoint: filepath.Join(mine, "checkpoint"), CheckpointEvery: 1, Resume: true, Best: filepath.Join(mine, "best")}
			over := errors.New("stop here")
			config.OnStep = func(s layers.Step) error {
				if s.Number == stop {
					return over
				}
				return nil
			}
			all[rank], err = fitAs(w, norm, datasets.LastPad, config)
			if stop < fitSteps && err == over {
				err = nil
			}
			if files, _ := os.ReadDir(mine); (len(files) > 0) != (rank == 0) {
				return errors.Errorf("rank %d has files %v", rank, files)
			}
			return err
		}
		if n > 0 {
			everyRank(t, n, train)
		} else if err := train(nil); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, test := range []struct {
		norm bool // whose batches are those of a rank: another number of ranks has others
		then int  // ranks; 0 for a process without a world
		same func(a, b fitted) error
	}{{true, 4, equal}, {false, 4, equal}, {false, 2, near}, {false, 1, near}, {false, 0, near}} {
		whole := run(4, fitSteps, test.norm, t.TempDir())[0]
		stops := []int{0, 2, 3, 5} // within the passes and at the end of one
		if testing.Short() {
			stops = []int{3, 5}
		}
		for _, stop := range stops {
			dir := t.TempDir()
			run(4, stop, test.norm, dir)
			for rank, resumed := range run(test.then, fitSteps, test.norm, dir) {
				if err := test.same(resumed, whole); err != nil {
					t.Errorf("stopped after step %d, batch norm %v, rank %d of %d: %v", stop, test.norm, rank, test.then, err)
				}
			}
		}
	}
}
