package datasets

import (
	"slices"
	"sync"
	"testing"
)

// TestPasses runs passes side by side and checks that each sees what it sees alone, from any batch on.
func TestPasses(t *testing.T) {
	l := newLoader(t, numbered(t, 23), LoaderConfig{
		Batch: 4, Shuffle: true, Seed: 3, Last: LastPad, Workers: 2, Augment: Augmentation{Flip: true},
	})
	alone := func(epoch int) (labels [][]int, values [][]float32, valid []int) {
		if err := l.Start(epoch); err != nil {
			t.Fatal(err)
		}
		for l.Next() {
			labels, valid = append(labels, slices.Clone(l.Labels())), append(valid, l.Valid())
			values = append(values, slices.Clone(l.Images().Data().([]float32)))
		}
		return labels, values, valid
	}
	for epoch := range 2 {
		want, values, valid := alone(epoch)
		if err := l.Start(1 - epoch); err != nil || !l.Next() {
			t.Fatal(err)
		}
		own := slices.Clone(l.Labels())
		for first := range len(want) + 1 {
			p, err := l.Pass(epoch, first)
			if err != nil {
				t.Fatal(err)
			}
			for i := first; i < len(want); i++ {
				if !p.Next() || !slices.Equal(p.Labels(), want[i]) ||
					!slices.Equal(p.Images().Data().([]float32), values[i]) || p.Valid() != valid[i] {
					t.Errorf("epoch %d from batch %d: batch %d is %v, want %v", epoch, first, i, p.Labels(), want[i])
				}
			}
			if p.Next() || p.Err() != nil {
				t.Errorf("a batch after the last, or %v", p.Err())
			}
			p.Close()
		}
		if !slices.Equal(l.Labels(), own) {
			t.Error("the loader's own pass has moved")
		}
	}
	for _, at := range [][2]int{{-1, 0}, {0, -1}, {0, 7}} {
		if p, err := l.Pass(at[0], at[1]); err == nil || p != nil {
			t.Errorf("pass %v was begun", at)
		}
	}
	l.Close()
	if p, err := l.Pass(0, 0); err != ErrClosed || p != nil {
		t.Errorf("pass of a closed loader: %v", err)
	}
}

// TestPassesOnGoroutines is for the race detector.
func TestPassesOnGoroutines(t *testing.T) {
	l := newLoader(t, numbered(t, 23), LoaderConfig{Batch: 4, Shuffle: true, Workers: 2})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for epoch := range 5 {
				p, err := l.Pass(epoch, 0)
				if err != nil {
					t.Error(err)
					return
				}
				batches := 0
				for p.Next() {
					batches++
				}
				if batches != l.Len() {
					t.Errorf("%d batches of %d", batches, l.Len())
				}
				p.Close()
			}
		})
	}
	for epoch := range 5 {
		if err := l.Start(epoch); err != nil {
			t.Fatal(err)
		}
		for l.Next() {
		}
	}
	all.Wait()
}
