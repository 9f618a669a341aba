package datasets

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/layernoise/layernoise/internal/gunzip"
	"github.com/pkg/errors"
)

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
