package parallel

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// withProcs runs f with GOMAXPROCS set to each count in turn.
func withProcs(t *testing.T, f func(t *testing.T, procs int)) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(procs)
		f(t, procs)
	}
}

func TestForCoversEachElementOnce(t *testing.T) {
	withProcs(t, func(t *testing.T, procs int) {
		for _, n := range []int{-1, 0, 1, 5, 31, 32, 33, 64, 95, 96, 97, 1000} {
			for _, grain := range []int{-1, 1, 7, 32, 2000} {
				seen := make([]atomic.Int32, max(n, 0))
				var ranges atomic.Int32
				For(n, grain, func(lo, hi int) {
					ranges.Add(1)
					if lo >= hi || lo%max(grain, 1) != 0 || hi != n && hi%max(grain, 1) != 0 {
						t.Errorf("n %d grain %d: range [%d, %d)", n, grain, lo, hi)
					}
					for i := lo; i < hi; i++ {
						seen[i].Add(1)
					}
				})
				for i := range seen {
					if c := seen[i].Load(); c != 1 {
						t.Fatalf("procs %d n %d grain %d: element %d seen %d times", procs, n, grain, i, c)
					}
				}
				if most := max(1, min(share*procs, n/max(grain, 1))); int(ranges.Load()) > most {
					t.Errorf("procs %d n %d grain %d: %d ranges, want at most %d", procs, n, grain, ranges.Load(), most)
				}
			}
		}
	})
}

// Two ranges that wait for each other finish only if they run at the same time, whether or not the helper is still looking
// for work.
func TestForIsConcurrent(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for i := range 100 {
		if i%10 == 0 {
			time.Sleep(2 * patience)
		}
		var both sync.WaitGroup
		both.Add(2)
		For(2, 1, func(lo, hi int) {
			both.Done()
			both.Wait()
		})
	}
}

// A goroutine that waits for the processor gets it while loops follow each other.
func TestForYields(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var ran atomic.Bool
	go ran.Store(true)
	loops := 0
	for ; !ran.Load() && loops < 100; loops++ {
		For(2, 1, func(lo, hi int) {})
	}
	if loops == 100 {
		t.Error("a hundred loops did not yield")
	}
}

func TestForNested(t *testing.T) {
	withProcs(t, func(t *testing.T, procs int) {
		var sum atomic.Int64
		For(16, 1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				For(100, 1, func(lo, hi int) { sum.Add(int64(hi - lo)) })
			}
		})
		if sum.Load() != 1600 {
			t.Errorf("procs %d: %d inner elements, want 1600", procs, sum.Load())
		}
	})
}

func TestForFromManyGoroutines(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var wg sync.WaitGroup
	var sum atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 200 {
				For(64, 4, func(lo, hi int) { sum.Add(int64(hi - lo)) })
			}
		})
	}
	wg.Wait()
	if sum.Load() != 8*200*64 {
		t.Errorf("%d elements, want %d", sum.Load(), 8*200*64)
	}
}

// causeOf calls f, which panics, and returns the value, with the stack if it is a Panic's.
func causeOf(f func()) (cause any, stack string) {
	defer func() {
		cause = recover()
		if p, ok := cause.(*Panic); ok {
			cause, stack = p.Value, string(p.Stack)
		}
	}()
	f()
	return nil, ""
}

func TestForPanics(t *testing.T) {
	withProcs(t, func(t *testing.T, procs int) {
		for _, at := range []int{0, 99} {
			var ended atomic.Int32
			cause, stack := causeOf(func() {
				For(100, 1, func(lo, hi int) {
					defer ended.Add(int32(hi - lo))
					if lo <= at && at < hi {
						panicAtTheElement()
					}
				})
			})
			if cause != "at the element" || ended.Load() != 100 {
				t.Errorf("procs %d: recovered %v after %d elements", procs, cause, ended.Load())
			}
			if procs > 1 && !strings.Contains(stack, "panicAtTheElement") {
				t.Errorf("procs %d: the stack does not show where the panic began: %s", procs, stack)
			}
			For(100, 1, func(lo, hi int) {}) // and loops go on
		}
	})
}

func panicAtTheElement() { panic("at the element") }

// TestForPanicsNested: the panic of an inner loop keeps its own stack, and an error can be told from its value.
func TestForPanicsNested(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	cause := errors.New("cause")
	defer func() {
		err, ok := recover().(error)
		if !ok || !errors.Is(err, cause) || strings.Count(err.Error(), "goroutine ") < 1 {
			t.Errorf("recovered %v", err)
		}
		var p *Panic
		if !errors.As(err, &p) || p.Value != cause {
			t.Errorf("the value is %v, want that of the inner loop", p.Value)
		}
	}()
	For(10, 1, func(lo, hi int) {
		For(10, 1, func(lo, hi int) { panic(cause) })
	})
}

// TestHelpersEnd: no goroutine outlives the loops by more than moments, and later loops have help again.
func TestHelpersEnd(t *testing.T) {
	withProcs(t, func(t *testing.T, procs int) {
		For(1000, 1, func(lo, hi int) {})
		if !eventually(func() bool { return !strings.Contains(stacks(), "parallel.help(") }) {
			t.Fatalf("procs %d: goroutines are left: %s", procs, stacks())
		}
		crew.mu.Lock()
		defer crew.mu.Unlock()
		if crew.number != 0 {
			t.Errorf("procs %d: %d helpers are counted, and there are none", procs, crew.number)
		}
	})
	TestForIsConcurrent(t)
}

// eventually waits for seconds until done reports true.
func eventually(done func() bool) bool {
	for range 500 {
		if done() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// stacks are those of all goroutines.
func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

func TestForAllocatesNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var sum atomic.Int64
	body := func(lo, hi int) { sum.Add(int64(hi - lo)) }
	if n := testing.AllocsPerRun(200, func() { For(1000, 10, body) }); n != 0 {
		t.Errorf("%v allocations a loop", n)
	}
}

func BenchmarkFor(b *testing.B) {
	body := func(lo, hi int) {}
	b.ReportAllocs()
	for b.Loop() {
		For(1000, 10, body)
	}
}

// BenchmarkForAfterPause runs loops that start when the helpers of the previous one have ended.
func BenchmarkForAfterPause(b *testing.B) {
	work := make([]float64, 1<<16)
	body := func(lo, hi int) {
		for i := lo; i < hi; i++ {
			work[i] = work[i]*0.5 + 1
		}
	}
	b.ReportAllocs()
	var took time.Duration
	for b.Loop() {
		for start := time.Now(); time.Since(start) < 2*patience; {
		}
		start := time.Now()
		For(len(work), 1<<12, body)
		took += time.Since(start)
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "loop-ns/op")
}
