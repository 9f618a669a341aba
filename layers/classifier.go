package layers

import (
	"context"
	"slices"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Classifier trains and evaluates a network that classifies images. It has a training graph with the mean softmax cross
// entropy as its cost and an evaluation graph, both over the network's own tensors, so Evaluate, Predict and Save see what
// Fit has learnt.
//
// A Classifier must be used by one goroutine at a time. Classifiers of different networks may be used concurrently.
type Classifier struct {
	trainer
	evaluation *evaluation
}

// NewClassifier makes the graphs of net for batches of the given number of images of the given shape, such as 3, 32, 32 or
// 784. The network's result must be (batch, classes); its parameters must be all float32 or all float64. A graph's memory is
// allocated when it first runs. A network whose batch norms cannot be trained on batches of one image can still predict with
// them; Fit then returns the error.
func NewClassifier(net Layer, batch int, image ...int) (*Classifier, error) {
	dtype, err := dtypeOf(net)
	if err != nil {
		return nil, err
	}
	if batch < 1 || len(image) == 0 || slices.Min(image) < 1 || tooLarge(append([]int{batch}, image...)...) {
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
// batch size of the classifier is that of one rank. Call it on all ranks before the calls it affects, which all ranks must
// then make:
//
//   - Fit takes shared batches (Rank and Ranks of datasets.LoaderConfig) and a solver that steps by the mean of the
//     ranks' gradients (distributed.NewSolver, inside an optim.PerturbedSolver or around the base solver). The losses in
//     its history are means over the ranks. The ranks must have the same batches (of loaders: the same String), learning
//     rate, noise and FitConfig, which Fit compares before the first step, as it does the weights after each pass. Batch
//     norms normalise by the images of their own rank, and their running statistics are set to the mean over the ranks
//     after each step, unless [SyncBatchNorm] makes them normalise over all ranks. Only rank 0 writes files and shows
//     progress; it reads the checkpoint for all. A checkpoint is that of a single process, and can be resumed by any
//     number of ranks with the same combined batches: the training then continues up to rounding. Dropouts draw what a
//     single process would draw in that rank's part of the combined batch.
//   - Evaluate and Confusion over shared batches cover the whole pass, with the same bits on every rank and for any
//     number of ranks. Batches that are not shared are evaluated by every rank on its own.
//   - EstimateStatistics takes means over the ranks.
//
// If one of these calls fails on a rank, for whatever reason (its context ends, its loss is not finite, its batches or a
// callback fail, a file cannot be written), all ranks return an error, after the same step. The error on the other ranks
// names the rank and includes the text of its error; errors.Is finds context.Canceled, context.DeadlineExceeded and
// ErrNotFinite in it. The world can still be used.
func (c *Classifier) Join(world World) error { return c.join(world) }

// Fit trains the network with the solver. A solver that perturbs the weights (one with a method Guard, such as
// optim.PerturbedSolver or optim.SAM) is guarded: the noise is in the weights only while a gradient is evaluated. With SAM
// the running statistics of batch norms are those at the clean weights.
//
// Every step takes a whole batch of the size that the classifier was made for. A smaller one, such as the last of a pass may
// be, is skipped in that pass; a loader that shuffles skips other images each time. A larger one is an error. Dropout masks
// are those of step number epoch times the batches per pass, plus the batch's index in the pass.
//
// Fit ends early when ctx is done, with its error; when a callback or the batches fail; or when a batch does not fit the
// network, has a label outside its classes, or gives a loss that is not finite. Whatever the error, the weights and running
// statistics are those after the last step, and the history up to it is returned. Another Fit with the same classifier and
// solver, with FirstEpoch set to the interrupted pass, continues with the next batch. So does another process, from a
// checkpoint.
func (c *Classifier) Fit(ctx context.Context, batches Batches, solver G.Solver, config FitConfig) (*History, error) {
	validation, err := validationOf[Batches](config)
	if err != nil {
		return nil, c.ranks.refuse(err)
	}
	return c.fit(ctx, batches, solver, config, func(ctx context.Context) (Metrics, error) { return c.Evaluate(ctx, validation) })
}

// Predict returns the class of each of any number of images, (N, ...image): that of the largest logit, the first among equal
// ones, and -1 if a logit is NaN. It ends early when ctx is done, with its error.
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
// If a logit of an image is NaN, so is its row. It ends early when ctx is done, with its error.
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

// trainer is the common part of Classifier and LanguageModel: a network, its training graph, and the position of the
// training.
type trainer struct {
	net       Layer
	training  *training
	untrained error    // why there is no training graph
	at        position // where the last Fit ended
	by        G.Solver // the solver of the last Fit
	ranks     *ranks
}

func newTrainer(net Layer) trainer { return trainer{net: net, ranks: &ranks{World: alone{}}} }

// join makes this process one of the ranks that train the network.
func (m *trainer) join(world World) error {
	if isnil.Of(world) {
		return errors.New("layers: no world to join")
	}
	if size, rank := world.Size(), world.Rank(); size < 1 || rank < 0 || rank >= size {
		return errors.Errorf("layers: rank %d of a world of %d", rank, size)
	}
	m.ranks.World = world
	return nil
}

// trainable returns the training graph, or why there is none: the statistics of a batch norm over a single value have no
// variance, so a network may predict single images without being trainable on them.
func (m *trainer) trainable() (*training, error) {
	if m.untrained != nil {
		return nil, m.untrained
	}
	return m.training, nil
}

// fit trains the network; validate evaluates it on the configuration's Validation, if any. If it fails, the other ranks
// learn of it in their next call.
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
	if err := m.ranks.alike(f.lines()...); err != nil {
		return nil, err
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
	if config.ClipNorm == 0 {
		f.left = t.deferrable(solver)
	}
	err = f.run(ctx)
	m.at, m.by = f.at, solver
	return f.history, err
}

// validationOf returns the validation batches in the type that a model takes, nil if there are none.
func validationOf[B AnyBatches](c FitConfig) (B, error) {
	b, ok := c.Validation.(B)
	if c.Validation != nil && (!ok || isnil.Of(b)) {
		return b, errors.Errorf("layers: Validation is a %T, which is not %T", c.Validation, &b)
	}
	return b, nil
}

// dtypeOf returns the common dtype of a network's parameters.
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
