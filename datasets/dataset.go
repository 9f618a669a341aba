package datasets

import (
	"fmt"
	"math"
	"slices"

	"github.com/pkg/errors"
)

// A Shape is the shape of one image.
type Shape struct {
	Channels, Height, Width int // 1, 28, 28 for MNIST, 3, 32, 32 for CIFAR
}

// Size returns the number of values in one image.
func (s Shape) Size() int { return s.Channels * s.Height * s.Width }

// String formats the shape as "3x32x32".
func (s Shape) String() string {
	return fmt.Sprintf("%dx%dx%d", s.Channels, s.Height, s.Width)
}

// A Dataset is a list of labelled images of one shape. It is immutable: Subset, Split and WithLabelNoise return new data
// sets that share the pixels.
type Dataset struct {
	name    string
	shape   Shape
	classes []string
	images  [][]byte // each of shape.Size() bytes, channel by channel, row by row
	labels  []int
	mean    []float64 // by channel, of pixels in [0, 1]
	std     []float64
}

// New makes a data set from images in memory. pixels holds the images one after the other, (N, C, H, W), and is not copied.
// labels[i] is the class of image i, an index into classes.
//
// The normalisation constants are the data set's own Moments.
func New(name string, shape Shape, classes []string, pixels []byte, labels []int) (*Dataset, error) {
	d, err := newDataset(name, shape, classes, pixels, labels)
	if err != nil {
		return nil, errors.WithMessagef(err, "datasets: %s", name)
	}
	d.mean, d.std = d.Moments()
	return d, nil
}

// newDataset is New without the normalisation constants.
func newDataset(name string, shape Shape, classes []string, pixels []byte, labels []int) (*Dataset, error) {
	if shape.Channels < 1 || shape.Height < 1 || shape.Width < 1 {
		return nil, errors.Errorf("shape %v has an empty side", shape)
	}
	if shape.Channels > math.MaxInt/shape.Height/shape.Width {
		return nil, errors.Errorf("shape %v has more than %d pixels", shape, math.MaxInt)
	}
	if size := shape.Size(); len(pixels)%size != 0 || len(pixels)/size != len(labels) {
		return nil, errors.Wrapf(ErrFormat, "%d bytes of pixels for %d labels and images of shape %v",
			len(pixels), len(labels), shape)
	}
	for i, label := range labels {
		if label < 0 || label >= len(classes) {
			return nil, errors.Wrapf(ErrFormat, "label %d of image %d is not one of %d classes",
				label, i, len(classes))
		}
	}
	return &Dataset{
		name:    name,
		shape:   shape,
		classes: slices.Clone(classes),
		images:  slices.Collect(slices.Chunk(pixels, shape.Size())),
		labels:  slices.Clone(labels),
	}, nil
}

// Name returns the name of the data set, such as "Fashion-MNIST train".
func (d *Dataset) Name() string { return d.name }

// Len returns the number of images.
func (d *Dataset) Len() int { return len(d.images) }

// Shape returns the shape of each image.
func (d *Dataset) Shape() Shape { return d.shape }

// Classes returns the names of the classes, indexed by label.
func (d *Dataset) Classes() []string { return slices.Clone(d.classes) }

// Pixels returns the bytes of image i, channel by channel and row by row. They belong to the data set: do not modify them.
func (d *Dataset) Pixels(i int) []byte { return d.images[i] }

// Label returns the class of image i.
func (d *Dataset) Label(i int) int { return d.labels[i] }

// Labels returns the classes of all images, in order.
func (d *Dataset) Labels() []int { return slices.Clone(d.labels) }

// Counts returns the number of images of each class.
func (d *Dataset) Counts() []int {
	counts := make([]int, len(d.classes))
	for _, label := range d.labels {
		counts[label]++
	}
	return counts
}

// String describes the data set in a line: name, size, shape and number of classes.
func (d *Dataset) String() string {
	return fmt.Sprintf("%s: %d images of %v, %d classes", d.name, d.Len(), d.shape, len(d.classes))
}

// A Split names one of the two parts in which data sets are published.
type Split int

// The parts.
const (
	Train Split = iota // the images to train on
	Test               // the images to test on
)

// String returns "train" or "test".
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Test:
		return "test"
	default:
		return "unknown split"
	}
}

func errBadSplit(s Split) error {
	return errors.Errorf("split %d is neither Train nor Test", s)
}
