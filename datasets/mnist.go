package datasets

import (
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/layernoise/layernoise/internal/fetch"
	"github.com/layernoise/layernoise/internal/gunzip"
	"github.com/pkg/errors"
)

// mnistShape is the shape of the images of MNIST and Fashion-MNIST.
var mnistShape = Shape{Channels: 1, Height: 28, Width: 28}

// An idxSet is a data set published as four IDX files.
type idxSet struct {
	name      string
	bases     []string // where it is published
	files     map[string]fetch.File
	folders   []string // subfolders that may hold the files
	classes   []string
	mean, std float64
}

var mnist = idxSet{
	name:    "MNIST",
	bases:   mnistBases,
	files:   mnistFiles,
	folders: []string{".", "raw", "MNIST/raw", "mnist"},
	classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	mean:    0.1307,
	std:     0.3081,
}

var fashionMNIST = idxSet{
	name:    "Fashion-MNIST",
	bases:   fashionMNISTBases,
	files:   fashionMNISTFiles,
	folders: []string{".", "raw", "FashionMNIST/raw", "fashion-mnist", "fashion"},
	classes: []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
		"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
	mean: 0.2860,
	std:  0.3530,
}

// MNIST reads MNIST: handwritten digits, 60,000 for training and 10,000 for testing, 28x28 grey.
//
// dir is a folder that holds the official files (train-images-idx3-ubyte and so on), plain or gzip-compressed, directly or
// in a subfolder raw, MNIST/raw (torchvision) or mnist. If they are in none of these, the error is ErrNotFound; nothing is
// downloaded without WithDownload.
//
// Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, Proceedings of the
// IEEE 86 (11), 1998.
func MNIST(dir string, split Split, opts ...Option) (*Dataset, error) {
	return mnist.open(dir, split, opts)
}

// FashionMNIST reads Fashion-MNIST: pictures of clothes, 60,000 for training and 10,000 for testing, 28x28 grey.
//
// dir is a folder that holds the official files (train-images-idx3-ubyte and so on), plain or gzip-compressed, directly or
// in a subfolder raw, FashionMNIST/raw (torchvision), fashion-mnist (Keras) or fashion. If they are in none of these, the
// error is ErrNotFound; nothing is downloaded without WithDownload.
//
// H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms, 2017,
// https://arxiv.org/abs/1708.07747.
func FashionMNIST(dir string, split Split, opts ...Option) (*Dataset, error) {
	return fashionMNIST.open(dir, split, opts)
}

func (s *idxSet) open(dir string, split Split, opts []Option) (*Dataset, error) {
	d, err := s.load(dir, split, opts)
	if err != nil {
		return nil, errors.WithMessagef(err, "datasets: %s", s.name)
	}
	return d, nil
}

func (s *idxSet) load(dir string, split Split, opts []Option) (*Dataset, error) {
	prefix, ok := idxPrefixes[split]
	if !ok {
		return nil, errBadSplit(split)
	}
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	images, err := s.read(o, dir, prefix+"-images-idx3-ubyte")
	if err != nil {
		return nil, err
	}
	labels, err := s.read(o, dir, prefix+"-labels-idx1-ubyte")
	if err != nil {
		return nil, err
	}
	return s.assemble(s.name+" "+split.String(), images, labels)
}

// idxPrefixes holds the prefix of the names of each split's files.
var idxPrefixes = map[Split]string{Train: "train", Test: "t10k"}

// read obtains and decodes the file of the given official name, compressed or not. Some tools unpack it under a name with a
// dot (train-images.idx3-ubyte).
func (s *idxSet) read(o *options, dir, name string) (*IDX, error) {
	dotted := strings.Replace(name, "-idx", ".idx", 1)
	search := func() (string, error) {
		return find(dir, s.folders, []string{name, name + ".gz", dotted, dotted + ".gz"})
	}
	path, err := o.obtain(search, dir, s.bases, s.files[name])
	if err != nil {
		return nil, err
	}
	return readPath(path, readIDX)
}

// assemble makes the data set from the images file and the labels file.
func (s *idxSet) assemble(name string, images, labels *IDX) (*Dataset, error) {
	shape := mnistShape
	if len(images.Dims) != 3 || images.Dims[1] != shape.Height || images.Dims[2] != shape.Width {
		return nil, errors.Wrapf(ErrFormat, "images have dimensions %v, not N, 28, 28", images.Dims)
	}
	if len(labels.Dims) != 1 {
		return nil, errors.Wrapf(ErrFormat, "labels have dimensions %v, not N", labels.Dims)
	}
	d, err := newDataset(name, shape, s.classes, images.Data, intsOf(labels.Data))
	if err != nil {
		return nil, err
	}
	d.mean, d.std = []float64{s.mean}, []float64{s.std}
	return d, nil
}

