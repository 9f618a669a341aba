package datasets

import (
	"math"

	"github.com/pkg/errors"
)

// A share is the part of each pass over n images or sequences that one of several processes gets. All processes deal the
// same pass. Its batches are those of one process with ranks times the batch; each rank takes its part of each, rank 0 the
// first.
type share struct {
	n, batch    int
	last        Last
	rank, ranks int
}

// newShare checks a loader's settings; 0 ranks means one.
func newShare(n, batch int, last Last, rank, ranks int) (share, error) {
	s := share{n, batch, last, rank, max(ranks, 1)}
	switch {
	case batch < 1:
		return s, errors.Errorf("Batch is %d, not at least 1", batch)
	case last < LastShort || last > LastPad:
		return s, errors.Errorf("Last is %d, not LastShort, LastDrop or LastPad", last)
	case ranks < 0:
		return s, errors.Errorf("Ranks is %d, not at least 1", ranks)
	case rank < 0 || rank >= s.ranks:
		return s, errors.Errorf("Rank is %d of %d Ranks, not from 0 to %d", rank, s.ranks, s.ranks-1)
	case batch > math.MaxInt/s.ranks:
		return s, errors.Errorf("Batch is %d for %d Ranks, together more than %d", batch, s.ranks, math.MaxInt)
	}
	return s, nil
}

// mostNumbers is the largest number of elements of a batch: four terabytes of float32.
const mostNumbers = 1 << 40

// check returns an error if no memory can hold a batch of items of the given size.
func (s share) check(size int) error {
	if n := s.capacity(); uint64(n) > mostNumbers/uint64(size) {
		return errors.Errorf("Batch is %d: no memory holds %d times %d numbers", s.batch, n, size)
	}
	return nil
}

// batches returns the number of batches per pass, on every rank.
func (s share) batches() int {
	all := s.batch * s.ranks
	if s.last != LastDrop && s.n%all > 0 {
		return s.n/all + 1
	}
	return s.n / all
}

// capacity returns the number of items that a buffer must hold: those of the first batch, which is the largest, or one if
// there are no batches.
func (s share) capacity() int {
	if s.batches() == 0 {
		return 1
	}
	return s.size(0)
}

// whole reports whether batch number i of all ranks together is full, or was padded by LastPad.
func (s share) whole(i int) bool { return s.last == LastPad || (i+1)*s.batch*s.ranks <= s.n }

// size returns the number of items in batch number i on every rank. A short batch is divided evenly, rounding up.
func (s share) size(i int) int {
	if s.whole(i) {
		return s.batch
	}
	left := s.n - i*s.batch*s.ranks
	return (left-1)/s.ranks + 1
}

// first returns the position in the pass of the first item of this rank's batch number i. Positions beyond the end of a pass
// wrap around to its beginning.
func (s share) first(i int) int { return i*s.batch*s.ranks + s.rank*s.size(i) }

// valid returns how many items of this rank's batch number i no rank has shown before in the pass; they come first.
func (s share) valid(i int) int { return min(max(s.n-s.first(i), 0), s.size(i)) }
