package distributed

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkg/errors"
)

// The tests of this file run in the time of testing/synctest: nothing that they find depends on how fast the machine is, and
// a rank that would wait for ever fails them at once.

// A rank ends as soon as it has heard that all call Finalize. Others may hear of its end before they have heard that.
func TestFinalizeOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		w := p.world(t, 0, 3, time.Minute)
		for rank := 1; rank < 3; rank++ {
			p.world(t, rank, 3, time.Minute) // hears its alarms
		}
		end := func(rank int) {
			for tag, data := range map[int][]byte{tagCall: call{kind: finalize}.encode(), tagAlarm: make([]byte, alarmSize)} {
				if _, err := (wire{p, rank}).send(data, 0, tag); err != nil {
					t.Error(err)
				}
			}
		}
		end(1)
		time.AfterFunc(50*time.Millisecond, func() { end(2) })
		if err := w.Finalize(); err != nil {
			t.Fatal(err)
		}
	})
}

// A rank that fails when all others believe that the world has ended in order is heard of.
func TestFinalizeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		w := p.world(t, 0, 2, time.Minute)
		p.world(t, 1, 2, time.Minute) // hears its alarms
		for tag, data := range map[int][]byte{tagCall: call{kind: finalize}.encode(), tagAlarm: (&failure{text: "the disk is full"}).encode()} {
			if _, err := (wire{p, 1}).send(data, 0, tag); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finalize(); err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Fatalf("Finalize: %v: want the other rank's failure", err)
		}
	})
}

// What the ranks are told when one of them does something else.
func TestMisuse(t *testing.T) {
	tests := []struct {
		name string
		odd  func(w *World) error // what rank 1 of 3 does while the others add four numbers
		want string               // in the errors of the others
	}{
		{"another length", func(w *World) error { return Allreduce(w, make([]float32, 5)) }, "rank 1 calls Allreduce of 5 elements of 4 bytes"},
		{"another type", func(w *World) error { return Allreduce(w, make([]float64, 4)) }, "rank 1 calls Allreduce of 4 elements of 8 bytes"},
		{"another call", func(w *World) error { return Broadcast(w, 0, make([]float32, 4)) }, "rank 1 calls Broadcast of 4 elements"},
		{"it leaves", (*World).Finalize, "rank 1 calls Finalize"},
		{"it fails", func(w *World) error { return w.breakDown(errors.New("the disk is full")) }, "rank 1 of 3 failed: the disk is full"},
		{"it hangs", func(*World) error { return nil }, "5s in Allreduce of 4 elements of 4 bytes (its call 1) for rank 1, which"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				errs := newPost().run(t, 3, 5*time.Second, func(w *World) error {
					if err := w.Barrier(); err != nil {
						return err
					}
					if w.Rank() == 1 {
						_ = test.odd(w)
						return nil
					}
					err := Allreduce(w, make([]float32, 4))
					if again := w.Barrier(); again != err {
						return errors.Errorf("a call after %q gave %v: want the same error", fmt.Sprint(err), again)
					}
					return err
				})
				for _, rank := range []int{0, 2} {
					// A rank that is told by another one, which noticed first, says so.
					if err := errs[rank]; err == nil || !strings.Contains(err.Error(), test.want) {
						t.Errorf("rank %d: %v: want %q", rank, err, test.want)
					}
				}
			})
		})
	}
}

// trouble is what happens to one rank of a random run, in the middle of one of its calls: from a message on.
type trouble int

const (
	nothing trouble = iota
	dies            // nothing of it arrives any more, and it returns
	breaks          // the same, and messages to and from it end with errors
	hangs           // the same, but only for longer than the others wait
	reports         // it fails, and says so
	cutOff          // the messages between it and one other rank are lost
	troubles
)

func (k trouble) String() string {
	return [...]string{"nothing", "it dies", "its connections break", "it hangs", "it reports", "cut off"}[k]
}

// errDies ends a rank that is to die.
var errDies = errors.New("it dies")

// mortal is a wire whose rank meets with trouble after some messages.
type mortal struct {
	wire
	left     int // messages until then
	kind     trouble
	meet     func() error
	atTheEnd *bool // set if all ranks had called Finalize, so that some may not notice
}

func (m *mortal) send(data []byte, to, tag int) (pending, error) {
	if m.left--; m.left == 0 {
		// What others have of it already is not lost with a connection.
		*m.atTheEnd = tag == tagAlarm || m.kind == cutOff && tag == tagCall && decodeCall(data).kind == finalize
		if err := m.meet(); err != nil {
			return nil, err
		}
	}
	return m.wire.send(data, to, tag)
}

// TestTrouble runs worlds of random size through random calls over a slow wire, and lets something happen to one rank.
// Without trouble all results are right, and nothing is left under way. With trouble every other rank ends with an error
// that names the odd one, within the time that is set.
func TestTrouble(t *testing.T) {
	runs := 250
	if testing.Short() {
		runs = 50
	}
	met := make(map[trouble]int)
	for seed := range runs {
		kind := trouble(seed % int(troubles))
		t.Run(fmt.Sprintf("%d %v", seed, kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if randomRun(t, rand.New(rand.NewPCG(uint64(seed), 1)), kind) {
					met[kind]++
				}
			})
		})
	}
	for kind := range troubles {
		if met[kind] < runs/20 {
			t.Errorf("%v: in %d of %d runs only", kind, met[kind], runs)
		}
	}
}

