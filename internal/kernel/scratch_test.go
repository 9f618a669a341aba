package kernel

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
	"weak"
)

// collect collects garbage until done reports true, for some seconds at most.
func collect(done func() bool) bool {
	for range 500 {
		if done() {
			return true
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond) // finalizers run after it
	}
	return false
}

// TestScratchIsReleased: work space that nobody uses any more is garbage, of a large buffer on huge pages and of a small one.
func TestScratchIsReleased(t *testing.T) {
	for _, n := range []int{1000, 3 << 20} {
		s := &scratch[float32]{alloc: scratch32.alloc}
		buf := s.borrow(n)
		w := weak.Make(unsafe.SliceData(buf))
		s.giveBack(buf)
		buf = nil
		if !collect(func() bool { return w.Value() == nil }) {
			t.Errorf("%d elements are kept for ever", n)
		}
		buf = s.borrow(n) // and again, after the last one
		w = weak.Make(unsafe.SliceData(buf))
		s.giveBack(buf)
		buf = nil
		if !collect(func() bool { return w.Value() == nil }) {
			t.Errorf("the second %d elements are kept for ever", n)
		}
	}
}

// TestScratchInUseIsKept: what is borrowed between collections is the same memory each time.
func TestScratchInUseIsKept(t *testing.T) {
	made := 0
	s := &scratch[float32]{alloc: func(n int) []float32 { made++; return make([]float32, n) }}
	s.aging = true // collections of garbage are those below alone
	for range 10 {
		a, b := s.borrow(100), s.borrow(1000)
		s.giveBack(a)
		s.giveBack(b)
		s.age()
	}
	if made != 2 {
		t.Errorf("%d buffers made, want 2", made)
	}
	for range 3 { // the large one is not used any more
		s.giveBack(s.borrow(100))
		s.age()
	}
	if len(s.free) != 1 || cap(s.free[0].buf) != 100 {
		t.Errorf("%d buffers are kept, want that of 100 elements", len(s.free))
	}
}
