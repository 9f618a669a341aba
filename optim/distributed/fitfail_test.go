package distributed

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// badBatches are shared batches of which number bad has an image that is not a number, on rank 1, or a label that is none;
// or cannot be read.
type badBatches struct {
	onlyBatches
	rank, ranks int
	bad, at     int
	label       bool
	unread      bool
}

var errUnread = errors.New("the disk has gone")

func (b *badBatches) Ranks() (rank, ranks int) { return b.rank, b.ranks }

func (b *badBatches) Next() bool {
	if b.unread && b.at == b.bad && b.rank == 1 || !b.onlyBatches.Next() {
		return false
	}
	if b.at == b.bad && b.rank == 1 {
		if b.label {
			b.Labels()[0] = 99
		} else {
			b.Images().Data().([]float64)[0] = math.NaN()
		}
	}
	b.at++
	return true
}

func (b *badBatches) Err() error {
	if b.unread && b.at == b.bad && b.rank == 1 {
		return errUnread
	}
	return nil
}

// TestFitFails: when one of three ranks cannot go on, all return at the same place, with its reason and its name, and their
// networks are those after the same step.
func TestFitFails(t *testing.T) {
	const odd = 1
	bad := func(f *fitting, label bool, at int) *badBatches {
		rank, ranks := f.train.Ranks()
		return &badBatches{onlyBatches: onlyBatches{f.train}, rank: rank, ranks: ranks, bad: at, label: label}
	}
	unread := func(f *fitting, at int) *badBatches {
		b := bad(f, false, at)
		b.unread = true
		return b
	}
	missing := filepath.Join(t.TempDir(), "missing", "checkpoint")
	tests := []struct {
		name  string
		fit   func(ctx context.Context, f *fitting) (*layers.History, error) // on each rank
		cause error
		odd   string // in the error of rank 1
		want  string // in those of the others
		steps int
	}{
		{
			"a loss that is NaN", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.model.Fit(ctx, bad(f, false, 2), f.solver, layers.FitConfig{})
			}, layers.ErrNotFinite, "loss NaN", "rank 1 of 3", 2,
		},
		{
			"a label that is none", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.model.Fit(ctx, bad(f, true, 3), f.solver, layers.FitConfig{})
			}, nil, "label 99", "rank 1 of 3: layers: label 99", 3,
		},
		{
			"a context that ends", func(ctx context.Context, f *fitting) (*layers.History, error) {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				return f.fit(ctx, layers.FitConfig{OnStep: func(s layers.Step) error {
					if rank, _ := f.train.Ranks(); s.Number == 5 && rank == odd {
						cancel()
					}
					return nil
				}})
			}, context.Canceled, "epoch 1 after 2 steps", "rank 1 of 3", 6,
		},
		{
			"a context that ends before the validation", func(ctx context.Context, f *fitting) (*layers.History, error) {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				return f.fit(ctx, layers.FitConfig{OnStep: func(s layers.Step) error {
					if rank, _ := f.train.Ranks(); s.Number == 3 && rank == odd {
						cancel()
					}
					return nil
				}})
			}, context.Canceled, "validation after epoch 0", "rank 1 of 3", 4,
		},
		{
			"an image of the validation", func(ctx context.Context, f *fitting) (*layers.History, error) {
				validation := bad(f, true, 0)
				validation.onlyBatches = onlyBatches{f.test}
				return f.model.Fit(ctx, f.train, f.solver, layers.FitConfig{Validation: validation})
			}, nil, "label 99", "rank 1 of 3: layers: label 99", 4,
		},
		{
			"a batch that cannot be read", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.model.Fit(ctx, unread(f, 2), f.solver, layers.FitConfig{})
			}, nil, "batches of epoch 0: the disk has gone", "rank 1 of 3: layers: batches of epoch 0: the disk has gone", 2,
		},
		{
			"the end of the batches that cannot be read", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.model.Fit(ctx, unread(f, 4), f.solver, layers.FitConfig{})
			}, nil, "the disk has gone", "rank 1 of 3: layers: batches of epoch 0: the disk has gone", 4,
		},
		{
			"a batch of the validation that cannot be read", func(ctx context.Context, f *fitting) (*layers.History, error) {
				validation := unread(f, 1)
				validation.onlyBatches = onlyBatches{f.test}
				return f.model.Fit(ctx, f.train, f.solver, layers.FitConfig{Validation: validation, Best: filepath.Join(missing, "none")})
			}, nil, "validation after epoch 0", "rank 1 of 3: layers: batches of the evaluation: the disk has gone", 4,
		},
		{
			"a batch of a validation that each rank makes by itself", func(ctx context.Context, f *fitting) (*layers.History, error) {
				validation := unread(f, 1)
				validation.onlyBatches = onlyBatches{f.test}
				return f.model.Fit(ctx, f.train, f.solver, layers.FitConfig{Validation: onlyBatches{validation}})
			}, nil, "validation after epoch 0", "rank 1 of 3: layers: batches of the evaluation: the disk has gone", 4,
		},
		{
			"an evaluation", func(ctx context.Context, f *fitting) (*layers.History, error) {
				validation := unread(f, 1)
				validation.onlyBatches = onlyBatches{f.test}
				_, err := f.model.Evaluate(ctx, validation)
				return nil, err
			}, nil, "batches of the evaluation: the disk has gone", "rank 1 of 3: layers: batches of the evaluation: the disk has gone", 0,
		},
		{
			"an estimation", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return nil, f.model.EstimateStatistics(ctx, unread(f, 2))
			}, nil, "batches of the estimation: the disk has gone", "rank 1 of 3: layers: batches of the estimation: the disk has gone", 0,
		},
		{
			"OnStep", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.fit(ctx, layers.FitConfig{OnStep: onRank1(f, func(s layers.Step) bool { return s.Number == 5 })})
			}, nil, "a callback", "rank 1 of 3: a callback", 6,
		},
		{
			"OnStep of the last step", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.model.Fit(ctx, f.train, f.solver, layers.FitConfig{OnStep: onRank1(f, func(s layers.Step) bool { return s.Number == 3 })})
			}, nil, "a callback", "rank 1 of 3: a callback", 4,
		},
		{
			"OnEpoch", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.fit(ctx, layers.FitConfig{OnEpoch: onRank1(f, func(e layers.Epoch) bool { return e.Number == 0 })})
			}, nil, "a callback", "rank 1 of 3: a callback", 4,
		},
		{
			"OnEpoch of the last pass", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.fit(ctx, layers.FitConfig{OnEpoch: onRank1(f, func(e layers.Epoch) bool { return e.Number == 1 })})
			}, nil, "a callback", "rank 1 of 3: a callback", 8,
		},
		{
			"a configuration", func(ctx context.Context, f *fitting) (*layers.History, error) {
				rank, _ := f.train.Ranks()
				return f.model.Fit(ctx, f.train, f.solver, layers.FitConfig{Patience: -(rank % 2)})
			}, nil, "patience -1", "rank 1 of 3: layers: patience -1", 0,
		},
		{
			"a validation of something else", func(ctx context.Context, f *fitting) (*layers.History, error) {
				var config layers.FitConfig
				if rank, _ := f.train.Ranks(); rank == odd {
					config.Validation = notImages{f.test}
				}
				return f.model.Fit(ctx, f.train, f.solver, config)
			}, nil, "which is not", "rank 1 of 3: layers: Validation is a", 0,
		},
		{
			"a file that cannot be written", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.fit(ctx, layers.FitConfig{Checkpoint: missing, CheckpointEvery: 3})
			}, nil, "rank 0 of 3: layers: save ", "", 3,
		},
		{
			"a file that cannot be read", func(ctx context.Context, f *fitting) (*layers.History, error) {
				return f.fit(ctx, layers.FitConfig{Checkpoint: filepath.Dir(filepath.Dir(missing)), Resume: true})
			}, nil, "is a directory", "is a directory", 0,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ending{test.odd, test.want, test.cause, test.steps, true}.check(t, func(w *World) (*fitting, *layers.History, error) {
				f, err := newFitting(w, true, datasets.LastPad)
				if err != nil {
					return nil, nil, err
				}
				h, err := test.fit(context.Background(), f)
				return f, h, err
			})
		})
	}
}

