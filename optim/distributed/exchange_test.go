package distributed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"
)

// vector is rank's vector in the tests.
func vector[T Float](rank, n int) []T {
	rng := rand.New(rand.NewPCG(uint64(rank), uint64(n)))
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

// treeSum is the sum of all ranks' vectors by its definition.
func treeSum[T Float](ranks, n int) []T {
	parts := make([][]T, ranks)
	for r := range parts {
		parts[r] = vector[T](r, n)
	}
	for len(parts) > 1 {
		var sums [][]T
		for i := 0; i < len(parts); i += 2 {
			if i+1 < len(parts) {
				for j, v := range parts[i+1] {
					parts[i][j] += v
				}
			}
			sums = append(sums, parts[i])
		}
		parts = sums
	}
	return parts[0]
}

func sameBits[T Float](x, y []T) error {
	if len(x) != len(y) {
		return errors.Errorf("%d elements: want %d", len(x), len(y))
	}
	for i := range x {
		if math.Float64bits(float64(x[i])) != math.Float64bits(float64(y[i])) {
			return errors.Errorf("element %d of %d is %v: want %v", i, len(x), x[i], y[i])
		}
	}
	return nil
}

// lengths of vectors: less than an element a rank, and more than the blocks that are under way at a time.
var lengths = []int{0, 1, 2, 5, 1000, 6*1024 + 3, 8 * 1024}

func checkAllreduce[T Float](w *World) error {
	for _, n := range lengths {
		x := vector[T](w.Rank(), n)
		if err := Allreduce(w, x); err != nil {
			return err
		}
		if err := sameBits(x, treeSum[T](w.Size(), n)); err != nil {
			return errors.Wrapf(err, "rank %d of %d, %T", w.Rank(), w.Size(), x)
		}
	}
	return nil
}

func checkBroadcast[T Float](w *World) error {
	for root := range w.Size() {
		for _, n := range lengths {
			x := vector[T](w.Rank(), n)
			if err := Broadcast(w, root, x); err != nil {
				return err
			}
			if err := sameBits(x, vector[T](root, n)); err != nil {
				return errors.Wrapf(err, "rank %d of %d, from %d, %T", w.Rank(), w.Size(), root, x)
			}
		}
	}
	return nil
}

// checkExchange tries all exchanges of a world. The tests under a launcher call it, too.
func checkExchange(w *World) error {
	for _, check := range []func(*World) error{
		checkAllreduce[float32], checkAllreduce[float64], checkBroadcast[float32], checkBroadcast[float64], (*World).Barrier,
	} {
		if err := check(w); err != nil {
			return err
		}
	}
	return nil
}

func TestExchange(t *testing.T) {
	for n := 1; n <= 5; n++ {
		everyRank(t, n, func(w *World) error {
			if err := checkExchange(w); err != nil {
				return err
			}
			return w.Finalize()
		})
	}
}

// A world without a launcher needs no library, and its calls do nothing.
func TestAlone(t *testing.T) {
	if launched().launched {
		t.Skip("a launcher started this test")
	}
	w, err := Init(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Rank() != 0 || w.Size() != 1 {
		t.Fatalf("rank %d of %d: want 0 of 1", w.Rank(), w.Size())
	}
	if err := checkExchange(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Finalize(); err != nil {
		t.Fatal(err)
	}
}

// A rank ends as soon as it has heard that all call Finalize. Others may hear of its end before they have heard that.
func TestFinalizeOneByOne(t *testing.T) {
	p := &post{boxes: make(map[route][]*letter)}
	w := &World{size: 3, timeout: time.Minute, wire: wire{p, 0}}
	if err := w.listen(); err != nil {
		t.Fatal(err)
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
}

// What the ranks are told when one of them does something else.
func TestMisuse(t *testing.T) {
	const timeout = 300 * time.Millisecond
	tests := []struct {
		name string
		odd  func(w *World) error // what rank 1 of 3 does while the others add four numbers
		want string               // in the errors of the others
	}{
		{"another length", func(w *World) error { return Allreduce(w, make([]float32, 5)) }, "rank 1 calls Allreduce of 5 elements of 4 bytes"},
		{"another type", func(w *World) error { return Allreduce(w, make([]float64, 4)) }, "rank 1 calls Allreduce of 4 elements of 8 bytes"},
		{"another call", func(w *World) error { return Broadcast(w, 0, make([]float32, 4)) }, "rank 1 calls Broadcast of 4 elements"},
		{"it leaves", (*World).Finalize, "rank 1 calls Finalize"},
		{"it fails", func(w *World) error { w.fail(errors.New("the disk is full")); return nil }, "rank 1 of 3 failed: the disk is full"},
		{"it hangs", func(*World) error { return nil }, "300ms in Allreduce of 4 elements of 4 bytes (its call 1) for rank 1, which"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			errs := ranks(t, 3, timeout, func(w *World) error {
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
	}
}
