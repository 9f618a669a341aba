package layers

import (
	"context"
	"slices"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// EstimateStatistics sets the running statistics of the batch norms to the mean, over one pass, number 0, of the batches, of
// the statistics of each whole batch at the current weights. The running statistics of a training are a moving average over
// the weights of many steps, noisy ones if the solver perturbs; after a training with much noise, with several samples per
// step, or after averaging weights, these fit better. Weights do not change, and after an error nothing has. The statistics
// of custom layers must move by graph.BatchNormMomentum, as those of BatchNorm do.
//
// P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson, Averaging Weights Leads to Wider Optima and Better
// Generalization, UAI 2018, https://arxiv.org/abs/1803.05407, section 3.
func (c *Classifier) EstimateStatistics(ctx context.Context, batches Batches) error {
	c.ranks.begin()
	return c.ranks.agree(c.estimateStatistics(ctx, batches))
}

func (c *Classifier) estimateStatistics(ctx context.Context, batches Batches) error {
	t, err := c.trainable()
	if err != nil {
		return err
	}
	if batches == nil {
		return errors.New("layers: no batches to estimate the statistics on")
	}
	if _, err := c.ranks.shares(batches); err != nil {
		return err
	}
	if err := t.synced.check(c.ranks); err != nil {
		return err
	}
	t.statistics.take()
	means := make([][]float64, len(t.statistics))
	for i, s := range t.statistics {
		means[i] = make([]float64, s.param.Value.Size())
	}
	err = t.estimate(ctx, batches, c.ranks, means)
	var byRank [][]float64
	for i, s := range t.statistics {
		if !slices.Contains(t.synced.statistics, s.param) {
			byRank = append(byRank, means[i])
		}
	}
	if err = c.ranks.mean(byRank, err); err != nil {
		t.statistics.putBack()
		return err
	}
	for i, s := range t.statistics {
		convert(s.param.Value.Data(), means[i])
	}
	return nil
}

// mean sets the numbers to their means over all ranks, unless a rank has an error.
func (r *ranks) mean(numbers [][]float64, err error) error {
	var sums []float64
	for _, x := range numbers {
		sums = append(sums, x...)
	}
	if err := r.sum(sums, err); err != nil {
		return err
	}
	for _, x := range numbers {
		for i := range x {
			x[i] = sums[i] / float64(r.Size())
		}
		sums = sums[len(x):]
	}
	return nil
}

// estimate sets means, which must be zero, to the mean of each statistic over the batches.
func (t *training) estimate(ctx context.Context, batches Batches, ranks *ranks, means [][]float64) error {
	pass, err := begin(batches, 0, 0)
	if err != nil {
		return errors.Wrap(err, "layers: start of the estimation")
	}
	defer pass.Close()
	vm := G.NewTapeMachine(t.graph, graph.BindGradients(t.learnables...))
	defer vm.Close()
	n := 0
	for pass.Next() {
		whole, err := load(t.feed, pass)
		if err == nil && ctx.Err() != nil {
			err = errors.Wrapf(ctx.Err(), "layers: estimation after %d batches", n)
		}
		if err == nil && !whole {
			continue
		}
		if err != nil {
			return err
		}
		if err := t.batchStatistics(vm, n, ranks.Rank()); err != nil {
			return err
		}
		n++
		for i, s := range t.statistics {
			now := make([]float64, len(means[i]))
			convert(now, s.param.Value.Data())
			for j, x := range now {
				means[i][j] += (x/graph.BatchNormMomentum - means[i][j]) / float64(n)
			}
		}
	}
	if err := pass.Err(); err != nil {
		return errors.Wrap(err, "layers: batches of the estimation")
	}
	if n == 0 {
		return errors.Wrapf(ErrNoStep, "layers: estimation with batches of %v", t.feed)
	}
	return nil
}

// batchStatistics runs the graph on the loaded batch, number n, with running statistics that start at zero, so that they end
// as those of the batch times the momentum, and zeroes the gradients.
func (t *training) batchStatistics(vm G.VM, n, rank int) error {
	for _, s := range t.statistics {
		s.param.Value.Zero()
	}
	t.begin(n, rank)
	defer vm.Reset()
	err := vm.RunAll()
	t.zeroGradients()
	if err != nil {
		return errors.Wrap(err, "layers: estimate statistics")
	}
	return nil
}
