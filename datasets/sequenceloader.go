package datasets

import (
	"fmt"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// A SequenceConfig says how a SequenceLoader makes batches. Only Batch has to be set.
type SequenceConfig struct {
	// Batch is the number of sequences of a batch, at least 1. A data set of fewer gives short batches, or with LastDrop none.
	Batch int

	// Shuffle deals the sequences in another order in every pass, and cuts a text at other places. By default they come in the
	// order of the data set.
	Shuffle bool

	// Seed determines, with the number of the pass, every random choice.
	Seed uint64

	// Last says what becomes of a last batch that is not full. By default it is short.
	Last Last

	// Rank and Ranks share each pass among Ranks processes, of which this is number Rank, as those of LoaderConfig do. By
	// default there is one process.
	Rank, Ranks int
}

// A SequenceLoader hands out sequences in batches, pass after pass, as a [Loader] does images:
//
//	for epoch := range epochs {
//		if err := loader.Start(epoch); err != nil { ... }
//		for loader.Next() {
//			use(loader.Tokens(), loader.Targets())
//		}
//		if err := loader.Err(); err != nil { ... }
//	}
//
// The order is a function of the seed and of the number of the pass. Start begins the loader's own pass, which is for one
// goroutine at a time; Pass makes others, any number at once, that do not disturb it.
type SequenceLoader struct {
	data   *Sequences
	config SequenceConfig
	share  share
	count  int // batches a pass

	own *sequencePass // that of Start, nil before
	err error         // ErrNotStarted, before Start
}

// Loader makes a loader.
func (s *Sequences) Loader(config SequenceConfig) (*SequenceLoader, error) {
	share, err := newShare(s.count, config.Batch, config.Last, config.Rank, config.Ranks)
	if err != nil {
		return nil, errors.WithMessage(err, "datasets: sequence loader")
	}
	return &SequenceLoader{data: s, config: config, share: share, count: share.batches(), err: ErrNotStarted}, nil
}

// String writes the loader in a line: its data set, its batches, and what its order depends on.
func (l *SequenceLoader) String() string {
	return fmt.Sprintf("%v; %s", l.data, batchesText(l.count, l.config.Batch, l.config.Shuffle, l.config.Seed))
}

// Len is the number of batches in a pass, the same on all ranks.
func (l *SequenceLoader) Len() int { return l.count }

// Ranks returns which of how many processes the loader's part is for.
func (l *SequenceLoader) Ranks() (rank, ranks int) { return l.share.rank, l.share.ranks }

// Start begins pass number epoch, which may be any number from 0, in any order and more than once. The pass before it,
// finished or not, is over.
func (l *SequenceLoader) Start(epoch int) error {
	p, err := l.newPass(epoch, 0)
	if err != nil {
		return err
	}
	l.own, l.err = p, nil
	return nil
}

// Next moves on to the next batch and reports whether there is one.
func (l *SequenceLoader) Next() bool { return l.own != nil && l.own.Next() }

// Tokens is the batch, (n, Context) of type tensor.Int: the ids of the tokens. It is nil before the first Next and after the
// last. The tensor is the loader's own and valid until the next Next or Start.
func (l *SequenceLoader) Tokens() *tensor.Dense {
	if l.own == nil {
		return nil
	}
	return l.own.Tokens()
}

// Targets are the n*Context targets of the batch, sequence after sequence: the id of the token that is to be predicted at
// each place, or Ignored. They are valid as long as Tokens.
func (l *SequenceLoader) Targets() []int {
	if l.own == nil {
		return nil
	}
	return l.own.Targets()
}

// Valid is the number of sequences of the batch, its first, that the pass has not shown before, on any rank: n, except for a
// last batch that has been filled up.
func (l *SequenceLoader) Valid() int {
	if l.own == nil {
		return 0
	}
	return l.own.Valid()
}

// Whole reports whether the batches of all ranks together are Ranks times Batch sequences, or have been filled up to that by
// LastPad. It is the same on all ranks.
func (l *SequenceLoader) Whole() bool { return l.own != nil && l.own.Whole() }

// Err is why Next returned false, when that was not the end of the pass: ErrNotStarted.
func (l *SequenceLoader) Err() error { return l.err }

// Pass begins a pass of its own, number epoch from 0, at its batch number first: those before it are left out, the others
// are those of Start(epoch).
func (l *SequenceLoader) Pass(epoch, first int) (SequencePass, error) {
	p, err := l.newPass(epoch, first)
	if err != nil {
		return nil, err // not p: an interface with a nil pointer is not nil
	}
	return p, nil
}

// A SequencePass is one pass over the batches of a [SequenceLoader], for one goroutine at a time. The methods are those of
// SequenceLoader with the same names; Close ends the pass, half way too. A pass of a SequenceLoader has Whole, too.
type SequencePass = interface {
	Next() bool            // moves to the next batch, the first at first; false when there is none or after an error
	Tokens() *tensor.Dense // of the batch, which Next may overwrite
	Targets() []int        // of the batch, sequence after sequence
	Valid() int            // how many sequences of the batch count
	Err() error            // what ended the pass early, nil at a regular end
	Close() error          // ends the pass, half way too
}

// A sequencePass is what SequenceLoader.Pass returns.
type sequencePass struct {
	loader *SequenceLoader
	order  []int // the sequences in the order of this pass
	shift  int   // of all of them
	given  int   // the batch that Next gives out next

	full    *tensor.Dense // Batch sequences
	tokens  *tensor.Dense // the batch: full, or its first sequences; nil for none
	targets []int
	valid   int
	err     error
}

func (l *SequenceLoader) newPass(epoch, first int) (*sequencePass, error) {
	if epoch < 0 {
		return nil, errors.Errorf("datasets: sequence loader: pass %d, not at least 0", epoch)
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
	batch, context := l.config.Batch, l.data.context
	p.full = tensor.New(tensor.Of(tensor.Int), tensor.WithShape(batch, context))
	p.targets = make([]int, batch*context)
	return p, nil
}

func (p *sequencePass) Next() bool {
	p.tokens = nil
	if p.err != nil || p.given == p.loader.count {
		return false
	}
	batch, context := p.loader.config.Batch, p.loader.data.context
	share := p.loader.share
	first, n := share.first(p.given), share.size(p.given)
	p.valid = share.valid(p.given)
	ids := p.full.Data().([]int)[:n*context]
	p.targets = p.targets[:n*context]
	for i := range n {
		lo, hi := i*context, (i+1)*context
		p.loader.data.read(p.order[(first+i)%len(p.order)], p.shift, ids[lo:hi], p.targets[lo:hi])
	}
	p.tokens = p.full
	if n < batch {
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

// Whole reports what SequenceLoader.Whole does.
func (p *sequencePass) Whole() bool { return p.tokens != nil && p.loader.share.whole(p.given-1) }

func (p *sequencePass) Err() error { return p.err }

func (p *sequencePass) Close() error {
	p.tokens, p.err = nil, ErrClosed
	return nil
}
