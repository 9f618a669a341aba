package datasets

import (
	"fmt"
	"math"
	"strconv"

	"github.com/pkg/errors"
)

// numberVocabulary is a vocabulary of the numbers below n and of a sign, which has the id n.
func numberVocabulary(n int, sign string) (*Vocabulary, error) {
	tokens := make([]string, n, n+1)
	for i := range tokens {
		tokens[i] = strconv.Itoa(i)
	}
	return newVocabulary(append(tokens, sign), splitWords, " ")
}

// ModularAddition draws the task on which networks have been seen to generalise long after they knew the training set by
// heart ("grokking"). Its p*p sequences are the sums a + b modulo p, in three tokens:
//
//	tokens   a        b        =
//	targets  Ignored  Ignored  (a + b) mod p
//
// The number a is token a, the sign = is token p. The share fraction of the sequences, rounded to the nearest number and
// drawn at random by the seed, is to train with, the others to test with; both must get some. p is at least 2.
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
		return nil, nil, errors.Errorf("datasets: addition modulo %d: a fraction of %v of its %d sequences to train with leaves train or test empty", p, fraction, p*p)
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

// Copying draws n sequences that say the same thing twice, of 2*length tokens:
//
//	tokens   x1 ... xL               :   x1 ... x(L-1)
//	targets  Ignored ... Ignored     x1  x2 ... xL
//
// with length L and each x drawn from the numbers below symbols, which are their own ids; the sign : has the id symbols. A
// model learns it only if it can look back. A smaller n with the same seed is the beginning of a larger one.
func Copying(n, length, symbols int, seed uint64) (*Sequences, error) {
	if n < 0 || length < 1 || symbols < 2 {
		return nil, errors.Errorf("datasets: copying: %d sequences of %d out of %d symbols, want a length of 1 and 2 symbols at least", n, length, symbols)
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
