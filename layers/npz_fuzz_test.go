package layers_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/layernoise/layernoise/layers"
	"gorgonia.org/tensor"
)

// FuzzNPZ reads bytes as an archive, and as the array of a weight within a sound archive: the checksums of an archive hide
// most damage from what is behind them. A file that is refused must change nothing, and one that is taken must come back
// from what is written.
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

// read loads a small network from b and looks what became of it.
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
