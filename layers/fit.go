package layers

import (
	"context"
	"fmt"
	"io"
	"math"
	"reflect"
	"time"

	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/layernoise/layernoise/internal/digest"
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/layernoise/layernoise/internal/solvername"
	"github.com/pkg/errors"
	"github.com/schollz/progressbar/v3"
	G "gorgonia.org/gorgonia"
)

// FitConfig configures [Classifier.Fit] and [LanguageModel.Fit]. The zero value trains for one epoch, without validation,
// files or callbacks.
type FitConfig struct {
	// Epochs is the number of passes over the batches. By default 1.
	Epochs int

	// FirstEpoch is the number of the first pass, for a training that continues another. By default 0.
	FirstEpoch int

	// OnStep is called after each step; its error ends the training. The weights are clean, so it may evaluate or save, and it
	// may set the learning rate. The method Last of an optim.PerturbedSolver or optim.SAM describes the noise of the step.
	OnStep func(Step) error

	// OnEpoch is called after each pass and its validation, before the checkpoint of that pass; its error ends the training. If
	// the training is interrupted between the two and resumed, it is called for that pass again, with the same weights.
	OnEpoch func(Epoch) error

	// ClipNorm bounds the norm of the gradient of all parameters together: before the solver's step, a larger gradient is
	// scaled down to it. If the solver takes several draws, their mean is clipped. By default 0, no bound.
	//
	// R. Pascanu, T. Mikolov, Y. Bengio, On the Difficulty of Training Recurrent Neural Networks, ICML 2013,
	// https://arxiv.org/abs/1211.5063.
	ClipNorm float64

	// Progress is where a progress bar is drawn, such as os.Stderr. By default nowhere.
	Progress io.Writer

	// Validation is evaluated after each pass: Batches for a [Classifier], SequenceBatches for a [LanguageModel]. By default
	// there is none.
	Validation AnyBatches

	// Patience ends the training early, with History.Stopped set, after this many passes in a row without a new lowest
	// validation loss. By default 0, never.
	Patience int

	// Best is a file for the weights and running statistics with the lowest validation loss so far, as [Save] writes them. By
	// default none is written.
	Best string

	// Checkpoint is a file for the state of the whole training: weights, running statistics, the solver, which must have
	// MarshalBinary and UnmarshalBinary, the position in the pass, and the history. It is written after each pass, and replaced
	// atomically. By default none is written.
	Checkpoint string

	// CheckpointEvery is the number of steps between checkpoints within a pass. By default 0, none.
	CheckpointEvery int

	// Resume continues from Checkpoint, if that file exists, and ends with the same bits as an uninterrupted training. The
	// network, the solver, the batches and this configuration must be the same; a difference that the file shows is an error.
	// A training that was already complete returns its history.
	Resume bool
}

// check returns an error if the settings are out of range or contradict each other.
func (c FitConfig) check(batches AnyBatches, solver G.Solver) error {
	switch {
	case c.Epochs < 0 || c.FirstEpoch < 0 || c.FirstEpoch > math.MaxInt-max(c.Epochs, 1):
		return errors.Errorf("layers: %d epochs from number %d", c.Epochs, c.FirstEpoch)
	case isnil.Of(solver):
		return errors.New("layers: no solver")
	case isnil.Of(batches):
		return errors.New("layers: no batches")
	case !(c.ClipNorm >= 0):
		return errors.Errorf("layers: the gradient's norm is clipped to %v, want a positive number, or 0 for no bound", c.ClipNorm)
	case c.Patience < 0 || c.CheckpointEvery < 0:
		return errors.Errorf("layers: patience %d, a checkpoint every %d steps", c.Patience, c.CheckpointEvery)
	case c.Validation == nil && (c.Patience > 0 || c.Best != ""):
		return errors.New("layers: Patience and Best need Validation")
	case c.Checkpoint == "" && (c.CheckpointEvery > 0 || c.Resume):
		return errors.New("layers: CheckpointEvery and Resume need the name of a Checkpoint")
	case disturbs(c.Validation, batches):
		return errors.Errorf("layers: Validation is the batches to train on, a %T without the method Pass, whose pass it would end", batches)
	}
	return checkSavable(c, solver)
}