// randomRun reports whether the trouble came, which it does not if the run is too short.
func randomRun(t *testing.T, rng *rand.Rand, kind trouble) (met bool) {
	const timeout = 30 * time.Millisecond
	n := 2 + rng.IntN(4)
	odd, other := rng.IntN(n), 0
	if kind == cutOff {
		n = max(n, 3) // so that somebody is not concerned
		odd = rng.IntN(n)
	}
	for other = rng.IntN(n); other == odd; {
		other = rng.IntN(n)
	}
	p := newPost()
	p.slow(rng)
	var cut func(route) bool
	p.lost = func(r route) bool { return cut != nil && cut(r) }
	meet := func(w *World) func() error {
		return func() error {
			p.mu.Lock()
			defer p.mu.Unlock()
			met = true
			switch kind {
			case dies:
				cut = func(r route) bool { return r.from == odd }
				return errDies
			case breaks:
				p.failed = func(r route) bool { return r.from == odd || r.to == odd }
				return errDies
			case hangs:
				p.mu.Unlock()
				time.Sleep(3 * moment)
				p.mu.Lock()
			case reports:
				return errors.New("the disk is full")
			case cutOff:
				cut = func(r route) bool { return r.from == odd && r.to == other || r.from == other && r.to == odd }
			}
			return nil
		}
	}
	after := 1 + rng.IntN(60)
	script := rng.Uint64()
	began := time.Now()
	var took [8]time.Duration
	atTheEnd := false
	errs := p.run(t, n, timeout, func(w *World) error {
		if w.rank == odd {
			w.wire = &mortal{wire{p, odd}, after, kind, meet(w), &atTheEnd}
		}
		err := randomCalls(w, rand.New(rand.NewPCG(script, 2)))
		took[w.rank] = time.Since(began)
		return err
	})
	if !met || kind == nothing {
		for rank, err := range errs {
			if err != nil {
				t.Errorf("rank %d of %d: %v", rank, n, err)
			}
		}
		if left := p.unfinished(); left > 0 {
			t.Errorf("%d messages were left under way", left)
		}
		return kind == nothing
	}
	for rank, err := range errs {
		if rank == odd && kind != cutOff {
			continue
		}
		if took[rank] > 2*timeout+3*moment {
			t.Errorf("rank %d of %d ended after %v", rank, n, took[rank])
		}
		if err == nil && atTheEnd {
			continue // it had heard of the odd one that all is well
		}
		if err == nil || !names(err, kind, odd, other) {
			t.Errorf("rank %d of %d, odd is %d (and %d): %v", rank, n, odd, other, err)
		}
	}
	return true
}

// names reports whether an error says which rank is the odd one.
func names(err error, kind trouble, odd, other int) bool {
	switch kind {
	case dies, breaks, hangs:
		return strings.Contains(err.Error(), fmt.Sprintf("for rank %d, which", odd))
	case reports:
		return strings.Contains(err.Error(), fmt.Sprintf("rank %d of ", odd)) && strings.Contains(err.Error(), "the disk is full")
	}
	// Each of the two misses the other one, and all who wait for one of them hear of it. None is silent, so all that are
	// waited for are named.
	_, missing, _ := strings.Cut(err.Error(), " for rank ")
	missing, _, _ = strings.Cut(missing, ", which")
	list := strings.Fields(missing)
	return slices.Contains(list, fmt.Sprint(odd)) || slices.Contains(list, fmt.Sprint(other))
}

// randomCalls makes the same random calls on every rank, and checks their results.
func randomCalls(w *World, rng *rand.Rand) error {
	for range 2 + rng.IntN(4) {
		n := rng.IntN(12 * 1024)
		var err error
		switch rng.IntN(4) {
		case 0:
			err = w.Barrier()
		case 1:
			x, root := vector[float64](w.rank, n), rng.IntN(w.size)
			if err = Broadcast(w, root, x); err == nil {
				err = sameBits(x, vector[float64](root, n))
			}
		default:
			x := vector[float32](w.rank, n)
			if err = Allreduce(w, x); err == nil {
				err = sameBits(x, treeSum[float32](w.size, n))
			}
		}
		if err != nil {
			return err
		}
	}
	return w.Finalize()
}

// stuck is a wire whose library does not end.
type stuck struct{ wire }

func (stuck) stop() error { select {} }

// A library that hangs at the end is given up when the time is over, with a line that says that the work is done.
func TestFinalizeHangsFor(t *testing.T) {
	errs := newPost().run(t, 2, 100*time.Millisecond, func(w *World) error {
		w.wire = stuck{w.wire.(wire)}
		w.calls, w.direct = make(chan func()), true
		go w.serve() // which stays behind
		return w.Finalize()
	})
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "MPI_Finalize did not end within 100ms: the library hangs") {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}
