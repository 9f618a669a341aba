package datasets

import (
	"math"
	"slices"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// tables holds the normalised value of each of the 256 pixel bytes, by channel.
type tables struct {
	float32 [][256]float32
	float64 [][256]float64
}

// newTables tabulates (p/255 - mean) / std, computed in float64 and, for float32, rounded once.
func newTables(mean, std []float64) *tables {
	t := &tables{
		float32: make([][256]float32, len(mean)),
		float64: make([][256]float64, len(mean)),
	}
	for c := range mean {
		for p := range 256 {
			x := (float64(p)/255 - mean[c]) / std[c]
			t.float32[c][p] = float32(x)
			t.float64[c][p] = x
		}
	}
	return t
}

// check returns an error if a normalised pixel is infinite in the dtype. Values are extreme at bytes 0 and 255.
func (t *tables) check(dtype tensor.Dtype) error {
	for c := range t.float64 {
		for _, p := range []int{0, 255} {
			x := t.float64[c][p]
			if dtype == tensor.Float32 {
				x = float64(t.float32[c][p])
			}
			if math.IsInf(x, 0) {
				return errors.Errorf("datasets: loader: Mean[%d] and Std[%d] make the pixel %d %v in %v", c, c, p, x, dtype)
			}
		}
	}
	return nil
}

// convert writes the normalised pixels of one image, which has len(tables) channels.
func convert[T float32 | float64](dst []T, pixels []byte, tables [][256]T) {
	plane := len(pixels) / len(tables)
	for c := range tables {
		table := &tables[c]
		from := pixels[c*plane : (c+1)*plane]
		to := dst[c*plane:][:len(from)]
		for i, p := range from {
			to[i] = table[p]
		}
	}
}

// Normalisation returns the mean and standard deviation of each channel, for pixels in [0, 1], that a Loader uses by
// default. They are the constants in common use for MNIST (0.1307, 0.3081), Fashion-MNIST (0.2860, 0.3530), CIFAR-10 and
// CIFAR-100, fixed numbers for Digits, and the Moments of a data set made by New. Subsets keep those of their parent.
func (d *Dataset) Normalisation() (mean, std []float64) {
	return slices.Clone(d.mean), slices.Clone(d.std)
}

// Moments computes the mean and standard deviation of each channel over all pixels of all images, for pixels in [0, 1]. The
// standard deviation of an empty data set or a constant channel is given as 1, so that it can always be divided by.
func (d *Dataset) Moments() (mean, std []float64) {
	mean = make([]float64, d.shape.Channels)
	std = make([]float64, d.shape.Channels)
	plane := d.shape.Height * d.shape.Width
	for c := range mean {
		var counts [256]int
		for _, image := range d.images {
			for _, p := range image[c*plane : (c+1)*plane] {
				counts[p]++
			}
		}
		mean[c], std[c] = histogramMoments(&counts)
	}
	return mean, std
}

// histogramMoments returns the mean and standard deviation of pixels/255, where counts[p] is the number of pixels p. The
// sums are exact integers, so the result does not depend on the order of images.
func histogramMoments(counts *[256]int) (mean, std float64) {
	var n, sum, squares int
	for p, count := range counts {
		n += count
		sum += count * p
		squares += count * p * p
	}
	if n == 0 {
		return 0, 1
	}
	mean = float64(sum) / float64(n)
	variance := float64(squares)/float64(n) - float64(mean*mean)
	if variance <= 0 {
		return mean / 255, 1
	}
	return mean / 255, math.Sqrt(variance) / 255
}