// lines describes what all ranks must have alike.
func (f *fit) lines() []string {
	c := f.config
	return []string{
		description(f.batches),
		fmt.Sprintf("%v in its part of a batch", f.feed),
		fmt.Sprintf("a training from batch %d of epoch %d to epoch %d", f.at.Batch, f.at.Epoch, c.FirstEpoch+max(c.Epochs, 1)),
		fmt.Sprintf("validation: %v, patience %d", c.Validation != nil, c.Patience),
		fmt.Sprintf("a checkpoint: %v, every %d steps, resumed: %v; best weights: %v", c.Checkpoint != "", c.CheckpointEvery, c.Resume, c.Best != ""),
		fmt.Sprintf("gradients clipped to norm %v (0: not)", c.ClipNorm),
		fmt.Sprintf("learning rate %v", learnRate(f.solver)),
		"a solver " + solvername.Of(f.solver),
	}
}

// weights describes the network after an epoch.
func (f *fit) weights(epoch int) ([]string, error) {
	params, err := named(f.net)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = fmt.Sprintf("%s %v of digest %016x after epoch %d", p.Name, p.Value.Shape(), digest.Of(p.Value.Data()), epoch)
	}
	return list, nil
}

// fit is one call of Fit.
type fit struct {
	*training
	net      Layer
	ranks    *ranks
	validate func(context.Context) (Metrics, error)
	vm       G.VM
	left     []deferred.Gradient // to the solver's step
	batches  AnyBatches
	solver   G.Solver
	config   FitConfig
	history  *History
	at       position
}

