package noise

import "testing"

// The known answers are those published with Random123, kat_vectors, philox4x32 with 10 rounds.
func TestPhiloxKnownAnswers(t *testing.T) {
	const ones = 0xffffffff
	for _, test := range []struct {
		counter, want [4]uint32
		seed          uint64
	}{
		{[4]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, 0},
		{[4]uint32{ones, ones, ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, 1<<64 - 1},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}, 0x299f31d0_a4093822,
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
