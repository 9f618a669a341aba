package layers

import (
	"context"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Classifier trains and evaluates a network that tells classes of images apart. It has a training graph with the mean
// softmax cross entropy as its cost and an evaluation graph, both over the network's own tensors: what Fit learns, Evaluate,
// Predict and Save see.
//
// A Classifier is for one goroutine at a time. Two of them over different networks may work at once.
type Classifier struct {
	trainer
	evaluation *evaluation
}

// NewClassifier makes the graphs of net for batches of the given size of images of the given shape, such as 3, 32, 32 or
// 784. The network's result must be (batch, classes); its parameters must be all float32 or all float64. No memory is taken
// for a graph's values before it first runs. A network with batch norms that cannot be trained on batches of one image is
// good for predicting them; the error is then that of Fit.
func NewClassifier(net Layer, batch int, image ...int) (*Classifier, error) {
	dtype, err := dtypeOf(net)
	if err != nil {
		return nil, err
	}
	if batch < 1 || len(image) == 0 || slices.Min(image) < 1 {
		return nil, errors.Wrapf(ErrShape, "layers: batch of %d images of shape %v", batch, image)
	}
	c := &Classifier{trainer: trainer{net: net}}
	if c.training, c.untrained = newImageTraining(net, dtype, batch, image); c.untrained != nil && batch > 1 {
		return nil, c.untrained
	}
	if c.evaluation, err = newEvaluation(net, dtype, batch, image); err != nil {
		return nil, err
	}
	return c, nil
}

// Fit trains the network with the solver. A solver that perturbs the weights (one with a method Guard, such as
// optim.PerturbedSolver and optim.SAM) is guarded: the noise is in the weights only while a gradient is evaluated. With SAM
// the running statistics of batch norms are those at the clean weights.
//
// Every step takes a whole batch, of the size the classifier was made for. A smaller one, as the last of a pass may be, is
// left out of that pass; loaders that shuffle leave out other images each time. A larger one is an error. The dropouts' masks
// are those of step number epoch times the batches of a pass, plus the batch's place in it.
//
// Fit ends early when ctx is done, with its error, when a callback or the batches fail, or when a batch does not fit the
// network, has a label outside its classes, or gives a loss that is not finite. Whatever the error, the weights and running
// statistics are those after the last step, and the history up to it is returned. Fit with the same classifier and solver, and
// with FirstEpoch the pass that was interrupted, goes on with the batch it had come to. So does another process from a
// checkpoint.
func (c *Classifier) Fit(ctx context.Context, batches Batches, solver G.Solver, config FitConfig) (*History, error) {
	validation, err := validationOf[Batches](config)
	if err != nil {
		return nil, err
	}
	return c.fit(ctx, batches, solver, config, func(ctx context.Context) (Metrics, error) { return c.Evaluate(ctx, validation) })
}
