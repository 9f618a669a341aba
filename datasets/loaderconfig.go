package datasets

import (
	"math"
	"slices"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

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
