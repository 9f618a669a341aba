package datasets

import "fmt"

// Ignored is the target of a position at which nothing is to be predicted.
const Ignored = -1

// Sequences is a data set for sequence models: sequences of tokens, all of the same length, with a target for each position,
// the token to predict there from the tokens up to it. They are cut from a Text or generated.
type Sequences struct {
	name       string
	vocabulary *Vocabulary
	context    int
	count      int

	// read writes the tokens and targets of sequence i. A shuffled pass draws one shift below shifts for all its sequences.
	read   func(i, shift int, tokens, targets []int)
	shifts int
}

// fixed makes sequences from n rows, each of context tokens followed by as many targets.
func fixed(name string, v *Vocabulary, context int, rows [][]int) *Sequences {
	return &Sequences{name: name, vocabulary: v, context: context, count: len(rows), shifts: 1,
		read: func(i, _ int, tokens, targets []int) {
			copy(tokens, rows[i][:context])
			copy(targets, rows[i][context:])
		}}
}

// Name returns the name of the data set, such as "addition modulo 97, train".
func (s *Sequences) Name() string { return s.name }

// Len returns the number of sequences.
func (s *Sequences) Len() int { return s.count }

// Context returns the number of tokens in each sequence.
func (s *Sequences) Context() int { return s.context }

// Vocabulary returns the vocabulary of the tokens.
func (s *Sequences) Vocabulary() *Vocabulary { return s.vocabulary }

// Sequence returns the tokens and targets of sequence i, as in an unshuffled pass.
func (s *Sequences) Sequence(i int) (tokens, targets []int) {
	tokens, targets = make([]int, s.context), make([]int, s.context)
	s.read(i, 0, tokens, targets)
	return tokens, targets
}

// String describes the data set in a line: name, number, length and vocabulary size.
func (s *Sequences) String() string {
	return fmt.Sprintf("%s: %d sequences of %d tokens, vocabulary of %d", s.name, s.count, s.context, s.vocabulary.Size())
}
