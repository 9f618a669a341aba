package datasets

import (
	"math"
	"slices"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// A Last says what becomes of the images that do not fill the last batch.
type Last int

// What may become of them.
const (
	LastShort Last = iota // a batch of fewer images
	LastDrop              // they are left out of the pass
	LastPad               // a full batch, filled up with images from the beginning of the pass
)

// A LoaderConfig says how a Loader makes batches. Only Batch has to be set.
type LoaderConfig struct {
	// Batch is the number of images of a batch, at least 1. A data set of fewer images gives short batches, or with LastDrop
	// none.
	Batch int

	// Shuffle deals the images in another order in every pass. By default they come in the order of the data set.
	Shuffle bool

	// Seed determines, with the number of the pass, every random choice.
	Seed uint64

	// Last says what becomes of a last batch that is not full. By default it is short.
	Last Last

	// Flat gives batches of shape (n, C*H*W) instead of (n, C, H, W).
	Flat bool

	// Dtype is tensor.Float32 (the default) or tensor.Float64.
	Dtype tensor.Dtype

	// Mean and Std, one number a channel, normalise the images: a pixel byte p becomes (p/255 - Mean) / Std. By default they
	// are the data set's Normalisation. Mean 0 with Std 1 gives pixels in [0, 1].
	Mean, Std []float64

	// Augment changes the images at random. By default it does not.
	Augment Augmentation

	// Workers is the number of batches that are prepared ahead, each on a goroutine of its own. It changes the speed and
	// nothing else. By default 1.
	Workers int

	// Rank and Ranks share each pass among Ranks processes that train one network together, of which this is number Rank, from
	// 0. Together they get the batches of one process with Ranks times the Batch, image for image, augmentation included: the
	// first part of each is that of rank 0. All get equally many batches, and of the same sizes. Of a last one that is short,
	// the ranks get equal parts; where they do not come out even, the batches of the last ranks are filled up as by LastPad,
	// and Valid says so. By default there is one process.
	Rank, Ranks int
}

// withDefaults checks the configuration for loading d and fills in what is not set.
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
