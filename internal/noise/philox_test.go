package noise

import (
	"slices"
	"testing"
)

// The known answers are those published with Random123, kat_vectors, philox4x32 with 7 rounds.
func TestPhiloxKnownAnswers(t *testing.T) {
	const ones = 0xffffffff
	for _, test := range []struct {
		counter, want [4]uint32
		seed          uint64
	}{
		{[4]uint32{}, [4]uint32{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}, 0},
		{[4]uint32{ones, ones, ones, ones}, [4]uint32{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}, 1<<64 - 1},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[4]uint32{0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}, 0x299f31d0_a4093822,
		},
	} {
		k := expand(test.seed)
		c := test.counter
		w0, w1, w2, w3 := philox(&k, c[0], c[1], c[2], c[3])
		if got := [4]uint32{w0, w1, w2, w3}; got != test.want {
			t.Errorf("philox(%x) = %x, want %x", c, got, test.want)
		}
	}
}

func TestBits(t *testing.T) {
	s := Stream{Seed: 0x0123456789abcdef, Step: 7, Sample: 2, Tensor: 5}
	k := expand(s.Seed)
	for n := range 30 {
		words := make([]uint32, n)
		Bits(s, words)
		for i, got := range words {
			w0, w1, w2, w3 := philox(&k, uint32(i/4), 2, 5, 7)
			if want := [4]uint32{w0, w1, w2, w3}[i%4]; got != want {
				t.Errorf("%d words: word %d is %#x, want %#x", n, i, got, want)
			}
		}
	}
}

func TestBitsAt(t *testing.T) {
	s := Stream{Seed: 5, Step: 1}
	all := make([]uint32, 40)
	Bits(s, all)
	for first := range 10 {
		for n := range 30 {
			words := make([]uint32, n)
			if BitsAt(s, uint64(first), words); !slices.Equal(words, all[first:first+n]) {
				t.Errorf("%d words from word %d on: %#x, want %#x", n, first, words, all[first:first+n])
			}
		}
	}
}

// Groups are the stream's words in the order the package's documentation gives.
func TestGroups(t *testing.T) {
	s := Stream{Seed: 11, Step: 1, Sample: 2, Tensor: 3}
	const groups = 5
	words := make([]uint32, groups*groupWords)
	Bits(s, words)
	for first := range groups {
		k := expand(s.Seed)
		got := make([]uint32, (groups-first)*groupWords)
		groupsPlain(got, &k, s.Sample, s.Tensor, s.Step, uint32(first))
		for i, w := range got {
			group, lane, b := first+i/groupWords, i%lanes, i%groupWords/lanes
			if want := words[4*(8*group+lane/2)+lane%2+2*b]; w != want {
				t.Fatalf("from group %d: word %d is %#x, want %#x", first, i, w, want)
			}
		}
	}
}
