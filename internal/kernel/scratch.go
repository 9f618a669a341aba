package kernel

import (
	"sync"

	"github.com/layernoise/layernoise/internal/hugepage"
)

// scratch keeps the work space of kernels between their calls: as many buffers
// as were ever in use at once, each as large as ever needed.
type scratch[T any] struct {
	alloc func(n int) []T
	mu    sync.Mutex
	free  [][]T
}

var (
	scratch32 = scratch[float32]{alloc: hugepage.Make[float32]}
	scratch64 = scratch[float64]{alloc: hugepage.Make[float64]}

	scratchInts = scratch[int]{alloc: func(n int) []int { return make([]int, n) }}
)

// borrow returns a buffer of n elements with unspecified contents. The caller
// hands it back with giveBack.
func borrow[T Float](n int) []T { return scratchOf[T]().borrow(n) }

func giveBack[T Float](buf []T) { scratchOf[T]().giveBack(buf) }

func scratchOf[T Float]() *scratch[T] {
	if s, ok := any(&scratch32).(*scratch[T]); ok {
		return s
	}
	return any(&scratch64).(*scratch[T])
}

// borrow takes the smallest buffer that is large enough, or replaces the
// largest one.
func (s *scratch[T]) borrow(n int) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, largest := -1, -1
	for i, buf := range s.free {
		if cap(buf) >= n && (best < 0 || cap(buf) < cap(s.free[best])) {
			best = i
		}
		if largest < 0 || cap(buf) > cap(s.free[largest]) {
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

func (s *scratch[T]) take(i int) []T {
	buf, last := s.free[i], len(s.free)-1
	s.free[i], s.free[last] = s.free[last], nil
	s.free = s.free[:last]
	return buf
}

func (s *scratch[T]) giveBack(buf []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, buf)
}
