package noise

import "github.com/layernoise/layernoise/internal/noise/coef"

// The increments of the key words from round to round (Salmon et al., section 3.3).
const (
	philoxW0 = 0x9E3779B9
	philoxW1 = 0xBB67AE85
)

// keys holds the two key words of each round.
type keys = [coef.PhiloxRounds][2]uint32

func expand(seed uint64) (k keys) {
	k0, k1 := uint32(seed), uint32(seed>>32)
	for r := range k {
		k[r] = [2]uint32{k0, k1}
		k0 += philoxW0
		k1 += philoxW1
	}
	return k
}

// philox is the block function: it returns four random words for a counter.
func philox(k *keys, c0, c1, c2, c3 uint32) (w0, w1, w2, w3 uint32) {
	c0, c1, c2, c3 = round(&k[0], c0, c1, c2, c3)
	c0, c1, c2, c3 = round(&k[1], c0, c1, c2, c3)
	c0, c1, c2, c3 = round(&k[2], c0, c1, c2, c3)
	c0, c1, c2, c3 = round(&k[3], c0, c1, c2, c3)
	c0, c1, c2, c3 = round(&k[4], c0, c1, c2, c3)
	c0, c1, c2, c3 = round(&k[5], c0, c1, c2, c3)
	return round(&k[6], c0, c1, c2, c3)
}

func round(k *[2]uint32, c0, c1, c2, c3 uint32) (w0, w1, w2, w3 uint32) {
	p0, p1 := coef.PhiloxM0*uint64(c0), coef.PhiloxM1*uint64(c2)
	return uint32(p1>>32) ^ (c1 ^ k[0]), uint32(p1), uint32(p0>>32) ^ (c3 ^ k[1]), uint32(p0)
}

// Bits fills dst with the words of the stream's blocks in their natural order: word i is word i%4 of block i/4.
func Bits(s Stream, dst []uint32) { BitsFrom(s, 0, dst) }

// BitsFrom is [Bits] starting from the given block.
func BitsFrom(s Stream, block uint32, dst []uint32) {
	k := expand(s.Seed)
	for i := 0; i < len(dst); i += 4 {
		w0, w1, w2, w3 := philox(&k, block+uint32(i/4), s.Sample, s.Tensor, s.Step)
		if rest := dst[i:]; len(rest) >= 4 {
			rest[0], rest[1], rest[2], rest[3] = w0, w1, w2, w3
		} else {
			block := [4]uint32{w0, w1, w2, w3}
			copy(rest, block[:])
		}
	}
}

// BitsAt is [Bits] starting from the given word.
func BitsAt(s Stream, word uint64, dst []uint32) {
	block, skip := uint32(word/4), word%4
	if skip > 0 {
		var first [4]uint32
		BitsFrom(s, block, first[:])
		dst = dst[copy(dst, first[skip:]):]
		block++
	}
	BitsFrom(s, block, dst)
}

const (
	lanes      = 16        // of each half of a group
	groupWords = 2 * lanes // words of a group: the lanes a, then the lanes b
	groupSteps = 8         // counter blocks of a group
)

// groupsPlain is the kernel that makes the words of groups.
func groupsPlain(words []uint32, k *keys, c1, c2, c3, first uint32) {
	block := first * groupSteps
	for ; len(words) > 0; words = words[groupWords:] {
		g := (*[groupWords]uint32)(words)
		for l := 0; l < lanes; l += 2 {
			g[l], g[l+1], g[lanes+l], g[lanes+l+1] = philox(k, block, c1, c2, c3)
			block++
		}
	}
}
