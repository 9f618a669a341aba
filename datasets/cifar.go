package datasets

import (
	"archive/tar"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/layernoise/layernoise/internal/fetch"
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

// A cifarSet is a data set published as an archive of CIFAR binary files.
type cifarSet struct {
	name    string
	format  cifarFormat
	folder  string // holds the files, in the archive and on disk
	archive fetch.File
	bases   []string // where it is published
	python  []string // names of the Python version, which is not supported
	files   map[Split][]string
	classes []string
	labels  func(*CIFAR) []int // selects the labels that belong to classes
	mean    []float64
	std     []float64
}

var cifar10 = cifarSet{
	name:    "CIFAR-10",
	format:  cifar10Format,
	folder:  "cifar-10-batches-bin",
	archive: cifar10Archive,
	bases:   cifarBases,
	python:  []string{"cifar-10-batches-py", "cifar-10-python.tar.gz"},
	files: map[Split][]string{
		Train: {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
		Test:  {"test_batch.bin"},
	},
	classes: cifar10Classes,
	labels:  func(x *CIFAR) []int { return x.Labels },
	mean:    []float64{0.4914, 0.4822, 0.4465},
	std:     []float64{0.2023, 0.1994, 0.2010},
}

var cifar100 = cifarSet{
	name:    "CIFAR-100",
	format:  cifar100Format,
	folder:  "cifar-100-binary",
	archive: cifar100Archive,
	bases:   cifarBases,
	python:  []string{"cifar-100-python", "cifar-100-python.tar.gz"},
	files:   map[Split][]string{Train: {"train.bin"}, Test: {"test.bin"}},
	classes: cifar100Classes,
	labels:  func(x *CIFAR) []int { return x.Labels },
	mean:    []float64{0.5074, 0.4867, 0.4411},
	std:     []float64{0.2011, 0.1987, 0.2025},
}

// CIFAR10 reads CIFAR-10: photographs of ten classes, 50,000 for training and 10,000 for testing, 32x32 in colour.
//
// dir is a folder that holds the files of the binary version (data_batch_1.bin and so on), plain or gzip-compressed,
// directly or in a subfolder cifar-10-batches-bin; or the published archive, cifar-10-binary.tar.gz, which is read without
// being unpacked. If dir has none of these, the error is ErrNotFound; nothing is downloaded without WithDownload.
//
// Normalisation returns the constants in common use. Their standard deviations are means over the deviations of single
// images, about a fifth smaller than those of Moments.
//
// A. Krizhevsky, Learning multiple layers of features from tiny images, 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
func CIFAR10(dir string, split Split, opts ...Option) (*Dataset, error) {
	return cifar10.open(dir, split, opts)
}

// CIFAR100 reads CIFAR-100: photographs of a hundred classes, 50,000 for training and 10,000 for testing, 32x32 in colour.
// dir is as for CIFAR10, with the names train.bin, test.bin, cifar-100-binary and cifar-100-binary.tar.gz.
func CIFAR100(dir string, split Split, opts ...Option) (*Dataset, error) {
	return cifar100.open(dir, split, opts)
}

// CIFAR100Coarse is CIFAR100 with the 20 superclasses as labels.
func CIFAR100Coarse(dir string, split Split, opts ...Option) (*Dataset, error) {
	coarse := cifar100
	coarse.classes = cifar100Superclasses
	coarse.labels = func(x *CIFAR) []int { return x.Coarse }
	return coarse.open(dir, split, opts)
}

func (s *cifarSet) open(dir string, split Split, opts []Option) (*Dataset, error) {
	d, err := s.load(dir, split, opts)
	if err != nil {
		return nil, errors.WithMessagef(err, "datasets: %s", s.name)
	}
	return d, nil
}

func (s *cifarSet) load(dir string, split Split, opts []Option) (*Dataset, error) {
	files, ok := s.files[split]
	if !ok {
		return nil, errBadSplit(split)
	}
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	parts, err := s.read(o, dir, files)
	if err != nil {
		return nil, err
	}
	return s.assemble(split, parts), nil
}

// read reads unpacked files, or from the archive if one of them is missing.
func (s *cifarSet) read(o *options, dir string, files []string) ([]*CIFAR, error) {
	paths := make([]string, len(files))
	for i, file := range files {
		var err error
		paths[i], err = find(dir, []string{".", s.folder}, []string{file, file + ".gz"})
		if errors.Is(err, ErrNotFound) {
			return s.readArchive(o, dir, files, file)
		}
		if err != nil {
			return nil, err
		}
	}
	parts := make([]*CIFAR, len(paths))
	for i, path := range paths {
		var err error
		if parts[i], err = readPath(path, s.format.read); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// readArchive reads the files from the archive; missing is one that is not there unpacked.
func (s *cifarSet) readArchive(o *options, dir string, files []string, missing string) ([]*CIFAR, error) {
	search := func() (string, error) { return find(dir, []string{"."}, []string{s.archive.Name}) }
	path, err := o.obtain(search, dir, s.bases, s.archive)
	if errors.Is(err, ErrNotFound) {
		return nil, s.notFound(dir, missing)
	}
	if err != nil {
		return nil, err
	}
	return readPath(path, cifarArchive{s.format, s.folder, files}.read)
}

// notFound returns ErrNotFound, naming what is missing or the unsupported version that was found.
func (s *cifarSet) notFound(dir, missing string) error {
	for _, name := range s.python {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return errors.Wrapf(ErrNotFound, "%s in %s is the Python version; the binary version is needed", name, dir)
		}
	}
	return errors.Wrapf(ErrNotFound, "neither %s nor %s in %s", missing, s.archive.Name, dir)
}

// assemble makes the data set from the contents of its files.
func (s *cifarSet) assemble(split Split, parts []*CIFAR) *Dataset {
	d := &Dataset{
		name:    s.name + " " + split.String(),
		shape:   cifarShape,
		classes: slices.Clone(s.classes),
		mean:    slices.Clone(s.mean),
		std:     slices.Clone(s.std),
	}
	for _, part := range parts {
		d.images = append(d.images, part.Images...)
		d.labels = append(d.labels, s.labels(part)...)
	}
	return d
}

// A cifarArchive reads the CIFAR files of one folder in a .tar or .tar.gz. They are decoded in memory: names in the archive
// are never used as paths.
type cifarArchive struct {
	format cifarFormat
	folder string
	files  []string
}

// read returns the contents of each file. It reads the archive to its end, so that gzip verifies the checksum. A missing
// file is ErrFormat.
func (a cifarArchive) read(r io.Reader) ([]*CIFAR, error) {
	plain, err := gunzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	parts := make([]*CIFAR, len(a.files))
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errors.Wrap(err, "tar")
		}
		i := a.index(header)
		if i < 0 {
			continue
		}
		if parts[i], err = a.format.read(archive); err != nil {
			return nil, errors.WithMessage(err, header.Name)
		}
	}
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return nil, errors.Wrap(err, "read")
	}
	if i := slices.Index(parts, nil); i >= 0 {
		return nil, errors.Wrapf(ErrFormat, "the archive has no %s", path.Join(a.folder, a.files[i]))
	}
	return parts, nil
}

// index returns the position in a.files of an archive entry, or -1.
func (a cifarArchive) index(header *tar.Header) int {
	folder, file := path.Split(path.Clean(header.Name))
	if header.Typeflag != tar.TypeReg || path.Clean(folder) != a.folder {
		return -1
	}
	return slices.Index(a.files, file)
}

// The names of the classes of CIFAR-10, in the order of its labels.
var cifar10Classes = []string{
	"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
}

// The names of the classes of CIFAR-100, in the order of its labels.
var cifar100Classes = []string{
	"apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
	"bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
	"chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
	"dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
	"lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
	"mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
	"plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
	"rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
	"squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
	"train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
}

// The names of the superclasses of CIFAR-100, in the order of its coarse labels.
var cifar100Superclasses = []string{
	"aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables",
	"household_electrical_devices", "household_furniture", "insects", "large_carnivores",
	"large_man-made_outdoor_things", "large_natural_outdoor_scenes", "large_omnivores_and_herbivores",
	"medium_mammals", "non-insect_invertebrates", "people", "reptiles", "small_mammals", "trees",
	"vehicles_1", "vehicles_2",
}
