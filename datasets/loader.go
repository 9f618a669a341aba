package datasets

import (
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// A Loader hands out the images of a data set in batches, pass after pass:
//
//	for epoch := range epochs {
//		if err := loader.Start(epoch); err != nil { ... }
//		for loader.Next() {
//			use(loader.Images(), loader.Labels())
//		}
//		if err := loader.Err(); err != nil { ... }
//	}
//
// While one batch is in use the next is prepared on another goroutine, which
// ends when the batch is ready: a pass may be left half way, and a Loader
// dropped without Close, and nothing stays behind. A Loader is for one
// goroutine at a time.
type Loader struct {
	data   *Dataset
	config LoaderConfig // defaults filled in
	tables *tables
	count  int // batches a pass

	order []int  // the images in the order of this pass
	moves []move // what the augmentation does to each, nil for nothing
	slots []*slot
	begun int // batches of this pass whose preparation has begun
	given int // batches of this pass that Next has given out
	batch *slot
	err   error
}

// Loader makes a loader. No batch is prepared before the first Start.
func (d *Dataset) Loader(config LoaderConfig) (*Loader, error) {
	c, err := config.withDefaults(d)
	if err != nil {
		return nil, err
	}
	l := &Loader{
		data:   d,
		config: c,
		tables: newTables(c.Mean, c.Std),
		count:  c.batches(d.Len()),
		order:  make([]int, d.Len()),
		slots:  make([]*slot, c.Workers+1),
		err:    ErrNotStarted,
	}
	for i := range l.slots {
		l.slots[i] = newSlot(l)
	}
	if c.Augment != (Augmentation{}) {
		l.moves = make([]move, d.Len())
	}
	return l, nil
}

// batchShape is the shape of a tensor of n images.
func (l *Loader) batchShape(n int) tensor.Shape {
	s := l.data.shape
	if l.config.Flat {
		return tensor.Shape{n, s.Size()}
	}
	return tensor.Shape{n, s.Channels, s.Height, s.Width}
}

// Len is the number of batches in a pass.
func (l *Loader) Len() int { return l.count }

// StartAt is Start for a pass whose first batches are left out, as many as
// first says: the others are what they would be.
func (l *Loader) StartAt(epoch, first int) error {
	if first < 0 || first > l.count {
		return errors.Errorf("datasets: loader: batch %d of a pass of %d", first, l.count)
	}
	return l.start(epoch, first)
}

// Start begins pass number epoch, which may be any number from 0, in any order
// and more than once: the order of the images and their augmentation are a
// function of the seed and of epoch. The pass before it, finished or not, is
// over, and its last batch no longer valid.
func (l *Loader) Start(epoch int) error { return l.start(epoch, 0) }

func (l *Loader) start(epoch, first int) error {
	if l.err == ErrClosed {
		return ErrClosed
	}
	if epoch < 0 {
		return errors.Errorf("datasets: loader: pass %d, not at least 0", epoch)
	}
	l.settle()
	l.deal(epoch)
	l.begun, l.given, l.batch, l.err = first, first, nil, nil
	for range l.config.Workers {
		l.begin()
	}
	return nil
}

// Next moves on to the next batch and reports whether there is one.
func (l *Loader) Next() bool {
	l.batch = nil
	if l.err != nil || l.given == l.count {
		return false
	}
	l.begin() // in the slot of the batch before, which is free now
	l.batch = l.slots[l.given%len(l.slots)]
	l.batch.wait()
	l.given++
	return true
}

// Images is the batch, of shape (n, C, H, W), or (n, C*H*W) when the
// configuration says Flat. It is nil before the first Next and after the last.
//
// The tensor is the loader's own and valid until the next Next, Start or
// Close.
func (l *Loader) Images() *tensor.Dense {
	if l.batch == nil {
		return nil
	}
	return l.batch.images
}

// Labels are the classes of the n images of the batch, valid as long as
// Images.
func (l *Loader) Labels() []int {
	if l.batch == nil {
		return nil
	}
	return l.batch.labels
}

// Valid is the number of images of the batch that the pass has not shown
// before: n, except for a last batch that LastPad has filled up.
func (l *Loader) Valid() int {
	if l.batch == nil {
		return 0
	}
	return l.batch.valid
}

// Err is why Next returned false, when that was not the end of the pass:
// ErrNotStarted or ErrClosed.
func (l *Loader) Err() error { return l.err }

// Close waits for the batch in preparation and lets go of the buffers. It may
// be called more than once; it is always nil.
func (l *Loader) Close() error {
	l.settle()
	l.slots, l.batch, l.err = nil, nil, ErrClosed
	return nil
}

// deal draws the order and the augmentation of a pass.
func (l *Loader) deal(epoch int) {
	for i := range l.order {
		l.order[i] = i
	}
	if l.config.Shuffle {
		stream("shuffle", l.config.Seed, uint64(epoch)).Shuffle(len(l.order), func(i, j int) {
			l.order[i], l.order[j] = l.order[j], l.order[i]
		})
	}
	rng := stream("augmentation", l.config.Seed, uint64(epoch))
	for i := range l.moves {
		l.moves[i] = l.config.Augment.draw(rng)
	}
}

// begin starts the preparation of the next batch that is not begun, if any.
func (l *Loader) begin() {
	if l.begun == l.count {
		return
	}
	s := l.slots[l.begun%len(l.slots)]
	s.begin(l, l.begun*l.config.Batch)
	l.begun++
}

// settle waits until no preparation is under way.
func (l *Loader) settle() {
	for ; l.given < l.begun; l.given++ {
		l.slots[l.given%len(l.slots)].wait()
	}
}
