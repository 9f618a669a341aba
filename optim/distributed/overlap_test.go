//go:build unix

package distributed

import (
	"strings"
	"testing"
	"time"

	"github.com/layernoise/layernoise/layers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// small is a network with two gradients that are exchanged while the pass goes on, and some small ones.
var small = speedNetwork{name: "small", make: func(i layers.Init) *layers.Sequential { return layers.NewMLP(i, 784, 50, 400, 10) }, image: []int{784}}

// checkOverlap compares trainings with and without Overlap: the same bits.
func checkOverlap(w *World) error {
	var weights [2][]float32
	for i := range weights {
		s, err := small.stepper(6, w, i == 1)
		if err != nil {
			return err
		}
		for range 5 {
			if err := s.step(); err != nil {
				return err
			}
		}
		for _, m := range s.model {
			weights[i] = append(weights[i], m.Value().Data().([]float32)...)
		}
	}
	return sameBits(weights[1], weights[0])
}

func TestOverlap(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		everyRank(t, n, checkOverlap)
	}
}

// TestOverlapEarly: the large gradients leave before the pass has ended.
func TestOverlapEarly(t *testing.T) {
	everyRank(t, 2, func(w *World) error {
		s, err := small.stepper(6, w, true)
		if err != nil {
			return err
		}
		o := s.overlap
		early := 0
		o.VM = watched{o.VM, func() {
			if o.list == nil {
				return // the first pass
			}
			for _, ready := range o.list.ready {
				if ready {
					early++
				}
			}
		}}
		for range 2 {
			if err := s.step(); err != nil {
				return err
			}
		}
		if early != 2 {
			return errors.Errorf("%d gradients were ready when the pass ended, want 2", early)
		}
		return nil
	})
}

// watched is a machine that calls a function at the end of each pass but the first.
type watched struct {
	G.VM
	after func()
}

func (v watched) RunAll() error {
	err := v.VM.RunAll()
	v.after()
	return err
}

// failing is a machine whose passes fail.
type failing struct{ G.VM }

func (failing) RunAll() error { return errors.New("a bad image") }

// TestOverlapFails: a pass that fails ends all ranks.
func TestOverlapFails(t *testing.T) {
	errs := newPost().run(t, 3, time.Minute, func(w *World) error {
		s, err := small.stepper(6, w, true)
		if err != nil {
			return err
		}
		if err := s.step(); err != nil {
			return err
		}
		if w.rank == 1 {
			s.overlap.VM = failing{s.overlap.VM}
		}
		return s.step()
	})
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "a bad image") {
			t.Errorf("rank %d: %v", rank, err)
		}
		if rank != 1 && !strings.Contains(err.Error(), "rank 1 of 3 failed") {
			t.Errorf("rank %d: %v: want the rank that failed", rank, err)
		}
	}
}
