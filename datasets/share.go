package datasets

import "github.com/pkg/errors"

// A share is what one of several processes gets of each pass over n images or sequences. All of them deal the same pass. Its
// batches are those of one process with ranks times the batch, of each of which a rank takes its part: the first has the
// first images, and so on.
type share struct {
	n, batch    int
	last        Last
	rank, ranks int
}

// newShare checks a loader's settings; ranks 0 stands for one.
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
	}
	return s, nil
}

// batches is how many there are in a pass, on every rank.
func (s share) batches() int {
	all := s.batch * s.ranks
	if s.last == LastDrop {
		return s.n / all
	}
	return (s.n + all - 1) / all
}

// whole reports whether batch number i of all ranks together is full, or has been filled up by LastPad.
func (s share) whole(i int) bool { return s.last == LastPad || (i+1)*s.batch*s.ranks <= s.n }

// size is how many places batch number i has on every rank: of a short one, which the ranks divide evenly, those of the rank
// that gets most.
func (s share) size(i int) int {
	if s.whole(i) {
		return s.batch
	}
	left := s.n - i*s.batch*s.ranks
	return (left + s.ranks - 1) / s.ranks
}

// first is the place in the pass of the first image of this rank's batch number i. From the end of a pass on it goes on at
// its beginning.
func (s share) first(i int) int { return i*s.batch*s.ranks + s.rank*s.size(i) }

// valid is how many images of this rank's batch number i, its first, no rank has shown before in the pass.
func (s share) valid(i int) int { return min(max(s.n-s.first(i), 0), s.size(i)) }
