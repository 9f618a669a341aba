package layers

import (
	"context"
	"fmt"
	"slices"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// BatchNorm normalises each channel, y = scale (x - mean)/sqrt(variance + 1e-5) + shift. A training graph uses the mean and
// variance of the batch, and in each pass moves the running statistics towards them, running <- 0.9 running + 0.1 batch,
// with the unbiased variance. An evaluation graph uses the running statistics and does not change them. If several processes
// train a network, the batch is that of each process, unless [SyncBatchNorm] makes it that of all.
//
// S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015, https://arxiv.org/abs/1502.03167; constants as in PyTorch.
type BatchNorm struct {
	fault
	name           string
	channels       int
	scale, shift   *Param
	mean, variance *Param
	world          World // the world over which statistics are taken; nil for this process
}

// NewBatchNorm makes a batch norm for x of shape (N, channels) or (N, channels, H, W). Its parameters are name.weight, the
// scale, initially one, and name.bias, the shift, initially zero; its running statistics are name.running_mean, initially
// zero, and name.running_var, initially one. Of init only the dtype and the prefix matter.
func NewBatchNorm(name string, channels int, init Init) *BatchNorm {
	n := &BatchNorm{name: init.Prefix + name, channels: channels}
	for _, v := range []struct {
		param  **Param
		role   string
		value  float64
		buffer bool
	}{
		{&n.scale, "weight", 1, false},
		{&n.shift, "bias", 0, false},
		{&n.mean, "running_mean", 0, true},
		{&n.variance, "running_var", 1, true},
	} {
		p, err := init.Constant(name+"."+v.role, v.value, channels)
		if err != nil {
			n.err = err
			return n
		}
		p.Buffer = v.buffer
		*v.param = p
	}
	return n
}

// Params returns scale, shift, running mean and running variance.
func (n *BatchNorm) Params() []*Param {
	if n.err != nil {
		return nil
	}
	return []*Param{n.scale, n.shift, n.mean, n.variance}
}

// Forward applies the layer to x of shape (N, channels) or (N, channels, H, W).
func (n *BatchNorm) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	return n.forward(b, x, nil, false)
}

// forwardReLU applies the layer and a ReLU in one operation.
func (n *BatchNorm) forwardReLU(b *Builder, x *G.Node) (*G.Node, error) {
	return n.forward(b, x, nil, true)
}

// forward applies the layer, adds residual (nil for none), and applies a ReLU if relu is set, in one operation.
func (n *BatchNorm) forward(b *Builder, x, residual *G.Node, relu bool) (*G.Node, error) {
	if n.err != nil {
		return nil, n.err
	}
	if s := x.Shape(); len(s) != 2 && len(s) != 4 || s[1] != n.channels {
		return nil, misfit(n.name, x, fmt.Sprintf("(N, %d) or (N, %d, H, W)", n.channels, n.channels))
	}
	scale, shift, err := weightAndBias(b, n.scale, n.shift)
	if err != nil {
		return nil, err
	}
	ranks, err := n.ranks(b)
	if err != nil {
		return nil, errors.WithMessagef(err, "layers: %s", n.name)
	}
	y, err := graph.BatchNorm(x, scale, shift, graph.BatchNormConfig{
		Mean:     n.mean.Value,
		Var:      n.variance.Value,
		Training: b.Training(),
		Ranks:    ranks,
		ReLU:     relu,
		Residual: residual,
	})
	return built(n.name, y, err)
}

// ranks returns the ranks that share the batches of a graph, and records in b that its passes exchange numbers.
func (n *BatchNorm) ranks(b *Builder) (graph.Ranks, error) {
	if n.world == nil || !b.Training() {
		return nil, nil
	}
	return n.world, b.synced.add(n.world, n.mean, n.variance)
}

// LayerNorm normalises the numbers of each position to mean zero and variance one, and then scales and shifts them. J. L.
// Ba, J. R. Kiros, G. E. Hinton, Layer Normalization, 2016, https://arxiv.org/abs/1607.06450.
type LayerNorm struct {
	fault
	name         string
	features     int
	weight, bias *Param // bias is nil for a root mean square norm
}

// normEps is added to the variance; it is PyTorch's default.
const normEps = 1e-5

// NewLayerNorm makes a layer norm of (..., features) with the parameters name.weight, initially one, and name.bias,
// initially zero. It adds 1e-5 to the variance.
func NewLayerNorm(name string, features int, init Init) *LayerNorm {
	l := NewRMSNorm(name, features, init)
	if l.err == nil {
		l.bias, l.err = init.Constant(name+".bias", 0, features)
	}
	return l
}

// NewRMSNorm makes a layer that divides the numbers of each position by their root mean square and scales them by
// name.weight, initially one. It adds 1e-5 to the mean square. B. Zhang, R. Sennrich, Root Mean Square Layer Normalization,
// NeurIPS 2019, https://arxiv.org/abs/1910.07467.
func NewRMSNorm(name string, features int, init Init) *LayerNorm {
	l := &LayerNorm{name: init.Prefix + name, features: features}
	l.weight, l.err = init.Constant(name+".weight", 1, features)
	return l
}

// Params returns the weight and, unless it is a root mean square norm, the bias.
func (l *LayerNorm) Params() []*Param { return weightBias(l.err, l.weight, l.bias) }

