package datasets

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// A Loader serves the images of a data set in batches, pass after pass:
//
//	for epoch := range epochs {
//		if err := loader.Start(epoch); err != nil { ... }
//		for loader.Next() {
//			use(loader.Images(), loader.Labels())
//		}
//		if err := loader.Err(); err != nil { ... }
//	}
//
// The order and the augmentation are a function of the seed and the number of the pass. While one batch is in use, the next
// is prepared on another goroutine, which ends when the batch is ready. It is safe to abandon a pass half way, or to drop a
// Loader without Close: nothing leaks.
//
// Start begins the loader's own pass, which is for one goroutine at a time. Pass begins independent passes, any number at
// once.
type Loader struct {
	data   *Dataset
	config LoaderConfig // defaults filled in
	share  share
	tables *tables
	count  int // batches per pass

	own *pass // the pass of Start, nil before
	err error // ErrNotStarted or ErrClosed

	mu   sync.Mutex
	idle [][]*slot // buffers of passes that have ended
}

// Loader returns a loader of the data set. No batch is prepared before the first pass. The error names the setting that is
// out of range.
func (d *Dataset) Loader(config LoaderConfig) (*Loader, error) {
	share, err := newShare(d.Len(), config.Batch, config.Last, config.Rank, config.Ranks)
	if err == nil {
		err = share.check(d.shape.Size())
	}
	if err != nil {
		return nil, errors.WithMessage(err, "datasets: loader")
	}
	c, err := config.withDefaults(d)
	if err != nil {
		return nil, err
	}
	l := &Loader{data: d, config: c, share: share, tables: newTables(c.Mean, c.Std), count: share.batches(), err: ErrNotStarted}
	l.config.Workers = min(c.Workers, max(l.count, 1)) // more would have nothing to do
	if err := l.tables.check(c.Dtype); err != nil {
		return nil, err
	}
	l.idle = [][]*slot{l.newSlots()}
	return l, nil
}

// String describes the loader in a line: its data set, its batches, and what determines their order.
func (l *Loader) String() string {
	return fmt.Sprintf("%v; %s", l.data, batchesText(l.count, l.config.Batch, l.config.Shuffle, l.config.Seed))
}

// batchesText describes the batches of a pass.
func batchesText(count, size int, shuffle bool, seed uint64) string {
	order := "in order"
	if shuffle {
		order = fmt.Sprintf("shuffled with seed %d", seed)
	}
	return fmt.Sprintf("%d batches of %d, %s", count, size, order)
}

// batchShape returns the shape of a tensor of n images.
func (l *Loader) batchShape(n int) tensor.Shape {
	s := l.data.shape
	if l.config.Flat {
		return tensor.Shape{n, s.Size()}
	}
	return tensor.Shape{n, s.Channels, s.Height, s.Width}
}

// Len returns the number of batches per pass, which is the same on all ranks.
func (l *Loader) Len() int { return l.count }

// Ranks returns the rank that the loader serves and the number of ranks.
func (l *Loader) Ranks() (rank, ranks int) { return l.share.rank, l.share.ranks }

// Pass begins an independent pass over the batches of Start(epoch), from batch number first on; both count from 0. Close it
// so that other passes can reuse its buffers.
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

// Start begins pass number epoch, counting from 0. Passes may be run in any order and repeatedly. Start ends the previous
// pass, finished or not, and invalidates its last batch.
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

// checkPass reports whether pass number epoch can begin at batch number first.
func (l *Loader) checkPass(epoch, first int) error {
	if epoch < 0 {
		return errors.Errorf("datasets: loader: pass %d is negative", epoch)
	}
	if first < 0 || first > l.count {
		return errors.Errorf("datasets: loader: batch %d of a pass of %d", first, l.count)
	}
	return nil
}

// Next advances to the next batch and reports whether there is one.
func (l *Loader) Next() bool { return l.own != nil && l.own.Next() }

// Images returns the batch, of shape (n, C, H, W), or (n, C*H*W) with Flat. It is nil before the first Next and after the
// last.
//
// The tensor belongs to the loader and is valid until the next call of Next, Start or Close.
func (l *Loader) Images() *tensor.Dense {
	if l.own == nil {
		return nil
	}
	return l.own.Images()
}

// Labels returns the classes of the n images of the batch, valid as long as Images.
func (l *Loader) Labels() []int {
	if l.own == nil {
		return nil
	}
	return l.own.Labels()
}