// run makes the remaining passes.
func (f *fit) run(ctx context.Context) error {
	end := f.config.FirstEpoch + max(f.config.Epochs, 1)
	for f.at.Epoch < end && !f.history.Stopped {
		if err := f.pass(ctx); err != nil {
			return err
		}
		if err := f.completed(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pass makes the rest of the current pass.
func (f *fit) pass(ctx context.Context) error {
	at := &f.at
	pass, err := begin(f.batches, at.Epoch, at.Batch)
	if err != nil {
		return errors.Wrapf(err, "layers: start of epoch %d at batch %d", at.Epoch, at.Batch)
	}
	defer pass.Close()
	bar := newBar(f.config, at.Epoch, at.Batch, f.batches.Len())
	for pass.Next() {
		whole, err := load(f.feed, pass)
		if err != nil {
			return err
		}
		if !whole {
			at.Batch++
			continue
		}
		if err := f.advance(ctx, bar); err != nil {
			return err
		}
	}
	bar.end(at.Pass.Loss)
	if err := pass.Err(); err != nil {
		return errors.Wrapf(err, "layers: batches of epoch %d", at.Epoch)
	}
	if at.Pass.Steps == 0 {
		return errors.Wrapf(ErrNoStep, "layers: epoch %d, batches of %v", at.Epoch, f.feed)
	}
	return nil
}

// advance makes a step on the loaded batch, records it and calls OnStep.
func (f *fit) advance(ctx context.Context, bar *bar) error {
	at := &f.at
	if err := ctx.Err(); err != nil {
		return errors.Wrapf(err, "layers: epoch %d after %d steps", at.Epoch, at.Pass.Steps)
	}
	rate := learnRate(f.solver)
	f.begin(at.Epoch*f.batches.Len()+at.Batch, f.ranks.Rank())
	loss, norm, err := f.step(f.vm, f.solver, f.left, f.config.ClipNorm, f.ranks)
	if err != nil {
		return errors.WithMessagef(err, "layers: epoch %d, step %d", at.Epoch, at.Pass.Steps)
	}
	at.Batch++
	at.Pass.Steps++
	at.Pass.Loss += float64(loss-at.Pass.Loss) / float64(at.Pass.Steps)
	number := len(f.history.Losses)
	f.history.Losses = append(f.history.Losses, loss)
	bar.step(loss)
	if every := f.config.CheckpointEvery; every > 0 && (number+1)%every == 0 {
		if err := f.save(); err != nil {
			return err
		}
	}
	if f.config.OnStep == nil {
		return nil
	}
	result := Step{Epoch: at.Epoch, Number: number, Loss: loss, Rate: rate, GradNorm: norm}
	if s, ok := f.solver.(interface{ Sigma() float64 }); ok {
		result.Sigma = s.Sigma()
	}
	return f.config.OnStep(result)
}

// write calls file on rank 0 only. All ranks return its error.
func (f *fit) write(file func() error) error {
	var err error
	if f.ranks.Rank() == 0 {
		err = file()
	}
	return f.ranks.agree(err)
}

// completed ends a pass: validation, history, files and OnEpoch.
func (f *fit) completed(ctx context.Context) error {
	result := f.at.Pass
	result.Number = f.at.Epoch
	if f.ranks.Size() > 1 {
		weights, err := f.weights(result.Number)
		if err != nil {
			return err
		}
		if err := f.ranks.alike(weights...); err != nil {
			return err
		}
	}
	if f.config.Validation != nil {
		m, err := f.validate(ctx)
		if err := f.ranks.agree(err); err != nil {
			return errors.WithMessagef(err, "layers: validation after epoch %d", result.Number)
		}
		result.Validation = &m
	}
	best := f.history.add(result)
	f.at = position{Epoch: result.Number + 1}
	if best && f.config.Best != "" {
		if err := f.write(func() error { return Save(f.config.Best, f.net) }); err != nil {
			return err
		}
	}
	if patience := f.config.Patience; patience > 0 && len(f.history.Epochs)-1-f.history.Best >= patience {
		f.history.Stopped = true
	}
	if f.config.OnEpoch != nil {
		if err := f.config.OnEpoch(result); err != nil {
			return err
		}
	}
	if f.config.Checkpoint != "" {
		return f.save()
	}
	return nil
}

// same reports whether a and b are one solver, or one set of batches.
func same(a, b any) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}

// disturbs reports whether a pass over validation would end one over batches.
func disturbs(validation, batches AnyBatches) bool {
	return !hasPasses(batches) && same(validation, batches)
}

// learnRate returns the learning rate of the next step of the solver, or of the one it wraps; NaN if unknown.
func learnRate(solver G.Solver) float64 {
	switch s := solver.(type) {
	case interface{ ScheduledRate() float64 }:
		return s.ScheduledRate()
	case interface{ LearnRate() float64 }:
		return s.LearnRate()
	case interface{ Base() G.Solver }:
		return learnRate(s.Base())
	}
	return math.NaN()
}

// position is the position of a training: before a batch of a pass.
type position struct {
	Epoch int
	Batch int   // batches of the pass already served, including those without a step
	Pass  Epoch // the pass so far
}

// barInterval is the shortest time between two updates of a bar.
const barInterval = 100 * time.Millisecond

// bar draws the progress of one pass. The nil bar draws nothing. Errors of the writer are ignored: a broken terminal is no
// reason to stop a training.
type bar struct {
	*progressbar.ProgressBar
	title string
}

// newBar starts a bar with the given number of batches done.
func newBar(c FitConfig, epoch, done, batches int) *bar {
	if c.Progress == nil {
		return nil
	}
	b := &bar{
		ProgressBar: progressbar.NewOptions(batches,
			progressbar.OptionSetWriter(c.Progress),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(barInterval),
		),
		title: fmt.Sprintf("epoch %d/%d", epoch+1, c.FirstEpoch+max(c.Epochs, 1)),
	}
	_ = b.Add(done)
	return b
}

// step counts a batch and shows its loss.
func (b *bar) step(loss float64) {
	if b == nil {
		return
	}
	b.Describe(fmt.Sprintf("%s loss %.4f", b.title, loss))
	_ = b.Add(1)
}

// end completes the bar and shows the mean loss of the pass.
func (b *bar) end(loss float64) {
	if b == nil {
		return
	}
	b.Describe(fmt.Sprintf("%s mean loss %.4f", b.title, loss))
	_ = b.Finish()
}