// Forward applies the layer to x of shape (..., features).
func (l *LayerNorm) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if l.err != nil {
		return nil, l.err
	}
	if s := x.Shape(); len(s) < 2 || s[len(s)-1] != l.features {
		return nil, misfit(l.name, x, fmt.Sprintf("(..., %d)", l.features))
	}
	w, bias, err := weightAndBias(b, l.weight, l.bias)
	if err != nil {
		return nil, err
	}
	var y *G.Node
	if bias == nil {
		y, err = graph.RMSNorm(x, w, normEps)
	} else {
		y, err = graph.LayerNorm(x, w, bias, normEps)
	}
	return built(l.name, y, err)
}

// SyncBatchNorm makes the batch norms of a network use, in training graphs, the statistics of the whole batch that the ranks
// of a world share, rather than those of their own rank's images. Two ranks with batches of 64 images then train, up to
// rounding, like one process with batches of 128. Call it on all ranks before the graphs are made:
//
//	err := layers.SyncBatchNorm(net, world)
//	model, err := layers.NewClassifier(net, 64, 3, 32, 32)
//	err = model.Join(world)
//
// It is worthwhile with few images per rank, whose statistics are noisy, and costs two exchanges of a few numbers per
// channel for each batch norm and pass, in which the ranks wait for each other. Graphs made before are not affected, nor are
// evaluation graphs, which use the running statistics. In a world of one it changes nothing.
//
// Batch norms are found in [Sequential] and [Residual]. A custom layer with running statistics among its Params is an error,
// and nothing is changed: call SyncBatchNorm on the batch norms in it, and on the layers around it.
func SyncBatchNorm(net Layer, world World) error {
	if isnil.Of(world) {
		return errors.New("layers: no world to synchronise batch norms over")
	}
	if err := check(net); err != nil {
		return err
	}
	var norms []*BatchNorm
	if err := eachBatchNorm(net, func(n *BatchNorm) { norms = append(norms, n) }); err != nil {
		return err
	}
	if world.Size() == 1 {
		return nil
	}
	for _, n := range norms {
		n.world = world
	}
	return nil
}

// eachBatchNorm calls f for each batch norm in a layer.
func eachBatchNorm(l Layer, f func(*BatchNorm)) error {
	var parts []Layer
	switch l := l.(type) {
	case *BatchNorm:
		f(l)
		return nil
	case *Sequential:
		parts = l.layers
	case *Residual:
		parts = append(append(parts, l.body...), l.shortcut...)
	default:
		for _, p := range l.Params() {
			if p.Buffer {
				return errors.Errorf("layers: SyncBatchNorm: a %T has %s, but is not a Sequential, Residual or BatchNorm", l, p.Name)
			}
		}
	}
	for _, part := range parts {
		if err := eachBatchNorm(part, f); err != nil {
			return err
		}
	}
	return nil
}

// synced describes what in a graph is synchronised over all ranks, because they exchange numbers in its passes.
type synced struct {
	world      World // nil if nothing is
	statistics []*Param
}

// add records the statistics of a batch norm.
func (s *synced) add(world World, statistics ...*Param) error {
	if s.world != nil && !same(s.world, world) {
		return errors.New("batch norms of one graph are synchronised over two worlds")
	}
	s.world = world
	s.statistics = append(s.statistics, statistics...)
	return nil
}

// check returns an error if the model's ranks are not those of the batch norms.
func (s *synced) check(ranks *ranks) error {
	if s.world != nil && !same(s.world, ranks.World) {
		return errors.New("layers: batch norms are synchronised over a world that the model has not joined: call Join with the world of SyncBatchNorm")
	}
	return nil
}

// begin sets the statistics to those of rank 0. From then on they stay equal, and no means need to be taken.
func (s *synced) begin(ranks *ranks) error {
	if s.world == nil {
		return nil
	}
	var numbers []float64
	for _, p := range s.statistics {
		x := make([]float64, p.Value.Size())
		if ranks.Rank() == 0 {
			convert(x, p.Value.Data())
		}
		numbers = append(numbers, x...)
	}
	if err := ranks.sum(numbers, nil); err != nil {
		return err
	}
	for _, p := range s.statistics {
		n := p.Value.Size()
		convert(p.Value.Data(), numbers[:n])
		numbers = numbers[n:]
	}
	return nil
}

// others returns the statistics of a snapshot that differ between ranks.
func (s *synced) others(all snapshot) snapshot {
	return slices.DeleteFunc(slices.Clone(all), func(p savedParam) bool { return slices.Contains(s.statistics, p.param) })
}

// EstimateStatistics sets the running statistics of the batch norms to the mean, over one pass, number 0, of the batches, of
// the statistics of each whole batch at the current weights. The running statistics of a training are a moving average over
// the weights of many steps, noisy ones if the solver perturbs; after a training with much noise, with several samples per
// step, or after averaging weights, these fit better. Weights do not change. After an error, such as ErrNotFinite for a
// batch whose loss is not finite, nothing has changed. The statistics of custom layers must move by graph.BatchNormMomentum,
// as those of BatchNorm do.
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
	if isnil.Of(batches) {
		return errors.New("layers: no batches to estimate the statistics on")
	}
	shared, err := c.ranks.shares(batches)
	if err == nil && shared {
		err = c.ranks.alike(description(batches))
	}
	if err != nil {
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
	_, err := t.run(vm)
	t.zeroGradients()
	if err != nil {
		return errors.Wrap(err, "layers: estimate statistics")
	}
	return nil
}
