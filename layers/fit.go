package layers

import (
	"context"
	"fmt"
	"io"
	"math"
	"reflect"
	"time"

	"github.com/pkg/errors"
	"github.com/schollz/progressbar/v3"
	G "gorgonia.org/gorgonia"
)

// FitConfig is how long [Classifier.Fit] and [LanguageModel.Fit] train, what they keep and whom they tell. The zero value
// trains for one epoch, keeps nothing and tells nobody.
type FitConfig struct {
	// Epochs is the number of passes over the batches. By default 1.
	Epochs int

	// FirstEpoch is the number of the first pass, for a training that goes on where another stopped.
	FirstEpoch int

	// OnStep is called after each step; its error ends the training. The weights are clean, so it may set the learning rate,
	// evaluate or save. The noise of the step is what Last of an optim.PerturbedSolver or an optim.SAM says.
	OnStep func(Step) error

	// OnEpoch is called after each pass and its validation, before the checkpoint of that pass; its error ends the training. A
	// training that is interrupted between the two calls it for that pass again when it goes on, with the same weights.
	OnEpoch func(Epoch) error

	// ClipNorm is the largest norm that the gradient of all parameters together may have before the solver takes it: a larger
	// one is scaled down to it. With a solver that perturbs the weights it is the norm of the mean over its draws. By default
	// 0, no bound.
	//
	// R. Pascanu, T. Mikolov, Y. Bengio, On the Difficulty of Training Recurrent Neural Networks, ICML 2013,
	// https://arxiv.org/abs/1211.5063.
	ClipNorm float64

	// Progress is where a progress bar is drawn, such as os.Stderr. By default nowhere.
	Progress io.Writer

	// Validation is what the network is evaluated on after each pass: Batches for a [Classifier], SequenceBatches for a
	// [LanguageModel]. By default nothing.
	Validation AnyBatches

	// Patience is how many passes in a row may bring no less validation loss before the training ends, with
	// History.Stopped. By default it never ends for that.
	Patience int

	// Best is a file that keeps the weights and running statistics with the least validation loss so far, as [Save] writes
	// them. By default there is none.
	Best string

	// Checkpoint is a file that keeps the whole training: weights, running statistics, the state of the solver, which must have
	// MarshalBinary and UnmarshalBinary, the place in the pass, and the history. It is written at the end of each pass, and
	// always complete: whoever reads it sees an older one or this one. By default there is none.
	Checkpoint string

	// CheckpointEvery is after how many steps the checkpoint is written, beside the ends of passes. By default 0, never.
	CheckpointEvery int

	// Resume goes on from Checkpoint, if that file is there, to the same bits as if the training had not been interrupted. The
	// network, the solver, the batches and this configuration must be those of the training; what the file shows to be
	// different is an error. A training that had come to its end returns its history.
	Resume bool
}

// check refuses settings that make no sense.
func (c FitConfig) check(batches AnyBatches, solver G.Solver) error {
	switch {
	case c.Epochs < 0 || c.FirstEpoch < 0:
		return errors.Errorf("layers: %d epochs from number %d", c.Epochs, c.FirstEpoch)
	case solver == nil:
		return errors.New("layers: no solver")
	case batches == nil:
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
		"a solver " + nameOf(f.solver),
	}
}

// nameOf describes a solver: by its type if it does not describe itself.
func nameOf(solver G.Solver) string {
	if s, ok := solver.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", solver)
}

// weights describes the network after an epoch.
func (f *fit) weights(epoch int) ([]string, error) {
	params, err := named(f.net)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = fmt.Sprintf("%s %v of digest %016x after epoch %d", p.Name, p.Value.Shape(), digest(p.Value.Data()), epoch)
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
	batches  AnyBatches
	solver   G.Solver
	config   FitConfig
	history  *History
	at       position
}

// run makes the passes that are left.
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

// pass makes what is left of a pass over the batches.
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

// advance makes a step on the loaded batch, notes it, and tells of it.
func (f *fit) advance(ctx context.Context, bar *bar) error {
	at := &f.at
	if err := ctx.Err(); err != nil {
		return errors.Wrapf(err, "layers: epoch %d after %d steps", at.Epoch, at.Pass.Steps)
	}
	rate := learnRate(f.solver)
	f.begin(at.Epoch*f.batches.Len()+at.Batch, f.ranks.Rank())
	loss, norm, err := f.step(f.vm, f.solver, f.config.ClipNorm, f.ranks)
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

// write writes a file, on rank 0 alone. All ranks have its error.
func (f *fit) write(file func() error) error {
	var err error
	if f.ranks.Rank() == 0 {
		err = file()
	}
	return f.ranks.agree(err)
}

// completed notes a pass, evaluates after it, and keeps what there is to keep.
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

// learnRate returns the learning rate of the solver's next step, or of the solver that it wraps. NaN if none tells.
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

// position is where a training stands: before a batch of a pass.
type position struct {
	Epoch int
	Batch int   // batches of the pass that are behind it, those that made no step included
	Pass  Epoch // what came of them
}

// barInterval is the least time between two drawings of a bar.
const barInterval = 100 * time.Millisecond

// bar draws the progress of one pass over the batches, some of which may be behind it already. The nil bar draws nothing. What
// the writer says to it is ignored: a broken terminal is no reason to stop a training.
type bar struct {
	*progressbar.ProgressBar
	title string
}

func newBar(c FitConfig, epoch, behind, batches int) *bar {
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
	_ = b.Add(behind)
	return b
}

// step notes a batch and its loss.
func (b *bar) step(loss float64) {
	if b == nil {
		return
	}
	b.Describe(fmt.Sprintf("%s loss %.4f", b.title, loss))
	_ = b.Add(1)
}

// end completes the bar with the mean loss of the pass.
func (b *bar) end(loss float64) {
	if b == nil {
		return
	}
	b.Describe(fmt.Sprintf("%s mean loss %.4f", b.title, loss))
	_ = b.Finish()
}