// checkUnread trains with batches that rank 1 cannot read to their end. All ranks are told, and go on with others.
func checkUnread(w *World) error {
	if w.Size() == 1 || fitBatch%w.Size() != 0 {
		return nil
	}
	f, err := newFitting(w, true, datasets.LastPad)
	if err != nil {
		return err
	}
	batches := &badBatches{onlyBatches: onlyBatches{f.train}, rank: w.Rank(), ranks: w.Size(), bad: 2, unread: true}
	want := fmt.Sprintf("rank 1 of %d: layers: batches of epoch 0: the disk has gone", w.Size())
	if w.Rank() == 1 {
		want = "layers: batches of epoch 0: the disk has gone"
	}
	if _, err := f.model.Fit(context.Background(), batches, f.solver, layers.FitConfig{}); err == nil || !strings.Contains(err.Error(), want) {
		return errors.Errorf("%v: want %q", err, want)
	}
	h, err := f.fit(context.Background(), layers.FitConfig{})
	if err != nil {
		return err
	}
	return sameOnAll(w, append(f.parameters(false), h.Losses...))
}

// onRank1 returns a callback that fails on rank 1.
func onRank1[E layers.Step | layers.Epoch](f *fitting, when func(E) bool) func(E) error {
	return func(e E) error {
		if rank, _ := f.train.Ranks(); rank == 1 && when(e) {
			return errors.New("a callback")
		}
		return nil
	}
}

