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

// normed is small with batch norms that exchange numbers in the pass.
var normed = speedNetwork{name: "normed", make: func(i layers.Init) *layers.Sequential {
	return layers.NewSequential(layers.NewDense("fc1", 784, 50, i), layers.NewBatchNorm("bn1", 50, i), layers.NewReLU(),
		layers.NewDense("fc2", 50, 400, i), layers.NewBatchNorm("bn2", 400, i), layers.NewReLU(), layers.NewDense("fc3", 400, 10, i))
}, image: []int{784}, sync: true}

// checkOverlap compares trainings with and without Overlap: the same bits.
func checkOverlap(w *World) error {
	if err := overlaps(w, small); err != nil {
		return err
	}
	return errors.WithMessage(overlaps(w, normed), "with synchronised batch norms")
}

func overlaps(w *World, net speedNetwork) error {
	var weights [2][]float32
	for i := range weights {
		s, err := net.stepper(6, w, i == 1)
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

// TestOverlapTags: what a batch norm exchanges in the pass cannot be taken for a part of a gradient that is exchanged beside
// it. Both wait for each other's messages at once where these are slow.
func TestOverlapTags(t *testing.T) {
	p := newPost()
	p.delay = func() time.Duration { return 5 * time.Millisecond }
	errs := p.run(t, 2, time.Minute, func(w *World) error {
		s, err := normed.stepper(6, w, true)
		if err != nil {
			return err
		}
		for range 3 { // the first pass is not overlapped
			if err := s.step(); err != nil {
				return err
			}
		}
		return nil
	})
	for rank, err := range errs {
		if err != nil {
			t.Fatalf("rank %d: %v", rank, err)
		}
	}
	if p.mixed > 0 {
		t.Errorf("%d times two messages of one tag were waited for", p.mixed)
	}
}

// TestOverlapFails: a pass that fails ends all ranks, also those that wait for its numbers in theirs.
func TestOverlapFails(t *testing.T) {
	for _, net := range []speedNetwork{small, normed} {
		t.Run(net.name, func(t *testing.T) {
			errs := newPost().run(t, 3, time.Minute, func(w *World) error {
				s, err := net.stepper(6, w, true)
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
		})
	}
}

// TestOverlapHangs: a rank that does not come to a pass ends the others when their time is over, also while a batch norm
// waits.
func TestOverlapHangs(t *testing.T) {
	for _, net := range []speedNetwork{small, normed} {
		t.Run(net.name, func(t *testing.T) {
			const timeout = 300 * time.Millisecond
			var took [3]time.Duration
			errs := newPost().run(t, 3, timeout, func(w *World) error {
				s, err := net.stepper(6, w, true)
				if err != nil {
					return err
				}
				for range 2 {
					if err := s.step(); err != nil {
						return err
					}
				}
				if w.rank == 1 {
					return nil
				}
				began := time.Now()
				err = s.step()
				took[w.rank] = time.Since(began)
				return err
			})
			for _, rank := range []int{0, 2} {
				if err := errs[rank]; err == nil || !strings.Contains(err.Error(), "for rank 1, which") {
					t.Errorf("rank %d after %v: %v: want the rank that does not come", rank, took[rank], err)
				}
			}
		})
	}
}

// TestOverlapOtherMemory: gradients that are elsewhere in another pass are found there.
func TestOverlapOtherMemory(t *testing.T) {
	everyRank(t, 2, func(w *World) error {
		var weights [2][]float32
		for i := range weights {
			s, err := small.stepper(6, w, i == 1)
			if err != nil {
				return err
			}
			for range 2 {
				if err := s.step(); err != nil {
					return err
				}
			}
			if i == 1 {
				for _, x := range s.overlap.memory {
					if x.at == 0 || x.bytes == 0 {
						return errors.Errorf("a gradient is nowhere: %v", s.overlap.memory)
					}
				}
				s.overlap.memory[0].at++ // as if it had been elsewhere
				bits := s.overlap.places
				if err := s.step(); err != nil {
					return err
				}
				if &bits[0] == &s.overlap.places[0] {
					return errors.New("the list is that of other memory")
				}
				bits = s.overlap.places
				if err := s.step(); err != nil {
					return err
				}
				if &bits[0] != &s.overlap.places[0] {
					return errors.New("the list was made anew for the same memory")
				}
			} else {
				for range 2 {
					if err := s.step(); err != nil {
						return err
					}
				}
			}
			for _, m := range s.model {
				weights[i] = append(weights[i], m.Value().Data().([]float32)...)
			}
		}
		return sameBits(weights[1], weights[0])
	})
}

// TestSharedGradient: parameters that are added to each other have one gradient, which is exchanged once. One that is a part
// of another is refused.
func TestSharedGradient(t *testing.T) {
	const n = 3*fuseBelow + 7
	for _, length := range []int{5, n} {
		everyRank(t, 2, func(w *World) error {
			g := vector[float64](w.rank, length)
			other := vector[float64](w.rank+7, length)
			params := []parameter{{name: "a", grad: g}, {name: "b", grad: other}, {name: "c", grad: g}}
			_, f64, err := vectors(params)
			if err != nil || len(f64) != 2 {
				return errors.Errorf("%d gradients are exchanged, want 2: %v", len(f64), err)
			}
			var memory []float64
			if err := meanOf(w, f64, &memory); err != nil {
				return err
			}
			want := treeSum[float64](2, length)
			for i := range want {
				want[i] /= 2
			}
			if err := sameBits(g, want); err != nil {
				return err
			}
			if _, _, err := vectors(append(params, parameter{name: "d", grad: other[2:4]})); err == nil || !strings.Contains(err.Error(), "gradients of b and d share a part") {
				return errors.Errorf("a part of a gradient: %v", err)
			}
			return nil
		})
	}
}
