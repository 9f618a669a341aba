package layers_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/layernoise/layernoise/layers"
	"github.com/sbinet/npyio/npy"
	"gorgonia.org/tensor"
)

// smallNet is a network with every kind of tensor.
func smallNet(seed uint64, dtype tensor.Dtype) *layers.Sequential {
	init := layers.Init{Seed: seed, Dtype: dtype}
	return layers.NewSequential(
		layers.NewConv2D("conv1", 3, 4, layers.ConvConfig{Kernel: [2]int{3, 2}}, init),
		layers.NewBatchNorm("bn1", 4, init),
		layers.NewReLU(),
		layers.NewGlobalAvgPool(),
		layers.NewDense("fc", 4, 5, init),
	)
}

func archive(t testing.TB, net layers.Layer) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := layers.SaveTo(&buf, net); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestSaveAndLoad(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		saved, loaded := smallNet(1, dtype), smallNet(2, dtype)
		set(saved.Params()[4].Value, []float64{1, -2, 3, 1e-30})
		file := filepath.Join(t.TempDir(), "net.npz")
		if err := layers.Save(file, saved); err != nil {
			t.Fatal(err)
		}
		if err := layers.Load(file, loaded); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(values(saved), values(loaded)); diff != "" {
			t.Errorf("%v:\n%s", dtype, diff)
		}
		if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
			t.Errorf("%d files in the folder, want only the saved one", len(entries))
		}
	}
}

// TestLoadOtherType: float64 parameters take a file of float32 exactly, float32 parameters round a file of float64.
func TestLoadOtherType(t *testing.T) {
	narrow, wide := smallNet(1, tensor.Float32), smallNet(2, tensor.Float64)
	b := archive(t, narrow)
	if err := layers.LoadFrom(bytes.NewReader(b), int64(len(b)), wide); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values(narrow), values(wide)); diff != "" {
		t.Error(diff)
	}
	b = archive(t, wide)
	other := smallNet(3, tensor.Float32)
	if err := layers.LoadFrom(bytes.NewReader(b), int64(len(b)), other); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values(narrow), values(other)); diff != "" {
		t.Error(diff)
	}
}

