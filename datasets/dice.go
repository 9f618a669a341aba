package datasets

import "math/rand/v2"

// dice draws integers from the stream of one image.
type dice struct{ rng *rand.PCG }

func newDice(seed, image uint64) dice { return dice{rand.NewPCG(seed, image)} }

// between draws from lo to hi, both included, with the same probability to
// within 2^-32.
func (d dice) between(lo, hi int64) int64 {
	const bits = 32
	return lo + int64(d.rng.Uint64()>>bits)*(hi-lo+1)>>bits
}

func (d dice) below(n int) int         { return int(d.between(0, int64(n)-1)) }
func (d dice) around(most int64) int64 { return d.between(-most, most) }

// bellDeviation is the standard deviation of bell, rounded: its variance is 340,
// sixteen times that of a nibble, (16^2-1)/12.
const bellDeviation = 18

// bell draws from a bell-shaped distribution about zero: the sum of the
// sixteen nibbles of one word, less its mean.
func (d dice) bell() int64 {
	w := d.rng.Uint64()
	const low = 0x0f0f0f0f0f0f0f0f
	bytes := w&low + w>>4&low // eight sums of two nibbles
	return int64(bytes*0x0101010101010101>>56) - 120
}
