package datasets

import (
	"fmt"
	"sync"

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
// The order and the augmentation are a function of the seed and of the number of the pass. While one batch is in use the
// next is prepared on another goroutine, which ends when the batch is ready: a pass may be left half way, and a Loader
// dropped without Close, and nothing stays behind.
//
// Start begins the loader's own pass, which is for one goroutine at a time. Pass makes others, any number at once, that do
// not disturb it.
type Loader struct {
	data   *Dataset
	config LoaderConfig // defaults filled in
	share  share
	tables *tables
	count  int // batches a pass

	own *pass // that of Start, nil before
	err error // ErrNotStarted or ErrClosed

	mu   sync.Mutex
	idle [][]*slot // buffers of passes that have ended
}

// Loader makes a loader. No batch is prepared before the first pass.
func (d *Dataset) Loader(config LoaderConfig) (*Loader, error) {
	share, err := newShare(d.Len(), config.Batch, config.Last, config.Rank, config.Ranks)
	if err != nil {
		return nil, errors.WithMessage(err, "datasets: loader")
	}
	c, err := config.withDefaults(d)
	if err != nil {
		return nil, err
	}
	l := &Loader{data: d, config: c, share: share, tables: newTables(c.Mean, c.Std), count: share.batches(), err: ErrNotStarted}
	l.idle = [][]*slot{l.newSlots()}
	return l, nil
}

// String writes the loader in a line: its data set, its batches, and what its order depends on.
func (l *Loader) String() string {
	return fmt.Sprintf("%v; %s", l.data, batchesText(l.count, l.config.Batch, l.config.Shuffle, l.config.Seed))
}

// batchesText says what batches a pass has.
func batchesText(count, size int, shuffle bool, seed uint64) string {
	order := "in order"
	if shuffle {
		order = fmt.Sprintf("shuffled with seed %d", seed)
	}
	return fmt.Sprintf("%d batches of %d, %s", count, size, order)
}

// batchShape is the shape of a tensor of n images.
func (l *Loader) batchShape(n int) tensor.Shape {
	s := l.data.shape
	if l.config.Flat {
		return tensor.Shape{n, s.Size()}
	}
	return tensor.Shape{n, s.Channels, s.Height, s.Width}
}

// Len is the number of batches in a pass, the same on all ranks.
func (l *Loader) Len() int { return l.count }

// Ranks returns which of how many processes the loader's part is for.
func (l *Loader) Ranks() (rank, ranks int) { return l.share.rank, l.share.ranks }

// Pass begins a pass of its own, number epoch from 0, at its batch number first: those before it are left out, the others
// are those of Start(epoch). Close it to let other passes use its buffers.
func (l *Loader) Pass(epoch, first int) (Pass, error) {
	if err := l.checkPass(epoch, first); err != nil {
		return nil, err
	}
	p, err := l.newPass(epoch, first)
	if err != nil {
		return nil, err // not p: an interface with a nil pointer is not nil
	}
	return p, nil
}

// Start begins pass number epoch, which may be any number from 0, in any order and more than once. The pass before it,
// finished or not, is over, and its last batch no longer valid.
func (l *Loader) Start(epoch int) error {
	if err := l.checkPass(epoch, 0); err != nil {
		return err
	}
	l.end()
	p, err := l.newPass(epoch, 0)
	if err != nil {
		return err
	}
	l.mu.Lock() // passes that begin on other goroutines ask for err
	l.own, l.err = p, nil
	l.mu.Unlock()
	return nil
}

// checkPass reports what is wrong with a pass from batch number first on.
func (l *Loader) checkPass(epoch, first int) error {
	if epoch < 0 {
		return errors.Errorf("datasets: loader: pass %d, not at least 0", epoch)
	}
	if first < 0 || first > l.count {
		return errors.Errorf("datasets: loader: batch %d of a pass of %d", first, l.count)
	}
	return nil
}

// Next moves on to the next batch and reports whether there is one.
func (l *Loader) Next() bool { return l.own != nil && l.own.Next() }

// Images is the batch, of shape (n, C, H, W), or (n, C*H*W) when the configuration says Flat. It is nil before the first
// Next and after the last.
//
// The tensor is the loader's own and valid until the next Next, Start or Close.
func (l *Loader) Images() *tensor.Dense {
	if l.own == nil {
		return nil
	}
	return l.own.Images()
}

// Labels are the classes of the n images of the batch, valid as long as Images.
func (l *Loader) Labels() []int {
	if l.own == nil {
		return nil
	}
	return l.own.Labels()
}

// Valid is the number of images of the batch, its first, that the pass has not shown before, on any rank: n, except for a
// last batch that has been filled up.
func (l *Loader) Valid() int {
	if l.own == nil {
		return 0
	}
	return l.own.Valid()
}

// Whole reports whether the batches of all ranks together are Ranks times Batch images, or have been filled up to that by
// LastPad. It is the same on all ranks.
func (l *Loader) Whole() bool { return l.own != nil && l.own.Whole() }

// Err is why Next returned false, when that was not the end of the pass: ErrNotStarted or ErrClosed.
func (l *Loader) Err() error { return l.err }

// Close waits for the batch in preparation and lets go of the buffers. It may be called more than once; it is always nil.
// Passes that Pass has made go on.
func (l *Loader) Close() error {
	l.end()
	l.mu.Lock()
	l.err, l.idle = ErrClosed, nil
	l.mu.Unlock()
	return nil
}

// end ends the loader's own pass.
func (l *Loader) end() {
	if l.own != nil {
		_ = l.own.Close() // nil always
		l.own = nil
	}
}
