package datasets

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
)

// A Shape is the shape of one image.
type Shape struct {
	Channels, Height, Width int // 1, 28, 28 for a grey image of MNIST, 3, 32, 32 for a colour one of CIFAR
}

// Size is the number of values of one image.
func (s Shape) Size() int { return s.Channels * s.Height * s.Width }

// String writes the shape as 3x32x32.
func (s Shape) String() string {
	return fmt.Sprintf("%dx%dx%d", s.Channels, s.Height, s.Width)
}

// A Dataset is a list of labelled images of one shape. It does not change after it is made: Subset, Split and WithLabelNoise
// return new data sets, which share the pixels of the old one.
type Dataset struct {
	name    string
	shape   Shape
	classes []string
	images  [][]byte // each of shape.Size() bytes, channel by channel, row by row
	labels  []int
	mean    []float64 // by channel, of pixels in [0, 1]
	std     []float64
}

// New makes a data set of images that are already in memory. pixels holds one image after the other, each channel by channel
// and row by row (N, C, H, W), and is not copied; labels[i] is the index into classes of image i.
//
// The constants of normalisation are the set's own Moments.
func New(name string, shape Shape, classes []string, pixels []byte, labels []int) (*Dataset, error) {
	d, err := newDataset(name, shape, classes, pixels, labels)
	if err != nil {
		return nil, errors.WithMessagef(err, "datasets: %s", name)
	}
	d.mean, d.std = d.Moments()
	return d, nil
}

// newDataset is New without the constants of normalisation.
func newDataset(name string, shape Shape, classes []string, pixels []byte, labels []int) (*Dataset, error) {
	if shape.Channels < 1 || shape.Height < 1 || shape.Width < 1 {
		return nil, errors.Errorf("shape %v has an empty side", shape)
	}
	if len(pixels) != len(labels)*shape.Size() {
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

// Name is the name of the data set, such as "Fashion-MNIST train".
func (d *Dataset) Name() string { return d.name }

// Len is the number of images.
func (d *Dataset) Len() int { return len(d.images) }

// Shape is the shape of each image.
func (d *Dataset) Shape() Shape { return d.shape }

// Classes are the names of the classes, in the order of the labels.
func (d *Dataset) Classes() []string { return slices.Clone(d.classes) }

// Pixels are the bytes of image i, channel by channel and row by row. They are the data set's own: do not write to them.
func (d *Dataset) Pixels(i int) []byte { return d.images[i] }

// Label is the class of image i.
func (d *Dataset) Label(i int) int { return d.labels[i] }

// Labels are the classes of all images, in their order.
func (d *Dataset) Labels() []int { return slices.Clone(d.labels) }

// Counts is the number of images of each class.
func (d *Dataset) Counts() []int {
	counts := make([]int, len(d.classes))
	for _, label := range d.labels {
		counts[label]++
	}
	return counts
}

// String writes the data set in a line: name, size, shape and classes.
func (d *Dataset) String() string {
	return fmt.Sprintf("%s: %d images of %v, %d classes", d.name, d.Len(), d.shape, len(d.classes))
}

// A Split names one of the two parts in which the data sets are published.
type Split int

// The parts.
const (
	Train Split = iota // the images to learn from
	Test               // the images to measure with
)

// String is "train" or "test".
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
