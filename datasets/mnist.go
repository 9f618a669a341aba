package datasets

import (
	"strings"

	"github.com/layernoise/layernoise/internal/fetch"
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
// IEEE 86 (11), 1998. IEEE 86 (11), 1998.
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
