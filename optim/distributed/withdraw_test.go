//go:build unix

package distributed

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
)

// checkWithdraw has ranks withdraw from calls of all kinds. The others are told, and the world goes on.
func checkWithdraw(w *World) error {
	long := strings.Repeat("why ", maxReason)
	x := []float64{1}
	odd := w.size - 1
	for i, call := range []func() error{
		func() error { return Allreduce(w, x) },
		func() error { return Broadcast(w, odd, x) },
		func() error { _, err := w.Share([]byte("something")); return err },
		w.Barrier,
		w.Finalize,
	} {
		for _, reason := range []string{"the disk is full", "", long} {
			for _, first := range []int{odd, max(0, odd-1), 0} { // of those that withdraw
				if w.rank >= first {
					if err := w.Withdraw(7, reason); err != nil {
						return errors.WithMessagef(err, "call %d", i)
					}
				} else {
					var told *Withdrawal
					err := call()
					if !errors.As(err, &told) || told.Rank != first || told.Code != 7 || told.Reason != reason[:min(maxReason, len(reason))] {
						return errors.Errorf("call %d, from which rank %d withdraws: %v", i, first, err)
					}
				}
				sum := []float64{1}
				if err := Allreduce(w, sum); err != nil || sum[0] != float64(w.size) {
					return errors.Errorf("a call after that: %v, %v", sum, err)
				}
			}
		}
	}
	if x[0] != 1 {
		return errors.Errorf("a call that a rank withdrew from has made %v of 1", x[0])
	}
	return nil
}

func TestWithdraw(t *testing.T) {
	for n := range 4 {
		everyRank(t, n+1, checkWithdraw)
	}
	if err := (&World{size: 1}).Withdraw(-1, ""); err == nil {
		t.Error("the code -1")
	}
}

// TestWithdrawBesideOverlap: a rank withdraws from the exchange of a pass that the others make, in which batch norms call
// too. Then all go on.
func TestWithdrawBesideOverlap(t *testing.T) {
	for _, net := range []speedNetwork{small, normed} {
		t.Run(net.name, func(t *testing.T) {
			everyRank(t, 3, func(w *World) error {
				s, err := net.stepper(6, w, true)
				if err != nil {
					return err
				}
				for i := range 4 {
					if i != 2 {
						err = s.step()
					} else if w.rank == 1 {
						err = w.Withdraw(3, "a bad image")
					} else if err = s.machine.RunAll(); err == nil || !strings.Contains(err.Error(), "rank 1 of 3 withdrew: a bad image") {
						return errors.Errorf("the pass of the others: %v", err)
					} else {
						s.machine.Reset()
						err = s.solver.(*optim.PerturbedSolver).Restore()
					}
					if err != nil {
						return errors.WithMessagef(err, "step %d", i)
					}
				}
				return nil
			})
		})
	}
}

// TestWithdrawHangs: a rank that withdraws from a call to which another one does not come waits no longer than for any call.
func TestWithdrawHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := newPost().run(t, 3, 5*time.Second, func(w *World) error {
			switch w.rank {
			case 0:
				return w.Barrier()
			case 1:
				return w.Withdraw(0, "the disk is full")
			}
			return nil
		})
		for _, rank := range []int{0, 1} {
			if err := errs[rank]; err == nil || !strings.Contains(err.Error(), "for rank 2, which") {
				t.Errorf("rank %d: %v: want the rank that hangs", rank, err)
			}
		}
	})
}
