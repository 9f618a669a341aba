package layers

import (
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Ignored is the target of a place in a sequence at which nothing is to be predicted. It is datasets.Ignored.
const Ignored = -1

// SequenceBatches are sequences of tokens with their targets, handed out in batches, pass after pass. The sequence loaders of
// package datasets are; so is whatever else has these methods.
type SequenceBatches interface {
	// Start begins pass number epoch, on which the order of the sequences may depend.
	Start(epoch int) error

	// Next moves to the next batch, the first after Start. It returns false when there is none or after an error.
	Next() bool

	// Tokens returns the batch, (n, context) of type tensor.Int: the ids of the tokens, from 0. It may be overwritten by
	// Next.
	Tokens() *tensor.Dense

	// Targets returns the n*context tokens to predict, sequence after sequence: at each place the one that comes after the
	// tokens up to there, or Ignored.
	Targets() []int

	// Err returns what ended the pass early, nil at a regular end.
	Err() error

	// Len returns the number of batches in a pass.
	Len() int
}

// A SequencePass is one pass over sequences that keeps its own place. The methods are those of [SequenceBatches]; Valid is how
// many sequences of the batch, its first, count: the others fill it up. Passes of datasets.SequenceLoader are such passes.
type SequencePass = interface {
	Next() bool            // moves to the next batch, the first at first; false when there is none or after an error
	Tokens() *tensor.Dense // of the batch, which Next may overwrite
	Targets() []int        // of the batch, sequence after sequence
	Valid() int            // how many sequences of the batch count
	Err() error            // what ended the pass early, nil at a regular end
	Close() error          // ends the pass, half way too
}

// tokenInput is the node through which a graph gets its sequences.
type tokenInput struct {
	ids            []int // of the batch, the backing of the node
	batch, context int
}

// count returns how many sequences a batch holds, or why they and their targets do not fit.
func (in *tokenInput) count(tokens *tensor.Dense, targets []int, vocabulary int) (int, error) {
	if tokens == nil {
		return 0, errors.Wrap(ErrShape, "layers: no tokens")
	}
	s := tokens.Shape()
	switch {
	case tokens.Dtype() != tensor.Int:
		return 0, errors.Wrapf(ErrShape, "layers: tokens %v of %v, want int", s, tokens.Dtype())
	case len(s) != 2, s[0] < 1, s[1] != in.context:
		return 0, errors.Wrapf(ErrShape, "layers: tokens %v, want (N, %d)", s, in.context)
	case tokens.RequiresIterator() || !tokens.DataOrder().IsRowMajor():
		return 0, errors.Wrapf(ErrShape, "layers: tokens %v are not contiguous in memory", s)
	case len(targets) != s[0]*s[1]:
		return 0, errors.Wrapf(ErrShape, "layers: %d targets for tokens %v", len(targets), s)
	}
	for i, target := range targets {
		if target != Ignored && (target < 0 || target >= vocabulary) {
			return 0, errors.Wrapf(ErrLabel, "layers: target %d at place %d of sequence %d, want 0 to %d, or %d for none",
				target, i%in.context, i/in.context, vocabulary-1, Ignored)
		}
	}
	return s[0], nil
}

// load copies the sequences numbered lo to hi-1 to the first rows of the input. The other rows keep what they held.
func (in *tokenInput) load(tokens *tensor.Dense, lo, hi int) {
	copy(in.ids, tokens.Data().([]int)[lo*in.context:hi*in.context])
}
