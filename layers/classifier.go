package layers

import (
	"context"
	"slices"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
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
// batch that the classifier was made for is that of one rank. Call it on all ranks, before what it changes, which all of
// them call then:
//
//   - Fit takes batches that are shared (Rank and Ranks of datasets.LoaderConfig) and a solver that steps by the mean of the
//     ranks' gradients (distributed.NewSolver, within an optim.PerturbedSolver or around the optimiser alone). The losses in
//     its history are means over the ranks. Batch norms normalise by the images of their own rank, and their running
//     statistics are set to the mean of the ranks' after each step, unless [SyncBatchNorm] has them normalise by those of all.
//     Rank 0 alone writes files and draws progress; it reads the checkpoint for all. A checkpoint is that of one process, and
//     may be resumed by any number of ranks for which the batches of all together stay the same: the training goes on to
//     rounding. Dropouts draw what those of one process draw in that rank's part of the whole batch.
//   - Evaluate and Confusion over batches that are shared are those over the whole pass, to the same bits on every rank and for any
//     number of ranks. Batches that are not shared every rank goes over by itself.
//   - EstimateStatistics takes means over the ranks.
//
// When one of these fails on a rank, for whatever reason - its context ends, its loss is not finite, its batches or a
// callback fail, a file cannot be written - they return an error on all ranks, after the same step. That of the others names
// the rank and has the text of its error; errors.Is finds context.Canceled, context.DeadlineExceeded and ErrNotFinite in it.
// The world goes on.
func (c *Classifier) Join(world World) error { return c.join(world) }

// Fit trains the network with the solver. A solver that perturbs the weights (one with a method Guard, such as
// optim.PerturbedSolver and optim.SAM) is guarded: the noise is in the weights only while a gradient is evaluated. With SAM
// the running statistics of batch norms are those at the clean weights.
//
// Every step takes a whole batch, of the size the classifier was made for. A smaller one, as the last of a pass may be, is
// left out of that pass; loaders that shuffle leave out other images each time. A larger one is an error. The dropouts'
// masks are those of step number epoch times the batches of a pass, plus the batch's place in it.
//
// Fit ends early when ctx is done, with its error, when a callback or the batches fail, or when a batch does not fit the
// network, has a label outside its classes, or gives a loss that is not finite. Whatever the error, the weights and running
// statistics are those after the last step, and the history up to it is returned. Fit with the same classifier and solver,
// and with FirstEpoch the pass that was interrupted, goes on with the batch it had come to. So does another process from a
// checkpoint.
func (c *Classifier) Fit(ctx context.Context, batches Batches, solver G.Solver, config FitConfig) (*History, error) {
	validation, err := validationOf[Batches](config)
	if err != nil {
		return nil, c.ranks.refuse(err)
	}
	return c.fit(ctx, batches, solver, config, func(ctx context.Context) (Metrics, error) { return c.Evaluate(ctx, validation) })
}

// Predict returns the class of each of any number of images, (N, ...image): that of the largest logit, the first of equal
// ones, and -1 where a logit is NaN. It ends early when ctx is done, with its error.
func (c *Classifier) Predict(ctx context.Context, images *tensor.Dense) ([]int, error) {
	var classes []int
	err := c.evaluation.each(ctx, images, func(_ int, logits []float64) {
		classes = append(classes, argmax(logits))
	})
	if err != nil {
		return nil, err
	}
	return classes, nil
}

// Probabilities returns the softmax of the logits of any number of images, (N, ...image), as a float64 tensor (N, classes).
// The row of an image one of whose logits is NaN is NaN. It ends early when ctx is done, with its error.
func (c *Classifier) Probabilities(ctx context.Context, images *tensor.Dense) (*tensor.Dense, error) {
	var p []float64
	err := c.evaluation.each(ctx, images, func(_ int, logits []float64) {
		total := logSumExp(logits)
		for _, v := range logits {
			p = append(p, elementary.Exp(v-total))
		}
	})
	if err != nil {
		return nil, err
	}
	return tensor.New(tensor.WithShape(len(p)/c.evaluation.classes, c.evaluation.classes), tensor.WithBacking(p)), nil
}

// trainer is what Classifier and LanguageModel have in common: a network, its training graph, and the training that has come
// to some point.
type trainer struct {
	net       Layer
	training  *training
	untrained error    // why there is no training graph
	at        position // where the last Fit ended
	by        G.Solver // that trained then
	ranks     *ranks
}

func newTrainer(net Layer) trainer { return trainer{net: net, ranks: &ranks{World: alone{}}} }

// join makes this process one of the ranks that train the network.
func (m *trainer) join(world World) error {
	if world == nil {
		return errors.New("layers: no world to join")
	}
	if size, rank := world.Size(), world.Rank(); size < 1 || rank < 0 || rank >= size {
		return errors.Errorf("layers: rank %d of a world of %d", rank, size)
	}
	m.ranks.World = world
	return nil
}

// trainable returns the training graph, or why there is none: the statistics of a batch norm over a single value have no
// variance, so a network may predict images one by one that it cannot be trained on one by one.
func (m *trainer) trainable() (*training, error) {
	if m.untrained != nil {
		return nil, m.untrained
	}
	return m.training, nil
}

// fit trains the network; validate evaluates it on the configuration's Validation, if there is one. Whatever its error, the
// other ranks are told it at the end, in the place of what they call next.
func (m *trainer) fit(ctx context.Context, batches AnyBatches, solver G.Solver, config FitConfig,
	validate func(context.Context) (Metrics, error)) (*History, error) {
	m.ranks.begin()
	history, err := m.train(ctx, batches, solver, config, validate)
	return history, m.ranks.agree(err)
}

func (m *trainer) train(ctx context.Context, batches AnyBatches, solver G.Solver, config FitConfig,
	validate func(context.Context) (Metrics, error)) (*History, error) {
	if err := config.check(batches, solver); err != nil {
		return nil, err
	}
	if err := m.ranks.check(batches, solver); err != nil {
		return nil, err
	}
	t, err := m.trainable()
	if err != nil {
		return nil, err
	}
	if err := t.synced.check(m.ranks); err != nil {
		return nil, err
	}
	if m.ranks.Rank() > 0 {
		config.Progress = nil
	}
	f := &fit{training: t, net: m.net, ranks: m.ranks, validate: validate, batches: batches, solver: solver, config: config, history: &History{Best: -1}}
	f.at = position{Epoch: config.FirstEpoch}
	if m.at.Epoch == config.FirstEpoch && same(m.by, solver) {
		f.at = m.at
	}
	if config.Resume {
		if err := f.resume(); err != nil {
			return nil, err
		}
	}
	if err := t.synced.begin(m.ranks); err != nil {
		return nil, err
	}
	vm, err := t.machine(solver)
	if err != nil {
		return nil, err
	}
	defer vm.Close()
	f.vm = vm
	err = f.run(ctx)
	m.at, m.by = f.at, solver
	return f.history, err
}

// validationOf returns the batches to validate on as those that a model takes, nil for none.
func validationOf[B AnyBatches](c FitConfig) (B, error) {
	b, ok := c.Validation.(B)
	if c.Validation != nil && !ok {
		return b, errors.Errorf("layers: Validation is a %T, which is not %T", c.Validation, &b)
	}
	return b, nil
}

// dtypeOf returns the element type of a network's parameters, which must be one.
func dtypeOf(net Layer) (tensor.Dtype, error) {
	params, err := named(net)
	if err != nil {
		return tensor.Dtype{}, err
	}
	if len(params) == 0 {
		return tensor.Dtype{}, errors.New("layers: the network has no parameters")
	}
	dtype := params[0].Value.Dtype()
	for _, p := range params {
		if p.Value.Dtype() != dtype {
			return dtype, errors.Wrapf(ErrShape, "layers: %s is %v, %s is %v", params[0].Name, dtype, p.Name, p.Value.Dtype())
		}
	}
	return dtype, nil
}