// TestSaveIsReproducible: equal parameters give equal bytes, in the format of numpy.savez.
func TestSaveIsReproducible(t *testing.T) {
	b := archive(t, smallNet(1, tensor.Float32))
	if !bytes.Equal(b, archive(t, smallNet(1, tensor.Float32))) {
		t.Error("equal parameters gave different bytes")
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if f := r.File[0]; f.Name != "conv1.weight.npy" || f.Method != zip.Store {
		t.Errorf("first entry %s, method %d", f.Name, f.Method)
	}
}

// TestSaveFailure: after an error no file is left behind.
func TestSaveFailure(t *testing.T) {
	dir := t.TempDir()
	if err := layers.Save(filepath.Join(dir, "missing", "net.npz"), smallNet(1, tensor.Float32)); err == nil {
		t.Error("saved to a folder that is not there")
	}
	if err := layers.Save(filepath.Join(dir, "net.npz"), layers.NewDropout(2, 0)); err == nil {
		t.Error("saved a layer that is none")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%d files left behind", len(entries))
	}
}

// array returns the .npy encoding of a value.
func array(t testing.TB, v interface{}) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := npy.Write(&buf, v); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// packed returns an .npz archive of the given entries, "name.npy": content.
func packed(t testing.TB, entries map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, content := range entries {
		e, err := w.Create(name)
		if err == nil {
			_, err = e.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func dense23() *layers.Dense { return layers.NewDense("fc", 3, 2, layers.Init{Seed: 1}) }

// TestLoadErrors: the error for a file that does not fit names the tensor and both shapes, and the network is unchanged.
func TestLoadErrors(t *testing.T) {
	weight, bias := array(t, [2][3]float32{{1, 2, 3}, {4, 5, 6}}), array(t, [2]float32{7, 8})
	replaced := func(old, new string) []byte { return bytes.Replace(weight, []byte(old), []byte(new), 1) }
	for _, c := range []struct {
		name          string
		weight, extra []byte
		missing       bool
		want          string
	}{
		{name: "shape", weight: array(t, [3][2]float32{}), want: "fc.weight: file [3 2], Fortran order false, network (2, 3)"},
		{name: "number of axes", weight: array(t, [6]float32{}), want: "fc.weight: file [6], Fortran order false, network (2, 3)"},
		{name: "Fortran order", weight: replaced("False, 'shape': (2, 3), }", "True, 'shape': (2, 3), } "), want: "fc.weight: file"},
		{name: "type", weight: array(t, [2][3]int32{}), want: "fc.weight: file <i4"},
		{name: "byte order", weight: replaced("<f4", ">f4"), want: "fc.weight: file >f4"},
		{name: "missing", missing: true, want: "fc.weight (2, 3) is not in the file"},
		{name: "unknown", weight: weight, extra: weight, want: "extra is in the file, not in the network"},
		{name: "empty", weight: []byte{}, want: "fc.weight: unexpected EOF"},
		{name: "magic", weight: []byte("not a NumPy array"), want: "fc.weight"},
		{name: "header length", weight: append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), weight[12:]...), want: "fc.weight: array header of 4294967295 bytes"},
		{name: "header without a line end", weight: bytes.ReplaceAll(weight, []byte("\n"), []byte(" ")), want: "fc.weight: broken array header"},
		{name: "cut header", weight: weight[:20], want: "fc.weight"},
		{name: "cut numbers", weight: weight[:len(weight)-4], want: "fc.weight: unexpected EOF"},
		{name: "cut in a number", weight: weight[:len(weight)-1], want: "fc.weight: unexpected EOF"},
		{name: "trailing bytes", weight: append(bytes.Clone(weight), 0), want: "fc.weight: array [2 3] with a broken end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			entries := map[string][]byte{"fc.weight.npy": c.weight, "fc.bias.npy": bias}
			if c.missing {
				delete(entries, "fc.weight.npy")
			}
			if c.extra != nil {
				entries["extra.npy"] = c.extra
			}
			b := packed(t, entries)
			net := dense23()
			before := values(net)
			err := layers.LoadFrom(bytes.NewReader(b), int64(len(b)), net)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if diff := cmp.Diff(before, values(net)); diff != "" {
				t.Errorf("the network changed:\n%s", diff)
			}
		})
	}
}

// TestLoadDamage cuts a file at every byte, and changes every byte: Load must fail and change nothing, or give the same
// parameters.
func TestLoadDamage(t *testing.T) {
	saved := layers.NewDense("fc", 3, 2, layers.Init{Seed: 2})
	whole := archive(t, saved)
	before, after := values(dense23()), values(saved)
	try := func(what string, b []byte) {
		net := dense23()
		err := layers.LoadFrom(bytes.NewReader(b), int64(len(b)), net)
		want := before
		if err == nil {
			want = after
		}
		if diff := cmp.Diff(want, values(net)); diff != "" {
			t.Fatalf("%s, error %v:\n%s", what, err, diff)
		}
	}
	for i := range whole {
		try(fmt.Sprintf("cut at %d", i), whole[:i])
		b := bytes.Clone(whole)
		b[i] ^= 0x55
		try(fmt.Sprintf("byte %d changed", i), b)
	}
}

// TestLoadIgnoresBatchCounts takes a file with the counters that PyTorch keeps in batch norms.
func TestLoadIgnoresBatchCounts(t *testing.T) {
	b := packed(t, map[string][]byte{
		"fc.weight.npy":              array(t, [2][3]float64{{1, 2, 3}, {4, 5, 6}}),
		"fc.bias.npy":                array(t, [2]float32{7, 8}),
		"bn.num_batches_tracked.npy": array(t, int64(3)),
	})
	net := dense23()
	if err := layers.LoadFrom(bytes.NewReader(b), int64(len(b)), net); err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{"fc.weight": {1, 2, 3, 4, 5, 6}, "fc.bias": {7, 8}}
	if diff := cmp.Diff(want, values(net)); diff != "" {
		t.Error(diff)
	}
}

func TestLoadMissingFile(t *testing.T) {
	if err := layers.Load(filepath.Join(t.TempDir(), "none.npz"), dense23()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// python returns an interpreter with the module, or skips the test.
func python(t *testing.T, module string) string {
	t.Helper()
	const interpreter = "/usr/bin/python3"
	if out, err := exec.Command(interpreter, "-c", "import "+module).CombinedOutput(); err != nil {
		t.Skipf("%s with %s is not here: %v %s", interpreter, module, err, out)
	}
	return interpreter
}

// TestNumPy lets NumPy read a file of ours and write one that we read.
func TestNumPy(t *testing.T) {
	interpreter := python(t, "numpy")
	net, again := smallNet(1, tensor.Float32), smallNet(2, tensor.Float32)
	ours, theirs := filepath.Join(t.TempDir(), "ours.npz"), filepath.Join(t.TempDir(), "theirs.npz")
	if err := layers.Save(ours, net); err != nil {
		t.Fatal(err)
	}
	script := `
import json, sys, numpy
arrays = dict(numpy.load(sys.argv[1]))
numpy.savez(sys.argv[2], **arrays)
print(json.dumps({k: [str(v.dtype), v.shape, v.astype("float64").ravel().tolist()] for k, v in arrays.items()}))`
	cmd := exec.Command(interpreter, "-c", script, ours, theirs)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string][3]interface{}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := make(map[string][3]interface{})
	for _, p := range net.Params() {
		var shape, data []interface{}
		for _, n := range p.Value.Shape() {
			shape = append(shape, float64(n))
		}
		for _, v := range floats(p.Value) {
			data = append(data, v)
		}
		want[p.Name] = [3]interface{}{"float32", shape, data}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what NumPy read:\n%s", diff)
	}
	if err := layers.Load(theirs, again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values(net), values(again)); diff != "" {
		t.Errorf("what NumPy wrote:\n%s", diff)
	}
}

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

// TestLoadRefuses numbers that overflow the type, and names that occur twice.
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

// TestLoadVectors refuses a column or a row for a vector of as many numbers, and the other way around.
func TestLoadVectors(t *testing.T) {
	net := layers.NewDense("fc", 1, 3, layers.Init{}) // weight (3, 1), bias (3)
	weight, bias := [3][1]float32{{1}, {2}, {3}}, [3]float32{4, 5, 6}
	row := [1][3]float32{{4, 5, 6}}
	for _, arrays := range [][]any{{&bias, &bias}, {&row, &bias}, {&weight, &weight}, {&weight, &row}} {
		r := archiveOf(t, []string{"fc.weight", "fc.bias"}, arrays...)
		if err := layers.LoadFrom(r, r.Size(), net); !errors.Is(err, layers.ErrParams) {
			t.Errorf("%T and %T: %v", arrays[0], arrays[1], err)
		}
	}
	r := archiveOf(t, []string{"fc.weight", "fc.bias"}, &weight, &bias)
	if err := layers.LoadFrom(r, r.Size(), net); err != nil {
		t.Error(err)
	}
}

// FuzzNPZ reads bytes as an archive, and as an array in a valid archive, since the checksums of an archive keep most damage
// from the reader of arrays. An error must change nothing; a file that is accepted must be the same after Save and Load.
func FuzzNPZ(f *testing.F) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		f.Add(archive(f, layers.NewDense("fc", 3, 2, layers.Init{Seed: 2, Dtype: dtype})))
		f.Add(archive(f, smallNet(1, dtype)))
	}
	weight32, weight64 := array(f, &[2][3]float32{{1, 2, 3}, {4, 5, 6}}), array(f, &[2][3]float64{{1, 2, 1e300}})
	f.Add(weight32)
	f.Add(weight64)
	f.Add(weight32[:len(weight32)-1])
	bias := array(f, &[2]float32{7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		read(t, b)
		read(t, packed(t, map[string][]byte{"fc.weight.npy": b, "fc.bias.npy": bias}))
	})
}

// read loads a small network from b and checks the result.
func read(t *testing.T, b []byte) {
	t.Helper()
	net := dense23()
	before := values(net)
	if err := layers.LoadFrom(bytes.NewReader(b), int64(len(b)), net); err != nil {
		if diff := cmp.Diff(before, values(net)); diff != "" {
			t.Errorf("%v changed the network:\n%s", err, diff)
		}
		return
	}
	written, again := archive(t, net), dense23()
	if err := layers.LoadFrom(bytes.NewReader(written), int64(len(written)), again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values(net), values(again), cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
}
