package datasets

import (
	"hash/fnv"
	"math/rand/v2"
)

// stream returns the random source for a purpose, distinct for each purpose, seed and number, so that a subset and the wrong
// labels in it, drawn with one seed, are independent. Drawn images have their own streams (dice).
func stream(purpose string, seed, number uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed^h.Sum64(), number))
}

// permutation returns a random permutation of the numbers below n, for a purpose.
func permutation(n int, purpose string, seed uint64) []int {
	return stream(purpose, seed, 0).Perm(n)
}
