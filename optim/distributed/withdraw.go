package distributed

import (
	"fmt"

	"github.com/pkg/errors"
)

// A Withdrawal is the error of a collective call that a rank did not make, because it withdrew.
type Withdrawal struct {
	Rank, Ranks int    // which one, and of how many
	Code        int    // what it gave to Withdraw
	Reason      string // the same
}

// Error says which rank withdrew and why.
func (e *Withdrawal) Error() string {
	return fmt.Sprintf("distributed: rank %d of %d withdrew: %s", e.Rank, e.Ranks, e.Reason)
}

// Withdrawn returns which rank withdrew and what it gave, for programs that do not import this package.
func (e *Withdrawal) Withdrawn() (rank, code int, reason string) { return e.Rank, e.Code, e.Reason }

// maxReason is how long a reason may be, in bytes.
const maxReason = 1 << 10

// Withdraw tells the other ranks, in the place of the collective call that they make next or in which they wait now, that
// this rank does not make it, and why. That call returns a [Withdrawal] to them and changes nothing. The world goes on: the
// calls after it are again those that all ranks make. Code is any number of the program's from 0 to 1<<31-1; of the reason
// the first KB is told.
//
// Withdraw returns when all ranks have come to that call. Several may withdraw from one. In a world of one it does nothing.
// A rank whom the others may have to wait for long, or who has left a call half way, calls Fail or Abort.
func (w *World) Withdraw(code int, reason string) error {
	if code < 0 || code > 1<<31-1 {
		return errors.Errorf("distributed: Withdraw with code %d: want 0 to 1<<31-1", code)
	}
	if w.broken != nil || w.size == 1 {
		return w.broken
	}
	w.reason = reason[:min(len(reason), maxReason)]
	err := w.complete(w.count(call{kind: withdrawing, Count: uint64(len(w.reason)), Bytes: uint32(code)}), nil)
	if _, withdrawn := err.(*Withdrawal); withdrawn {
		return nil
	}
	return err
}

// withdrawn returns the Withdrawal of the first of the ranks that withdraw from a call, with the reason that it gives; nil
// if none does. A rank that withdraws itself gives its own to all.
func (w *World) withdrawn(c call, calls []call) error {
	reasons := make([][]byte, w.size)
	var list []waiting
	var first *Withdrawal
	for rank, other := range calls {
		if other.kind != withdrawing || other.Number != c.Number {
			continue
		}
		if first == nil {
			first = &Withdrawal{Rank: rank, Ranks: w.size, Code: int(other.Bytes)}
		}
		reasons[rank] = make([]byte, min(other.Count, maxReason))
		var err error
		switch {
		case len(reasons[rank]) == 0:
		case rank == w.rank:
			copy(reasons[rank], w.reason)
			var sends []waiting
			sends, err = w.sendAll(reasons[rank], tagData)
			list = append(list, sends...)
		default:
			var in waiting
			in, err = w.receive(reasons[rank], rank, tagData)
			list = append(list, in)
		}
		if err != nil {
			return err
		}
	}
	if first == nil {
		return nil
	}
	if err := w.wait(c, list); err != nil {
		return err
	}
	first.Reason = string(reasons[first.Rank])
	return first
}
