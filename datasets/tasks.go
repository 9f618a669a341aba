package datasets

import (
	"fmt"
	"math"
	"strconv"

	"github.com/pkg/errors"
)

// numberVocabulary returns a vocabulary of the numbers below n and a sign, which has the id n.
func numberVocabulary(n int, sign string) (*Vocabulary, error) {
	if n >= maxVocabulary {
		return nil, errors.Wrapf(ErrFormat, "%d numbers and a sign, at most %d tokens are supported", n, maxVocabulary)
	}
	tokens := make([]string, n, n+1)
	for i := range tokens {
		tokens[i] = strconv.Itoa(i)
	}
	return newVocabulary(append(tokens, sign), splitWords, " ")
}

// ModularAddition generates the task on which networks have been seen to generalise long after they had memorised the
// training set ("grokking"). Its p*p sequences are the sums a + b modulo p, in three tokens:
//
//	tokens   a        b        =
//	targets  Ignored  Ignored  (a + b) mod p
//
// The number a is token a, the sign = is token p. A fraction of the sequences, rounded to the nearest integer and drawn at
// random from the seed, is for training, the rest for testing; neither may be empty. p is from 2 to 4096.
//
// A. Power, Y. Burda, H. Edwards, I. Babuschkin, V. Misra, Grokking: Generalization Beyond Overfitting on Small Algorithmic
// Datasets, 2022, https://arxiv.org/abs/2201.02177.
func ModularAddition(p int, fraction float64, seed uint64) (train, test *Sequences, err error) {
	const most = 1 << 12 // 16 million sequences
	if p < 2 || p > most {
		return nil, nil, errors.Errorf("datasets: addition modulo %d, want 2 to %d", p, most)
	}
	n := math.Round(fraction * float64(p*p))
	if !(n >= 1 && n <= float64(p*p-1)) {
		return nil, nil, errors.Errorf("datasets: addition modulo %d: a training fraction of %v of %d sequences leaves train or test empty", p, fraction, p*p)
	}
	v, err := numberVocabulary(p, "=")
	if err != nil {
		return nil, nil, errors.WithMessage(err, "datasets: addition")
	}
	rows := make([][]int, p*p)
	for i, pair := range permutation(p*p, "modular addition", seed) {
		a, b := pair/p, pair%p
		rows[i] = []int{a, b, p, Ignored, Ignored, (a + b) % p}
	}
	name := fmt.Sprintf("addition modulo %d", p)
	return fixed(name+", train", v, 3, rows[:int(n)]), fixed(name+", test", v, 3, rows[int(n):]), nil
}

// Copying generates n sequences of 2*length tokens that say the same thing twice:
//
//	tokens   x1 ... xL               :   x1 ... x(L-1)
//	targets  Ignored ... Ignored     x1  x2 ... xL
//
// where L is length and each x is drawn from the numbers below symbols, which are their own ids; the sign : has the id
// symbols. A model can learn it only by looking back. With the same seed, a smaller n gives a prefix of a larger one.
func Copying(n, length, symbols int, seed uint64) (*Sequences, error) {
	if n < 0 || length < 1 || symbols < 2 {
		return nil, errors.Errorf("datasets: copying: %d sequences of length %d with %d symbols, want a length of at least 1 and at least 2 symbols", n, length, symbols)
	}
	if most := mostNumbers / 4 / uint64(max(n, 1)); uint64(length) > most {
		return nil, errors.Errorf("datasets: copying: no memory holds %d sequences of length %d", n, length)
	}
	v, err := numberVocabulary(symbols, ":")
	if err != nil {
		return nil, errors.WithMessage(err, "datasets: copying")
	}
	rows := make([][]int, n)
	for i := range rows {
		row := make([]int, 4*length)
		tokens, targets := row[:2*length], row[2*length:]
		rng := stream("copying", seed, uint64(i))
		for j := range length {
			x := rng.IntN(symbols)
			tokens[j], targets[j], targets[length+j] = x, Ignored, x
			if j+1 < length {
				tokens[length+1+j] = x
			}
		}
		tokens[length] = symbols
		rows[i] = row
	}
	return fixed(fmt.Sprintf("copying %d of %d symbols", length, symbols), v, 2*length, rows), nil
}