// notImages are batches of neither images nor sequences.
type notImages struct{ layers.AnyBatches }

// ending is how trainings of three ranks end, of which rank 1 cannot go on.
type ending struct {
	odd, want string // in the errors of rank 1, and of the others
	cause     error  // of all; nil for any
	steps     int    // in the histories, where there are any
	whole     bool   // the world still is
}

// check runs the ranks' trainings, and looks at how they end: with the same weights too.
func (e ending) check(t *testing.T, train func(w *World) (*fitting, *layers.History, error)) {
	const odd, size = 1, 3
	weights := make([][]float64, size)
	errs := newPost().run(t, size, 10*time.Second, func(w *World) error {
		ended, h, failed := train(w)
		if ended == nil {
			return failed
		}
		if h != nil && len(h.Losses) != e.steps {
			t.Errorf("rank %d: %d steps, want %d", w.Rank(), len(h.Losses), e.steps)
		}
		weights[w.Rank()] = ended.parameters(false)
		if err := w.Barrier(); (err == nil) != e.whole {
			t.Errorf("rank %d: the world after it: %v", w.Rank(), err)
		}
		return failed
	})
	for rank, err := range errs {
		want := e.want
		if rank == odd {
			want = e.odd
		}
		if err == nil || !strings.Contains(err.Error(), want) || e.cause != nil && !errors.Is(err, e.cause) {
			t.Errorf("rank %d: %v: want %q, %v", rank, err, want, e.cause)
		}
		if err := sameBits(weights[rank], weights[0]); err != nil {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}

// TestCancelAndGoOn: ranks of which one was cancelled go on to the bits of a training in one go.
func TestCancelAndGoOn(t *testing.T) {
	everyRank(t, 2, func(w *World) error {
		whole, err := fitAs(w, true, datasets.LastPad, layers.FitConfig{})
		if err != nil {
			return err
		}
		f, err := newFitting(w, true, datasets.LastPad)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		first, err := f.fit(ctx, layers.FitConfig{OnStep: func(s layers.Step) error {
			if s.Number == 2 && w.Rank() == 1 {
				cancel()
			}
			return nil
		}})
		if !errors.Is(err, context.Canceled) {
			return errors.Errorf("%v, want %v", err, context.Canceled)
		}
		second, err := f.fit(context.Background(), layers.FitConfig{})
		if err != nil {
			return err
		}
		second.Losses = append(first.Losses, second.Losses...)
		return equal(fitted{f, second}, whole)
	})
}

// TestJoinMisuse: ranks that would train something else than the user means are refused.
func TestJoinMisuse(t *testing.T) {
	part := &World{rank: 1, size: 2, broken: errors.New("there is no other rank")}
	f, err := newFitting(part, false, datasets.LastPad)
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() *layers.Classifier {
		model, err := layers.NewClassifier(f.net, fitBatch/2, 784)
		if err != nil {
			t.Fatal(err)
		}
		return model
	}
	joined := fresh()
	if err := joined.Join(part); err != nil {
		t.Fatal(err)
	}
	alone, err := datasets.Digits(30, 1).Loader(datasets.LoaderConfig{Batch: fitBatch / 2, Flat: true})
	if err != nil {
		t.Fatal(err)
	}
	sgd, err := optim.NewSGD(0.1)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		model   *layers.Classifier
		batches layers.Batches
		solver  G.Solver
		want    string
	}{
		"all train on the same":        {joined, alone, f.solver, "set Rank and Ranks"},
		"a solver that averages":       {fresh(), alone, f.solver, "gradients of 2 ranks, the model has joined a world of 1"},
		"a solver that does not":       {joined, f.train, sgd, "gradients of 1 ranks, the model has joined a world of 2"},
		"batches of a part":            {fresh(), f.train, sgd, "those of rank 1 of 2, the model has joined a world as rank 0 of 1"},
		"batches of a part, averaging": {fresh(), f.train, f.solver, "those of rank 1 of 2"},
	} {
		if _, err := test.model.Fit(context.Background(), test.batches, test.solver, layers.FitConfig{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v: want %q", name, err, test.want)
		}
	}
	if _, err := fresh().Evaluate(context.Background(), f.test); err == nil || !strings.Contains(err.Error(), "those of rank 1 of 2") {
		t.Errorf("Evaluate of a part: %v", err)
	}
	if err := fresh().EstimateStatistics(context.Background(), f.train); err == nil || !strings.Contains(err.Error(), "those of rank 1 of 2") {
		t.Errorf("EstimateStatistics of a part: %v", err)
	}
	if err := fresh().Join(nil); err == nil {
		t.Error("a world that is nil was joined")
	}
}
