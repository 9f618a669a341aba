package datasets

import (
	"fmt"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

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

// A SequenceConfig says how a SequenceLoader makes batches. Only Batch is required.
type SequenceConfig struct {
	// Batch is the number of sequences per batch, at least 1. A data set with fewer gives one short batch, or none with
	// LastDrop.
	Batch int

	// Shuffle serves the sequences in a different order in every pass, and cuts a text at different places. By default they
	// come in the order of the data set.
	Shuffle bool

	// Seed determines, together with the number of the pass, every random choice.
	Seed uint64

	// Last says what happens to an incomplete last batch. By default it is served short.
	Last Last

	// Rank and Ranks divide each pass among Ranks processes, of which this is number Rank, as in LoaderConfig. By default there
	// is one process.
	Rank, Ranks int
}

// A SequenceLoader serves sequences in batches, pass after pass, as a [Loader] does images:
//
//	for epoch := range epochs {
//		if err := loader.Start(epoch); err != nil { ... }
//		for loader.Next() {
//			use(loader.Tokens(), loader.Targets())
//		}
//		if err := loader.Err(); err != nil { ... }
//	}
//
// The order is a function of the seed and the number of the pass. Start begins the loader's own pass, which is for one
// goroutine at a time; Pass begins independent passes, any number at once.
type SequenceLoader struct {
	data   *Sequences
	config SequenceConfig
	share  share
	count  int // batches per pass

	own *sequencePass // the pass of Start, nil before
	err error         // ErrNotStarted, before Start
}

// Loader returns a loader of the sequences. The error names the setting that is out of range.
func (s *Sequences) Loader(config SequenceConfig) (*SequenceLoader, error) {
	share, err := newShare(s.count, config.Batch, config.Last, config.Rank, config.Ranks)
	if err == nil {
		err = share.check(s.context)
	}
	if err != nil {
		return nil, errors.WithMessage(err, "datasets: sequence loader")
	}
	return &SequenceLoader{data: s, config: config, share: share, count: share.batches(), err: ErrNotStarted}, nil
}

// String describes the loader in a line: its data set, its batches, and what determines their order.
func (l *SequenceLoader) String() string {
	return fmt.Sprintf("%v; %s", l.data, batchesText(l.count, l.config.Batch, l.config.Shuffle, l.config.Seed))
}

// Len returns the number of batches per pass, which is the same on all ranks.
func (l *SequenceLoader) Len() int { return l.count }

// Ranks returns the rank that the loader serves and the number of ranks.
func (l *SequenceLoader) Ranks() (rank, ranks int) { return l.share.rank, l.share.ranks }

// Start begins pass number epoch, counting from 0. Passes may be run in any order and repeatedly. Start ends the previous
// pass, finished or not.
func (l *SequenceLoader) Start(epoch int) error {
	p, err := l.newPass(epoch, 0)
	if err != nil {
		return err
	}
	l.own, l.err = p, nil
	return nil
}

// Next advances to the next batch and reports whether there is one.
func (l *SequenceLoader) Next() bool { return l.own != nil && l.own.Next() }

// Tokens returns the token ids of the batch, (n, Context) of type tensor.Int. It is nil before the first Next and after the
// last. The tensor belongs to the loader and is valid until the next call of Next or Start.
func (l *SequenceLoader) Tokens() *tensor.Dense {
	if l.own == nil {
		return nil
	}
	return l.own.Tokens()
}

// Targets returns the n*Context targets of the batch, sequence after sequence: the id of the token to predict at each
// position, or Ignored. They are valid as long as Tokens.
func (l *SequenceLoader) Targets() []int {
	if l.own == nil {
		return nil
	}
	return l.own.Targets()
}

// Valid returns how many of the batch's n sequences are new in this pass, on any rank; they come first. It is n except for a
// last batch that was padded.
func (l *SequenceLoader) Valid() int {
	if l.own == nil {
		return 0
	}
	return l.own.Valid()
}

// Whole reports whether the batches of all ranks together hold Ranks times Batch sequences, or were padded to that by
// LastPad. It is the same on all ranks.
func (l *SequenceLoader) Whole() bool { return l.own != nil && l.own.Whole() }

// Err returns why Next returned false, unless it was the end of the pass: ErrNotStarted.
func (l *SequenceLoader) Err() error { return l.err }

// Pass begins an independent pass over the batches of Start(epoch), from batch number first on; both count from 0.
func (l *SequenceLoader) Pass(epoch, first int) (SequencePass, error) {
	p, err := l.newPass(epoch, first)
	if err != nil {
		return nil, err // not p: an interface with a nil pointer is not nil
	}
	return p, nil
}

// A SequencePass is one pass over the batches of a [SequenceLoader], for one goroutine at a time. The methods are those of
// SequenceLoader of the same names; Close ends the pass, finished or not. A SequenceLoader's pass also has a method Whole.
type SequencePass = interface {
	Next() bool            // advances to the next batch; false if there is none, or after an error
	Tokens() *tensor.Dense // of the batch, which Next may overwrite
	Targets() []int        // of the batch, sequence after sequence
	Valid() int            // how many sequences of the batch are new, those that come first
	Err() error            // what ended the pass early, nil at its regular end
	Close() error          // ends the pass, finished or not
}

// A sequencePass is the SequencePass of a SequenceLoader.
type sequencePass struct {
	loader *SequenceLoader
	order  []int // the sequences in the order of this pass
	shift  int   // of all of them
	given  int   // the next batch to return

	full    *tensor.Dense // as many sequences as the largest batch has
	tokens  *tensor.Dense // the batch: full, or its first sequences; nil for none
	targets []int
	valid   int
	err     error
}

func (l *SequenceLoader) newPass(epoch, first int) (*sequencePass, error) {
	if epoch < 0 {
		return nil, errors.Errorf("datasets: sequence loader: pass %d is negative", epoch)
	}
	if first < 0 || first > l.count {
		return nil, errors.Errorf("datasets: sequence loader: batch %d of a pass of %d", first, l.count)
	}
	p := &sequencePass{loader: l, order: make([]int, l.data.count), given: first}
	for i := range p.order {
		p.order[i] = i
	}
	if l.config.Shuffle {
		rng := stream("sequences", l.config.Seed, uint64(epoch))
		rng.Shuffle(len(p.order), func(i, j int) { p.order[i], p.order[j] = p.order[j], p.order[i] })
		p.shift = rng.IntN(l.data.shifts)
	}
	capacity, context := l.share.capacity(), l.data.context
	p.full = tensor.New(tensor.Of(tensor.Int), tensor.WithShape(capacity, context))
	p.targets = make([]int, capacity*context)
	return p, nil
}

func (p *sequencePass) Next() bool {
	p.tokens = nil
	if p.err != nil || p.given == p.loader.count {
		return false
	}
	share, context := p.loader.share, p.loader.data.context
	first, n := share.first(p.given), share.size(p.given)
	p.valid = share.valid(p.given)
	ids := p.full.Data().([]int)[:n*context]
	p.targets = p.targets[:n*context]
	for i := range n {
		lo, hi := i*context, (i+1)*context
		p.loader.data.read(p.order[(first+i)%len(p.order)], p.shift, ids[lo:hi], p.targets[lo:hi])
	}
	p.tokens = p.full
	if n < share.capacity() {
		p.tokens = tensor.New(tensor.WithShape(n, context), tensor.WithBacking(ids))
	}
	p.given++
	return true
}

func (p *sequencePass) Tokens() *tensor.Dense { return p.tokens }

func (p *sequencePass) Targets() []int {
	if p.tokens == nil {
		return nil
	}
	return p.targets
}

func (p *sequencePass) Valid() int {
	if p.tokens == nil {
		return 0
	}
	return p.valid
}

// Whole is SequenceLoader.Whole.
func (p *sequencePass) Whole() bool { return p.tokens != nil && p.loader.share.whole(p.given-1) }

func (p *sequencePass) Err() error { return p.err }

func (p *sequencePass) Close() error {
	p.tokens, p.err = nil, ErrClosed
	return nil
}
