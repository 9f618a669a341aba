package datasets

import (
	"io"
	"slices"

	"github.com/layernoise/layernoise/internal/gunzip"
	"github.com/pkg/errors"
)

// cifarShape is the shape of the images of CIFAR-10 and CIFAR-100.
var cifarShape = Shape{Channels: 3, Height: 32, Width: 32}

// CIFAR is the contents of a binary file of CIFAR-10 or CIFAR-100.
type CIFAR struct {
	Images [][]byte // each of 3072 bytes: red, green, blue, row by row
	Labels []int    // the class of each image
	Coarse []int    // CIFAR-100: the superclass of each image; CIFAR-10: nil
}

// ReadCIFAR10 decodes all of r, any number of records in the binary format of CIFAR-10, plain or gzip-compressed. A record
// is a label byte and 3072 bytes of pixels. The error is io.ErrUnexpectedEOF if r ends within a record or has none, and
// ErrFormat for a label above 9. A file truncated between two records cannot be told from a shorter one.
func ReadCIFAR10(r io.Reader) (*CIFAR, error) {
	x, err := cifar10Format.read(r)
	if err != nil {
		return nil, errors.WithMessage(err, "datasets")
	}
	return x, nil
}

// ReadCIFAR100 is ReadCIFAR10 for CIFAR-100, whose records have two label bytes: the superclass, below 20, and the class,
// below 100.
func ReadCIFAR100(r io.Reader) (*CIFAR, error) {
	x, err := cifar100Format.read(r)
	if err != nil {
		return nil, errors.WithMessage(err, "datasets")
	}
	return x, nil
}

// WriteCIFAR10 encodes x, uncompressed. If x does not fit the format, the error is ErrFormat and nothing is written.
func WriteCIFAR10(w io.Writer, x *CIFAR) error {
	if err := cifar10Format.write(w, x); err != nil {
		return errors.WithMessage(err, "datasets")
	}
	return nil
}

// WriteCIFAR100 is WriteCIFAR10 for CIFAR-100. x.Coarse must have a superclass for each image.
func WriteCIFAR100(w io.Writer, x *CIFAR) error {
	if err := cifar100Format.write(w, x); err != nil {
		return errors.WithMessage(err, "datasets")
	}
	return nil
}

// A cifarFormat is a record layout: label bytes, then the pixels.
type cifarFormat struct {
	name    string
	classes []int // number of classes for each label byte; the class comes last
}

var (
	cifar10Format  = cifarFormat{name: "cifar-10", classes: []int{10}}
	cifar100Format = cifarFormat{name: "cifar-100", classes: []int{20, 100}}
)

// Records are read in chunks of doubling size. The images point into the chunks, so pixels are not copied.
const (
	firstRecords = 4
	mostRecords  = 512
)

func (f cifarFormat) read(r io.Reader) (*CIFAR, error) {
	plain, err := gunzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	x := new(CIFAR)
	size := len(f.classes) + cifarShape.Size()
	for chunkRecords := firstRecords; ; chunkRecords = min(2*chunkRecords, mostRecords) {
		chunk := make([]byte, chunkRecords*size)
		n, err := readUpTo(plain, chunk)
		if err != nil {
			return nil, errors.WithMessage(err, f.name)
		}
		if n%size != 0 || n+len(x.Images) == 0 {
			return nil, errors.Wrapf(io.ErrUnexpectedEOF, "%s: %d bytes of record %d",
				f.name, n%size, len(x.Images)+n/size)
		}
		for record := range slices.Chunk(chunk[:n], size) {
			if err := f.decode(x, record); err != nil {
				return nil, err
			}
		}
		if n < len(chunk) {
			return x, nil
		}
	}
}

// decode appends one record to x.
func (f cifarFormat) decode(x *CIFAR, record []byte) error {
	labels, pixels := record[:len(f.classes)], record[len(f.classes):]
	for i, label := range labels {
		if int(label) >= f.classes[i] {
			return errors.Wrapf(ErrFormat, "%s: label %d of image %d is not below %d",
				f.name, label, len(x.Images), f.classes[i])
		}
	}
	x.Images = append(x.Images, pixels)
	x.Labels = append(x.Labels, int(labels[len(labels)-1]))
	if len(labels) == 2 {
		x.Coarse = append(x.Coarse, int(labels[0]))
	}
	return nil
}

func (f cifarFormat) write(w io.Writer, x *CIFAR) error {
	labels := [][]int{x.Coarse, x.Labels}[2-len(f.classes):]
	if err := f.check(x, labels); err != nil {
		return err
	}
	for i, image := range x.Images {
		record := make([]byte, 0, len(labels)+len(image))
		for _, of := range labels {
			record = append(record, byte(of[i]))
		}
		if _, err := w.Write(append(record, image...)); err != nil {
			return errors.Wrapf(err, "%s: write", f.name)
		}
	}
	return nil
}

// check reports whether x fits the format.
func (f cifarFormat) check(x *CIFAR, labels [][]int) error {
	for kind, of := range labels {
		if len(of) != len(x.Images) {
			return errors.Wrapf(ErrFormat, "%s: %d labels for %d images", f.name, len(of), len(x.Images))
		}
		for i, label := range of {
			if label < 0 || label >= f.classes[kind] {
				return errors.Wrapf(ErrFormat, "%s: label %d of image %d is not below %d", f.name, label, i, f.classes[kind])
			}
		}
	}
	for i, image := range x.Images {
		if len(image) != cifarShape.Size() {
			return errors.Wrapf(ErrFormat, "%s: image %d of %d bytes, not of shape %v", f.name, i, len(image), cifarShape)
		}
	}
	return nil
}
