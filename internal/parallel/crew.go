package parallel

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a helper looks for another loop before it ends, and how long a caller looks for the end of its loop
// before it sleeps. Waking a goroutine takes 0.1 ms or more on virtual processors, and loops often follow each other sooner.
const patience = 200 * time.Microsecond

// lookOut calls ready until it returns true or patience has passed, and reports which.
func lookOut(ready func() bool) bool {
	for start := time.Now(); !ready(); {
		if time.Since(start) > patience {
			return false
		}
	}
	return true
}

// helpers are the goroutines that help with the loops of others. Loops start them, and they end when there are no more
// loops.
type helpers struct {
	mu      sync.Mutex
	jobs    []*job      // jobs that want helpers, oldest first
	waiting atomic.Bool // whether there are jobs, to be read without the lock
	number  int         // number of goroutines
}

var crew helpers

// open lets up to n helpers join j.
func (h *helpers) open(j *job, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j.wanted, j.refs = n, 1
	h.jobs = append(h.jobs, j)
	h.waiting.Store(true)
	for ; h.number < n; h.number++ {
		go help()
	}
}

// shut removes j from the list, so that no more helpers join it.
func (h *helpers) shut(j *job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.jobs, j); i >= 0 {
		h.remove(i)
	}
}

// remove removes job i from the list. The caller must hold the lock.
func (h *helpers) remove(i int) {
	h.jobs = slices.Delete(h.jobs, i, i+1)
	h.waiting.Store(len(h.jobs) > 0)
}

// release drops a reference to j; the last one returns it to the pool.
func (h *helpers) release(j *job) {
	h.mu.Lock()
	j.refs--
	last := j.refs == 0
	h.mu.Unlock()
	if last {
		j.body, j.cause = nil, nil
		jobs.Put(j)
	}
}

// join looks for a job that wants helpers and takes a reference to it. If none comes it returns nil, and the helper is no
// longer counted.
func (h *helpers) join() *job {
	lookOut(h.waiting.Load)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.jobs) == 0 {
		h.number--
		return nil
	}
	j := h.jobs[0]
	j.refs++
	if j.wanted--; j.wanted == 0 {
		h.remove(0)
	}
	return j
}

// help serves jobs until there are no more, or a body ends the goroutine by runtime.Goexit.
func help() {
	ended := false
	defer func() {
		if !ended {
			crew.mu.Lock()
			crew.number--
			crew.mu.Unlock()
		}
	}()
	for j := crew.join(); j != nil; j = crew.join() {
		j.work()
		crew.release(j)
	}
	ended = true
}