// Valid returns how many of the batch's n images are new in this pass, on any rank; they come first. It is n except for a
// last batch that was padded.
func (l *Loader) Valid() int {
	if l.own == nil {
		return 0
	}
	return l.own.Valid()
}

// Whole reports whether the batches of all ranks together hold Ranks times Batch images, or were padded to that by LastPad.
// It is the same on all ranks.
func (l *Loader) Whole() bool { return l.own != nil && l.own.Whole() }

// Err returns why Next returned false, unless it was the end of the pass: ErrNotStarted or ErrClosed.
func (l *Loader) Err() error { return l.err }

// Close waits for the batch in preparation and releases the buffers. It may be called more than once and always returns nil.
// Passes begun by Pass continue.
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
		_ = l.own.Close() // always nil
		l.own = nil
	}
}

// A Last says what happens to the images that do not fill the last batch.
type Last int

// The choices.
const (
	LastShort Last = iota // they make a shorter batch
	LastDrop              // they are left out of the pass
	LastPad               // they make a full batch with images from the beginning of the pass
)

// A LoaderConfig says how a Loader makes batches. Only Batch is required.
type LoaderConfig struct {
	// Batch is the number of images per batch, at least 1. A data set with fewer images gives one short batch, or none with
	// LastDrop.
	Batch int

	// Shuffle serves the images in a different order in every pass. By default they come in the order of the data set.
	Shuffle bool

	// Seed determines, together with the number of the pass, every random choice.
	Seed uint64

	// Last says what happens to an incomplete last batch. By default it is served short.
	Last Last

	// Flat makes batches of shape (n, C*H*W) instead of (n, C, H, W).
	Flat bool

	// Dtype is tensor.Float32 (the default) or tensor.Float64.
	Dtype tensor.Dtype

	// Mean and Std, one number per channel, normalise the images: a pixel byte p becomes (p/255 - Mean) / Std. By default they
	// are the data set's Normalisation. Mean 0 with Std 1 gives pixels in [0, 1].
	Mean, Std []float64

	// Augment changes the images at random. By default they are left as they are.
	Augment Augmentation

	// Workers is the number of batches prepared ahead, each on its own goroutine. It affects speed only. By default it is 1.
	Workers int

	// Rank and Ranks divide each pass among Ranks processes that train one network together; this process is number Rank,
	// counting from 0. Together their batches are those of one process with Ranks times the Batch, image for image,
	// augmentation included: rank 0 has the first part of each. All ranks get the same number of batches, of the same sizes.
	// They share a short last batch equally; if it cannot be divided, the batches of the last ranks are padded as by LastPad,
	// which Valid shows. By default there is one process.
	Rank, Ranks int
}

// withDefaults checks the configuration for loading d and fills in the defaults.
func (c LoaderConfig) withDefaults(d *Dataset) (LoaderConfig, error) {
	if c.Workers < 0 {
		return c, errors.Errorf("datasets: loader: Workers is %d", c.Workers)
	}
	if c.Workers == 0 {
		c.Workers = 1
	}
	if err := c.Augment.check(d.shape); err != nil {
		return c, err
	}
	switch c.Dtype {
	case tensor.Dtype{}:
		c.Dtype = tensor.Float32
	case tensor.Float32, tensor.Float64:
	default:
		return c, errors.Errorf("datasets: loader: Dtype is %v, not float32 or float64", c.Dtype)
	}
	return c.withNormalisation(d)
}

func (c LoaderConfig) withNormalisation(d *Dataset) (LoaderConfig, error) {
	mean, std := d.Normalisation()
	if c.Mean != nil {
		mean = slices.Clone(c.Mean)
	}
	if c.Std != nil {
		std = slices.Clone(c.Std)
	}
	if len(mean) != d.shape.Channels || len(std) != d.shape.Channels {
		return c, errors.Errorf("datasets: loader: %d numbers in Mean and %d in Std for images of %v",
			len(mean), len(std), d.shape)
	}
	for i := range mean {
		if math.IsNaN(mean[i]) || math.IsInf(mean[i], 0) {
			return c, errors.Errorf("datasets: loader: Mean[%d] is %v", i, mean[i])
		}
		if !(std[i] > 0) || math.IsInf(std[i], 1) {
			return c, errors.Errorf("datasets: loader: Std[%d] is %v, not positive", i, std[i])
		}
	}
	c.Mean, c.Std = mean, std
	return c, nil
}
