package noise

import (
	"math"
	"testing"
)

// The bits are fixed for ever: seeds in papers and checkpoints depend on them. Each row holds
// the elements at goldenAt and a hash of the bits of all 2100.
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
		{Gaussian, streamA, [8]uint32{0x3ee7fe71, 0xbf0ced58, 0x3ea89ba4, 0xbefdd05d, 0x400c809d, 0x3f947a04, 0x3f161199, 0xbf464468}, 0xb12c3350778e8ce0},
		{Gaussian, streamB, [8]uint32{0xbd2e6d21, 0xc0076450, 0x3f5a977d, 0xbf0025e7, 0x3db8717a, 0x3e9e06c1, 0xbf8a557f, 0xbe2bf78d}, 0x822d9d787c6178d6},
		{Gaussian, streamC, [8]uint32{0xbf9194ab, 0xbf26573c, 0x3f8dc1ba, 0xbfdc6e90, 0xbf9481d2, 0xbf820155, 0xbf7a0e7b, 0xbf15164d}, 0x86f5ea7f34651c31},
		{Rademacher, streamA, [8]uint32{0x3f800000, 0xbf800000, 0x3f800000, 0xbf800000, 0x3f800000, 0xbf800000, 0x3f800000, 0xbf800000}, 0xee85ebdb1ca983b5},
		{Rademacher, streamB, [8]uint32{0xbf800000, 0xbf800000, 0x3f800000, 0x3f800000, 0xbf800000, 0x3f800000, 0x3f800000, 0x3f800000}, 0x97b98fb71ca983b5},
		{Rademacher, streamC, [8]uint32{0xbf800000, 0xbf800000, 0x3f800000, 0xbf800000, 0x3f800000, 0xbf800000, 0xbf800000, 0xbf800000}, 0xda04b9e49ca983b5},
		{Uniform, streamA, [8]uint32{0x3fb0f06f, 0xbed3e96a, 0x3e16ecab, 0xbf6a5f5e, 0x3fc8b000, 0x3f5ced37, 0x3fae30e9, 0xbf472f5a}, 0x142b7d2922d30a04},
		{Uniform, streamB, [8]uint32{0xbfc36aff, 0xbd642f09, 0x3f9959ea, 0xbfd1b973, 0x3ded4e1c, 0x3fcbc05c, 0xbf41e7c9, 0xbfbcbc43}, 0x2a7c9c7f6a7e6a94},
		{Uniform, streamC, [8]uint32{0xbe52d91e, 0xbfa230a8, 0x3ef504d3, 0xbf8b528e, 0xbf644419, 0xbf5fc95c, 0xbf8966c8, 0xbfb30bb4}, 0xe5f2db1031693d96},
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
	if h := hash(w32); h != 0x27da5a0080b331e2 {
		t.Errorf("float32: hash %#x", h)
	}
	if h := hash(w64); h != 0xed868c84ff6fca45 {
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
