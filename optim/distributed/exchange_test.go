package distributed

import (
	"math"
	"math/rand/v2"
	"testing"

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
	return sumByPairs(parts)
}

// sumByPairs adds the vectors in the order that Allreduce promises.
func sumByPairs[T Float](parts [][]T) []T {
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
	if l, _ := launched(); l.launched {
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
