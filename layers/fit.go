package layers

import (
	"context"
	"io"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// FitConfig is how long [Classifier.Fit] trains and whom it tells. The zero value trains for one epoch and tells nobody.
type FitConfig struct {
	// Epochs is the number of passes over the batches. By default 1.
	Epochs int

	// FirstEpoch is the number of the first pass, for a training that goes on where another stopped.
	FirstEpoch int

	// OnStep is called after each step; its error ends the training. The weights are clean, so it may set the learning rate,
	// evaluate or save.
	OnStep func(Step) error

	// OnEpoch is called after each pass; its error ends the training.
	OnEpoch func(Epoch) error

	// Progress is where a progress bar is drawn, such as os.Stderr. By default nowhere.
	Progress io.Writer
}

// Step is what came of one step of a solver.
type Step struct {
	Epoch int     // number of the pass
	Step  int     // number of the step in this training, from 0
	Loss  float64 // mean cross entropy of the batch at the weights the gradient was taken at, perturbed ones if the solver does
}

// Epoch is what came of one pass over the batches.
type Epoch struct {
	Epoch int     // its number
	Steps int     // how many steps it had
	Loss  float64 // mean of the steps' losses
}

// History is what came of a training.
type History struct {
	Losses []float64 // of each step
	Epochs []Epoch   // those that were completed
}

// Fit trains the network with the solver. A solver that perturbs the weights (one with a method Guard, such as
// optim.PerturbedSolver) is guarded: the noise is in the weights only while a gradient is evaluated.
//
// Every step takes a whole batch, of the size the classifier was made for. A smaller one, as the last of a pass may be, is
// left out of that pass; loaders that shuffle leave out other images each time. A larger one is an error.
//
// Fit ends early when ctx is done, with its error, when a callback or the batches fail, or when a batch does not fit the
// network, has a label outside its classes, or gives a loss that is not finite. Whatever the error, the weights and running
// statistics are those after the last step, and the history up to it is returned. The solver keeps its state: Fit with the
// same solver goes on where it stopped.
func (c *Classifier) Fit(ctx context.Context, batches Batches, solver G.Solver, config FitConfig) (*History, error) {
	if config.Epochs < 0 || config.FirstEpoch < 0 {
		return nil, errors.Errorf("layers: %d epochs from number %d", config.Epochs, config.FirstEpoch)
	}
	if solver == nil {
		return nil, errors.New("layers: no solver")
	}
	if batches == nil {
		return nil, errors.New("layers: no batches")
	}
	vm, err := c.training.machine(solver)
	if err != nil {
		return nil, err
	}
	defer vm.Close()
	f := &fit{training: c.training, vm: vm, batches: batches, solver: solver, config: config, history: &History{}}
	for i := range max(config.Epochs, 1) {
		if err := f.epoch(ctx, config.FirstEpoch+i); err != nil {
			return f.history, err
		}
	}
	return f.history, nil
}

// fit is one call of Classifier.Fit.
type fit struct {
	*training
	vm      G.VM
	batches Batches
	solver  G.Solver
	config  FitConfig
	history *History
}

// epoch makes one pass over the batches.
func (f *fit) epoch(ctx context.Context, number int) error {
	if err := f.batches.Start(number); err != nil {
		return errors.Wrapf(err, "layers: start of epoch %d", number)
	}
	bar := newBar(f.config, number, f.batches.Len())
	result := Epoch{Epoch: number}
	for f.batches.Next() {
		if err := ctx.Err(); err != nil {
			return errors.Wrapf(err, "layers: epoch %d after %d steps", number, result.Steps)
		}
		whole, err := f.load(f.batches)
		if err != nil {
			return err
		}
		if !whole {
			continue
		}
		loss, err := f.advance(number)
		if err != nil {
			return errors.WithMessagef(err, "layers: epoch %d, step %d", number, result.Steps)
		}
		result.Steps++
		result.Loss += (loss - result.Loss) / float64(result.Steps)
		bar.step(loss)
	}
	bar.end(result.Loss)
	if err := f.batches.Err(); err != nil {
		return errors.Wrapf(err, "layers: batches of epoch %d", number)
	}
	if result.Steps == 0 {
		return errors.Wrapf(ErrNoStep, "layers: epoch %d, batches of %d images", number, f.images.batch)
	}
	f.history.Epochs = append(f.history.Epochs, result)
	if f.config.OnEpoch != nil {
		return f.config.OnEpoch(result)
	}
	return nil
}

// advance makes a step on the loaded batch and notes it.
func (f *fit) advance(epoch int) (loss float64, err error) {
	if loss, err = f.step(f.vm, f.solver); err != nil {
		return loss, err
	}
	number := len(f.history.Losses)
	f.history.Losses = append(f.history.Losses, loss)
	if f.config.OnStep != nil {
		err = f.config.OnStep(Step{Epoch: epoch, Step: number, Loss: loss})
	}
	return loss, err
}
