package layers

import (
	"slices"

	"github.com/pkg/errors"
)

// SyncBatchNorm makes the batch norms of a network take the statistics, in training graphs, of the whole batch that the ranks of a
// world share, where each takes those of its own rank's images by default. Two ranks with batches of 64 images then train, to
// rounding, as one process with batches of 128 does. Call it on all ranks before the graphs are made:
//
//	err := layers.SyncBatchNorm(net, world)
//	model, err := layers.NewClassifier(net, 64, 3, 32, 32)
//	err = model.Join(world)
//
// It pays with few images a rank, whose statistics are noisy, and costs two exchanges of a few numbers a channel for each batch norm
// and pass, in which the ranks wait for each other. Graphs that were made before stay as they are, and so do evaluation graphs,
// which use the running statistics. In a world of one it changes nothing.
//
// Batch norms are looked for in [Sequential] and [Residual]. A layer of your own with running statistics among its Params is an error,
// and nothing has changed: call SyncBatchNorm on the batch norms in it, and for the network on what is around it.
func SyncBatchNorm(net Layer, world World) error {
	if world == nil {
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

// eachBatchNorm calls f for the batch norms of a layer.
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
				return errors.Errorf("layers: SyncBatchNorm: a %T keeps %s, and is none of Sequential, Residual and BatchNorm", l, p.Name)
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

// synced is what of a graph is the same on all ranks, because they exchange numbers in its passes.
type synced struct {
	world      World // nil if they do not
	statistics []*Param
}

// add notes the statistics of a batch norm.
func (s *synced) add(world World, statistics ...*Param) error {
	if s.world != nil && !same(s.world, world) {
		return errors.New("batch norms of one graph are synchronised over two worlds")
	}
	s.world = world
	s.statistics = append(s.statistics, statistics...)
	return nil
}

// check refuses to train with ranks that are not those of the batch norms.
func (s *synced) check(ranks *ranks) error {
	if s.world != nil && !same(s.world, ranks.World) {
		return errors.New("layers: batch norms are synchronised over a world that the model has not joined: call Join with the world of SyncBatchNorm")
	}
	return nil
}

// meet makes sure that all ranks come to a pass: if one has an error in its place, all return one, and none begins.
func (s *synced) meet(ranks *ranks, err error) error {
	if s.world == nil {
		return err
	}
	return ranks.agree(err)
}

// fail tells the other ranks, which may wait for numbers of this one's pass, why it failed.
func (s *synced) fail(err error) {
	if w, ok := s.world.(interface{ Fail(error) error }); ok {
		_ = w.Fail(err)
	}
}

// begin sets the statistics to those of rank 0. From then on they stay the same, and nobody takes means of them.
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

// others returns the statistics of a snapshot that differ from rank to rank.
func (s *synced) others(all snapshot) snapshot {
	return slices.DeleteFunc(slices.Clone(all), func(p savedParam) bool { return slices.Contains(s.statistics, p.param) })
}
