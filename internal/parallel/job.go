package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// job is a loop in progress.
type job struct {
	body    func(lo, hi int)
	n, step int
	next    atomic.Int64  // first unclaimed element
	running atomic.Int64  // ranges not yet finished
	done    chan struct{} // receives once, when running drops to zero

	mu    sync.Mutex
	cause *Panic // the first panic

	wanted int // helpers that may still join; guarded by the crew
	refs   int // the caller and the helpers that joined; guarded by the crew
}

var jobs = sync.Pool{New: func() any { return &job{done: make(chan struct{}, 1)} }}

func (j *job) split(n, step int, body func(lo, hi int)) {
	j.body, j.n, j.step = body, n, step
	j.cause = nil
	j.next.Store(0)
	j.running.Store(int64((n + step - 1) / step))
}

// work runs ranges until all are claimed.
func (j *job) work() {
	for {
		lo := int(j.next.Add(int64(j.step))) - j.step
		if lo >= j.n {
			return
		}
		j.run(lo, min(lo+j.step, j.n))
		runtime.Gosched() // see For
	}
}

// wait returns when all ranges have finished.
func (j *job) wait() {
	lookOut(func() bool { return j.running.Load() == 0 })
	<-j.done
}

// run runs one range and records the first panic.
func (j *job) run(lo, hi int) {
	normal := false
	defer func() {
		if cause := recover(); !normal && cause != nil {
			j.mu.Lock()
			if j.cause == nil {
				j.cause = Recovered(cause)
			}
			j.mu.Unlock()
		}
		if j.running.Add(-1) == 0 {
			j.done <- struct{}{}
		}
	}()
	j.body(lo, hi)
	normal = true
}
