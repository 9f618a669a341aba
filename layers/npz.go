package layers

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
	"github.com/sbinet/npyio/npy"
	"gorgonia.org/tensor"
)

// npySuffix is what NumPy appends to the name of an array in an .npz archive.
const npySuffix = ".npy"

// Save writes the parameters and running statistics of net to the named .npz file, which numpy.load reads: an array for each
// tensor, under its name. The file appears, or replaces an older one, only when it is complete; it keeps the mode of the
// older one. Symbolic links are followed, and pipes and devices are written to directly.
func Save(file string, net Layer) error {
	return writeFile(file, func(w io.Writer) error { return SaveTo(w, net) })
}

// writeFile writes a file through package outfile.
func writeFile(file string, write func(io.Writer) error) error {
	return errors.Wrapf(outfile.Write(file, write), "layers: save %s", file)
}

// SaveTo is Save to a writer. Equal parameters give equal bytes.
func SaveTo(w io.Writer, net Layer) error {
	params, err := named(net)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	for _, p := range params {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: p.Name + npySuffix, Method: zip.Store})
		if err == nil {
			err = npy.Write(entry, asArray(p))
		}
		if err != nil {
			return errors.Wrapf(err, "layers: write %s %v", p.Name, p.Value.Shape())
		}
	}
	if err := archive.Close(); err != nil {
		return errors.Wrap(err, "layers: write parameters")
	}
	return nil
}

// named returns the parameters of a usable network, whose names must differ.
func named(net Layer) ([]*Param, error) {
	if err := check(net); err != nil {
		return nil, err
	}
	return collect(net)
}

// asArray returns a pointer to the parameter's numbers as a Go array of the parameter's shape, the form that package npy
// requires for more than one dimension.
func asArray(p *Param) interface{} {
	t := p.Value.Dtype().Type
	shape := p.Value.Shape()
	for i := len(shape) - 1; i >= 0; i-- {
		t = reflect.ArrayOf(shape[i], t)
	}
	return reflect.NewAt(t, reflect.ValueOf(p.Value.Data()).UnsafePointer()).Interface()
}

// Load reads the parameters and running statistics of net from the named .npz file, as written by [Save], or by numpy.savez
// from the state_dict of a PyTorch model with the same names. Arrays of 4- and 8-byte floats fit parameters of either dtype.
//
// Every tensor of the network must be in the file once, with its shape, and every array of the file in the network, except
// PyTorch's num_batches_tracked. A finite float64 that is too large for a float32 parameter is an error. Errors name the
// first mismatch and its shapes. After any error the network is unchanged.
func Load(file string, net Layer) error {
	f, err := os.Open(file)
	if err != nil {
		return errors.Wrap(err, "layers: load parameters")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return errors.Wrap(err, "layers: load parameters")
	}
	return errors.WithMessage(LoadFrom(f, info.Size(), net), file)
}

// LoadFrom is Load from the first size bytes of r.
func LoadFrom(r io.ReaderAt, size int64, net Layer) error {
	params, err := named(net)
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return errors.Wrap(err, "layers: read parameters")
	}
	wanted := make(map[string]*Param, len(params))
	for _, p := range params {
		wanted[p.Name] = p
	}
	values := make(map[*Param]interface{}, len(params))
	for _, entry := range archive.File {
		name := strings.TrimSuffix(entry.Name, npySuffix)
		p, ok := wanted[name]
		switch {
		case ok && values[p] != nil:
			return errors.Wrapf(ErrParams, "layers: %s is in the file twice", name)
		case ok:
			if values[p], err = readArray(entry, p.Value.Shape()); err != nil {
				return errors.Wrapf(err, "layers: read %s", name)
			}
			if err := checkRange(values[p], p.Value.Dtype()); err != nil {
				return errors.Wrapf(err, "layers: read %s", name)
			}
		case !strings.HasSuffix(name, ".num_batches_tracked"):
			return errors.Wrapf(ErrParams, "layers: %s is in the file, not in the network", name)
		}
	}
	for _, p := range params {
		if values[p] == nil {
			return errors.Wrapf(ErrParams, "layers: %s %v is not in the file", p.Name, p.Value.Shape())
		}
	}
	for p, v := range values {
		convert(p.Value.Data(), v)
	}
	return nil
}

// readArray returns the numbers of an array of the given shape, as a []float32 or []float64.
func readArray(entry *zip.File, shape tensor.Shape) (data interface{}, err error) {
	content, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	r := bufio.NewReader(content)
	array, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	descr := array.Header.Descr
	if !slices.Equal(shape, descr.Shape) || descr.Fortran { // not shape.Eq, for which (n, 1) is (n)
		return nil, errors.Wrapf(ErrParams, "file %v, Fortran order %t, network %v in C order", descr.Shape, descr.Fortran, shape)
	}
	switch descr.Type {
	case "<f4":
		v := make([]float32, shape.TotalSize())
		data, err = v, array.Read(&v)
	case "<f8":
		v := make([]float64, shape.TotalSize())
		data, err = v, array.Read(&v)
	default:
		return nil, errors.Wrapf(ErrParams, "file %s, network floats of 4 or 8 bytes", descr.Type)
	}
	if err != nil {
		return nil, err
	}
	// The end of the entry: where package zip compares the checksum.
	if _, err := r.ReadByte(); err != io.EOF {
		return nil, errors.Wrapf(ErrParams, "array %v with a broken end (%v)", descr.Shape, err)
	}
	return data, nil
}

// checkRange rejects finite numbers that would become infinite in a float32 parameter.
func checkRange(values interface{}, dtype tensor.Dtype) error {
	wide, ok := values.([]float64)
	if !ok || dtype != tensor.Float32 {
		return nil
	}
	for i, v := range wide {
		if math.IsInf(float64(float32(v)), 0) && !math.IsInf(v, 0) {
			return errors.Wrapf(ErrParams, "element %d is %v, too large for float32", i, v)
		}
	}
	return nil
}

// maxHeader is the longest array header accepted; those of float arrays have about 100 bytes.
const maxHeader = 1 << 16

// readHeader reads the header of an array. Package npy panics on some broken headers, allocates whatever length a header of
// format version 2 claims, and reads zeros past the end of the file.
func readHeader(r *bufio.Reader) (array *npy.Reader, err error) {
	start, err := r.Peek(12) // magic, version, length of the header
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if length := binary.LittleEndian.Uint32(start[8:]); start[6] == 2 && length > maxHeader {
		return nil, errors.Wrapf(ErrParams, "array header of %d bytes", length)
	}
	defer func() {
		if recover() != nil {
			array, err = nil, errors.Wrap(ErrParams, "broken array header")
		}
	}()
	return npy.NewReader(strict{r})
}

// strict is a reader whose end is an error.
type strict struct{ r io.Reader }

func (s strict) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// convert copies src to dst, each a []float32 or []float64, up to the shorter length.
func convert(dst, src interface{}) {
	switch dst := dst.(type) {
	case []float32:
		convertTo(dst, src)
	case []float64:
		convertTo(dst, src)
	}
}

func convertTo[D float32 | float64](dst []D, src interface{}) {
	switch src := src.(type) {
	case []float32:
		convertFrom(dst, src)
	case []float64:
		convertFrom(dst, src)
	}
}

func convertFrom[D, S float32 | float64](dst []D, src []S) {
	if same, ok := any(src).([]D); ok {
		copy(dst, same)
		return
	}
	for i := range min(len(dst), len(src)) {
		dst[i] = D(src[i])
	}
}
