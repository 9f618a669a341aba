package datasets

import (
	"hash/fnv"
	"math/rand/v2"
)

// stream is the source of the random choices for a purpose: another one for each seed, each number and each purpose, so that
// a subset and the wrong labels in it, drawn with one seed, have nothing to do with each other. Drawn images have streams of
// their own (dice).
func stream(purpose string, seed, number uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed^h.Sum64(), number))
}

// permutation is a random order of the numbers below n, for a purpose.
func permutation(n int, purpose string, seed uint64) []int {
	return stream(purpose, seed, 0).Perm(n)
}
