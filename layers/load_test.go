package layers_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/layernoise/layernoise/layers"
	"github.com/sbinet/npyio/npy"
)

// archiveOf makes an .npz file of float64 arrays.
func archiveOf(t *testing.T, names []string, arrays ...any) *bytes.Reader {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i, name := range names {
		entry, err := w.Create(name + ".npy")
		if err == nil {
			err = npy.Write(entry, arrays[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(buf.Bytes())
}

// TestLoadRefuses numbers that do not fit the type, and names that come twice.
func TestLoadRefuses(t *testing.T) {
	net := layers.NewDense("fc", 1, 2, layers.Init{Seed: 1})
	weight, bias := &[2][1]float64{{1}, {2}}, &[2]float64{3, 4}
	names := []string{"fc.weight", "fc.bias"}
	read := func(names []string, arrays ...any) error {
		r := archiveOf(t, names, arrays...)
		return layers.LoadFrom(r, r.Size(), net)
	}
	if err := read(names, weight, bias); err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{1e39, -1e300, math.MaxFloat64} {
		if err := read(names, weight, &[2]float64{3, v}); !errors.Is(err, layers.ErrParams) {
			t.Errorf("bias %v: %v", v, err)
		}
	}
	if err := read(append(names, "fc.bias"), weight, &[2]float64{7, 7}, bias); !errors.Is(err, layers.ErrParams) {
		t.Errorf("a name twice: %v", err)
	}
	if got := net.Params()[1].Value.Data().([]float32); got[0] != 3 || got[1] != 4 {
		t.Errorf("bias %v after errors", got)
	}
	if err := read(names, weight, &[2]float64{math.Inf(1), math.MaxFloat32}); err != nil {
		t.Errorf("infinity and the largest float32: %v", err)
	}
}
