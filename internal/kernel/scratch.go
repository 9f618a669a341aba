package kernel

import (
	"runtime"
	"sync"

	"github.com/layernoise/layernoise/internal/hugepage"
)

// scratch keeps the work space of kernels between their calls: as many buffers as were in use at once, each as large as
// needed. Buffers that nobody has used between two collections of garbage are released at the second one.
type scratch[T any] struct {
	alloc func(n int) []T
	mu    sync.Mutex
	free  []idle[T]
	aging bool // a sentinel waits for the next collection
}

// idle is a buffer that is not in use.
type idle[T any] struct {
	buf []T
	old bool // since before the last collection
}

var (
	scratch32 = scratch[float32]{alloc: hugepage.Make[float32]}
	scratch64 = scratch[float64]{alloc: hugepage.Make[float64]}

	scratchInts  = scratch[int]{alloc: func(n int) []int { return make([]int, n) }}
	scratchWords = scratch[uint32]{alloc: func(n int) []uint32 { return make([]uint32, n) }}
)

// borrow returns a buffer of n elements with unspecified contents. The caller hands it back with giveBack.
func borrow[T Float](n int) []T { return scratchOf[T]().borrow(n) }

func giveBack[T Float](buf []T) { scratchOf[T]().giveBack(buf) }

func scratchOf[T Float]() *scratch[T] {
	if s, ok := any(&scratch32).(*scratch[T]); ok {
		return s
	}
	return any(&scratch64).(*scratch[T])
}

// borrow takes the smallest buffer that is large enough, or replaces the largest one.
func (s *scratch[T]) borrow(n int) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, largest := -1, -1
	for i, f := range s.free {
		if cap(f.buf) >= n && (best < 0 || cap(f.buf) < cap(s.free[best].buf)) {
			best = i
		}
		if largest < 0 || cap(f.buf) > cap(s.free[largest].buf) {
			largest = i
		}
	}
	switch {
	case best >= 0:
		return s.take(best)[:n]
	case largest >= 0:
		s.take(largest)
	}
	return s.alloc(n)
}

// take removes buffer i from those that are free.
func (s *scratch[T]) take(i int) []T {
	buf, last := s.free[i].buf, len(s.free)-1
	s.free[i], s.free[last] = s.free[last], idle[T]{}
	s.free = s.free[:last]
	return buf
}

func (s *scratch[T]) giveBack(buf []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, idle[T]{buf: buf})
	if !s.aging {
		s.aging = true
		runtime.SetFinalizer(&sentinel[T]{of: s}, (*sentinel[T]).collected)
	}
}

// sentinel is garbage from the start, so that its finalizer runs after each collection.
type sentinel[T any] struct{ of *scratch[T] }

func (c *sentinel[T]) collected() {
	if c.of.age() {
		runtime.SetFinalizer(c, (*sentinel[T]).collected)
	}
}

// age releases what is old, and makes the rest old. It reports whether anything is left.
func (s *scratch[T]) age() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.free) - 1; i >= 0; i-- {
		if s.free[i].old {
			s.take(i)
		} else {
			s.free[i].old = true
		}
	}
	s.aging = len(s.free) > 0
	return s.aging
}