func intsOf(bytes []byte) []int {
	ints := make([]int, len(bytes))
	for i, b := range bytes {
		ints[i] = int(b)
	}
	return ints
}

// idxUnsignedByte is the type code of unsigned bytes, the only supported element type.
const idxUnsignedByte = 0x08

// An IDX is the contents of a file in the format of MNIST: an array of unsigned bytes with any number of dimensions, the
// last one varying fastest. Labels have one dimension (N), images three (N, H, W).
//
// The format is described at the bottom of http://yann.lecun.com/exdb/mnist/: two zero bytes, the element type (0x08,
// unsigned byte), the number of dimensions, each dimension as a big-endian 32-bit integer, the data.
type IDX struct {
	Dims []int  // the slowest-varying first
	Data []byte // all elements, as many as the product of Dims
}

// ReadIDX decodes all of r, an IDX file, plain or gzip-compressed. The error is io.ErrUnexpectedEOF if r ends before the
// last element, and ErrFormat or an error of package gzip for any other defect, trailing bytes included. Memory is allocated
// as data arrives, not as the header demands.
func ReadIDX(r io.Reader) (*IDX, error) {
	x, err := readIDX(r)
	if err != nil {
		return nil, errors.WithMessage(err, "datasets: idx")
	}
	return x, nil
}

func readIDX(r io.Reader) (*IDX, error) {
	r, err := gunzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	var magic [4]byte
	if err := readFull(r, magic[:]); err != nil {
		return nil, err
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, errors.Wrapf(ErrFormat, "magic number % x", magic)
	}
	if magic[2] != idxUnsignedByte {
		return nil, errors.Wrapf(ErrFormat, "element type %#02x is not unsigned byte (%#02x)", magic[2], idxUnsignedByte)
	}
	dims, size, err := readDims(r, int(magic[3]))
	if err != nil {
		return nil, err
	}
	data, err := readN(r, size)
	if err != nil {
		return nil, err
	}
	if err := readEOF(r); err != nil {
		return nil, err
	}
	return &IDX{Dims: dims, Data: data}, nil
}

// readDims reads n dimensions and returns them and their product.
func readDims(r io.Reader, n int) (dims []int, size int, err error) {
	raw := make([]byte, 4*n)
	if err := readFull(r, raw); err != nil {
		return nil, 0, err
	}
	dims = make([]int, n)
	for i := range dims {
		dims[i] = int(int32(binary.BigEndian.Uint32(raw[4*i:])))
	}
	size, err = idxSize(dims)
	return dims, size, err
}

// idxSize returns the number of elements of an array with the given dimensions, or ErrFormat if the format or an int cannot
// hold them.
func idxSize(dims []int) (int, error) {
	size := 1
	for i, d := range dims {
		if d < 0 || d > math.MaxInt32 {
			return 0, errors.Wrapf(ErrFormat, "dimension %d is %d", i, d)
		}
		if d > 0 && size > math.MaxInt/d {
			return 0, errors.Wrapf(ErrFormat, "dimensions %v hold too many elements", dims)
		}
		size *= d
	}
	return size, nil
}

// WriteIDX encodes x, uncompressed; wrap w in a gzip.Writer to compress. The error is ErrFormat if the number of elements is
// not the product of the dimensions or does not fit the format.
func WriteIDX(w io.Writer, x *IDX) error {
	size, err := idxSize(x.Dims)
	if err != nil {
		return errors.WithMessage(err, "datasets: idx")
	}
	if size != len(x.Data) || len(x.Dims) > math.MaxUint8 {
		return errors.Wrapf(ErrFormat, "datasets: idx: %d dimensions %v for %d bytes", len(x.Dims), x.Dims, len(x.Data))
	}
	header := []byte{0, 0, idxUnsignedByte, byte(len(x.Dims))}
	for _, d := range x.Dims {
		header = binary.BigEndian.AppendUint32(header, uint32(d))
	}
	if _, err := w.Write(header); err != nil {
		return errors.Wrap(err, "datasets: idx: write")
	}
	if _, err := w.Write(x.Data); err != nil {
		return errors.Wrap(err, "datasets: idx: write")
	}
	return nil
}
