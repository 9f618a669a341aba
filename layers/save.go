package layers

import (
	"archive/zip"
	"io"
	"reflect"

	"github.com/layernoise/layernoise/internal/outfile"
	"github.com/pkg/errors"
	"github.com/sbinet/npyio/npy"
)

// npySuffix is what NumPy appends to the name of an array in an .npz archive.
const npySuffix = ".npy"

// Save writes the parameters and running statistics of net to the named .npz file, which numpy.load reads: one array for
// each tensor, under its name. The file appears, or replaces an older one, only when it is complete; it keeps the mode of
// the older one. Links are followed, pipes and devices are written to.
func Save(file string, net Layer) error {
	return writeFile(file, func(w io.Writer) error { return SaveTo(w, net) })
}

// writeFile writes a file as package outfile does.
func writeFile(file string, write func(io.Writer) error) error {
	return errors.Wrapf(outfile.Write(file, write), "layers: save %s", file)
}

// SaveTo writes what Save writes to w. Equal parameters give equal bytes.
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

// named returns the parameters of a usable network, no two of one name.
func named(net Layer) ([]*Param, error) {
	if err := check(net); err != nil {
		return nil, err
	}
	return collect(net)
}

// asArray returns a pointer to the parameter's numbers as a Go array of the parameter's shape, the form in which package npy
// takes more than one dimension.
func asArray(p *Param) interface{} {
	t := p.Value.Dtype().Type
	shape := p.Value.Shape()
	for i := len(shape) - 1; i >= 0; i-- {
		t = reflect.ArrayOf(shape[i], t)
	}
	return reflect.NewAt(t, reflect.ValueOf(p.Value.Data()).UnsafePointer()).Interface()
}
