package noise

import (
	"math"
	"testing"
)

// The bits are fixed for ever: seeds in papers and checkpoints depend on them. Each row holds the elements at goldenAt and a
// hash of the bits of all 2100.
var (
	goldenAt    = [8]int{0, 1, 15, 16, 31, 32, 1000, 2099}
	streamA     = Stream{}
	streamB     = Stream{Seed: 0x0123456789abcdef, Step: 1, Sample: 2, Tensor: 3}
	streamC     = Stream{Seed: 1<<64 - 1, Step: 1<<32 - 1, Sample: 1<<32 - 1, Tensor: 1<<32 - 1}
	goldenTable = []struct {
		d    Dist
		s    Stream
		x    [8]uint32
		hash uint64
	}{
		{Gaussian, streamA, [8]uint32{0x3eddaac4, 0x3f98433e, 0xc01b121f, 0x3f21d912, 0xbe5955f8, 0x3e9afc30, 0x3ee3c11e, 0xbee44d69}, 0x35a5b6c7c41280d3},
		{Gaussian, streamB, [8]uint32{0x3eab3c7b, 0x3ed4345f, 0xbfacac53, 0xbe6790bd, 0xbff636fa, 0x3f960661, 0x3e2d1ae5, 0xbf8557ae}, 0x85b567dd8148c7b},
		{Gaussian, streamC, [8]uint32{0x3efec52c, 0xbf4832e3, 0x3eb03a9e, 0xbf7af726, 0x3e96ea0d, 0x3f8e638b, 0x3f3ce014, 0xbead7f2e}, 0xea1f633bb99891d6},
		{Rademacher, streamA, [8]uint32{0x3f800000, 0x3f800000, 0xbf800000, 0xbf800000, 0xbf800000, 0x3f800000, 0xbf800000, 0xbf800000}, 0x8a2f004d9ca983b5},
		{Rademacher, streamB, [8]uint32{0x3f800000, 0x3f800000, 0xbf800000, 0xbf800000, 0xbf800000, 0xbf800000, 0x3f800000, 0xbf800000}, 0x399e05451ca983b5},
		{Rademacher, streamC, [8]uint32{0x3f800000, 0xbf800000, 0x3f800000, 0xbf800000, 0xbf800000, 0x3f800000, 0xbf800000, 0xbf800000}, 0x24a3a5a51ca983b5},
		{Uniform, streamA, [8]uint32{0x3fa54cf9, 0x3e3b8fe2, 0xbdb83168, 0x3f88f463, 0xbdc54ee0, 0x3db145a0, 0x3fb175fe, 0xbef377b3}, 0x9d4ec0cef876ed68},
		{Uniform, streamB, [8]uint32{0x3fcc59eb, 0x3f8ae397, 0xbde08629, 0xbf27d400, 0xbf876163, 0x3f5ae06b, 0x3fd31e4f, 0xbfbffe06}, 0x38a4613d172d1777},
		{Uniform, streamC, [8]uint32{0x3f724b66, 0xbf9c26d2, 0x3fc81194, 0xbf9b68f2, 0x3f47e716, 0x3f6dd19e, 0x3f948502, 0xbf288dce}, 0xac4f46ea8accfad9},
	}
)

func TestGoldenBits(t *testing.T) {
	for _, g := range goldenTable {
		x := make([]float32, 2100)
		Fill(g.d, g.s, x, 1)
		for j, i := range goldenAt {
			if b := math.Float32bits(x[i]); b != g.x[j] {
				t.Errorf("%v %+v: element %d is %#x, want %#x", g.d, g.s, i, b, g.x[j])
			}
		}
		if h := hash(x); h != g.hash {
			t.Errorf("%v %+v: hash %#x, want %#x", g.d, g.s, h, g.hash)
		}
	}
}

// The sum of weights and noise is fixed as well: it is where a fused multiply-add would show.
func TestGoldenSum(t *testing.T) {
	w32, w64 := make([]float32, 2100), make([]float64, 2100)
	for i := range w32 {
		w32[i], w64[i] = 1/float32(i+1), 1/float64(i+1)
	}
	Add(Gaussian, streamB, w32, w32, 0.3)
	Add(Gaussian, streamB, w64, w64, 0.3)
	if h := hash(w32); h != 0x9ff4fd4ff9fafd7b {
		t.Errorf("float32: hash %#x", h)
	}
	if h := hash(w64); h != 0xd08544ba85f8f86c {
		t.Errorf("float64: hash %#x", h)
	}
}

// hash is FNV-1a over the elements' bits, a word at a time.
func hash[T Float](x []T) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range x {
		h = (h ^ bits(v)) * 1099511628211
	}
	return h
}
