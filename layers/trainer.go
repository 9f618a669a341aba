package layers

import (
	"context"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

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

// fit trains the network; validate evaluates it on the configuration's Validation, if there is one.
func (m *trainer) fit(ctx context.Context, batches AnyBatches, solver G.Solver, config FitConfig,
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
