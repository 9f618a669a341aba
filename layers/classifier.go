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
	c := &Classifier{trainer: newTrainer(net)}
	if c.training, c.untrained = newImageTraining(net, dtype, batch, image); c.untrained != nil && batch > 1 {
		return nil, c.untrained
	}
	if c.evaluation, err = newEvaluation(net, dtype, batch, image); err != nil {
		return nil, err
	}
	return c, nil
}

// Join makes this process one of the ranks of a world that train the network together, each on its part of every batch: the
// batch that the classifier was made for is that of one rank. Call it on all ranks, before what it changes, which all of them
// call then:
//
//   - Fit takes batches that are shared (Rank and Ranks of datasets.LoaderConfig) and a solver that steps by the mean of the
//     ranks' gradients (distributed.NewSolver, within an optim.PerturbedSolver or around the optimiser alone). The losses in its
//     history are means over the ranks. Batch norms normalise by the images of their own rank, and their running statistics are set to the
//     mean of the ranks' after each step, unless [SyncBatchNorm] has them normalise by those of all. Rank 0 alone writes files and draws progress; it reads the checkpoint for all. A
//     checkpoint is that of one process, and may be resumed by any number of ranks for which the batches of all together stay
//     the same: the training goes on to rounding.
//     Dropouts draw what those of one process draw in that rank's part of the whole batch.
//   - Evaluate and Confusion over batches that are shared are those over the whole pass, to the same bits on every rank and for any
//     number of ranks. Batches that are not shared every rank goes over by itself.
//   - EstimateStatistics takes means over the ranks.
//
// When a rank's context ends, its loss is not finite, or it fails, these return an error on all ranks, after the same step. Where
// a callback fails on one rank alone, the others wait for it, until it says so by distributed.World's Abort.
func (c *Classifier) Join(world World) error { return c.join(world) }

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
