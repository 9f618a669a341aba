package parallel

import (
	"slices"
	"sync"
)

// helpers are the goroutines that join the loops of others.
type helpers struct {
	mu     sync.Mutex
	wake   sync.Cond
	jobs   []*job // that want helpers, the oldest first
	number int    // of goroutines
}

var crew = newHelpers()

func newHelpers() *helpers {
	h := new(helpers)
	h.wake.L = &h.mu
	return h
}

// open asks up to n helpers to join j.
func (h *helpers) open(j *job, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j.wanted, j.refs = n, 1
	h.jobs = append(h.jobs, j)
	for ; h.number < n; h.number++ {
		go h.help()
	}
	for range n {
		h.wake.Signal()
	}
}

// shut lets nobody join j any more.
func (h *helpers) shut(j *job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.jobs, j); i >= 0 {
		h.jobs = slices.Delete(h.jobs, i, i+1)
	}
}

// release gives up a hold on j; the last one returns it to the pool.
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

// join waits for a job that wants helpers and takes a hold on it.
func (h *helpers) join() *job {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.jobs) == 0 {
		h.wake.Wait()
	}
	j := h.jobs[0]
	j.refs++
	if j.wanted--; j.wanted == 0 {
		h.jobs = slices.Delete(h.jobs, 0, 1)
	}
	return j
}

// help serves jobs for ever, or until a body ends the goroutine with runtime.Goexit.
func (h *helpers) help() {
	defer func() {
		h.mu.Lock()
		h.number--
		h.mu.Unlock()
	}()
	for {
		j := h.join()
		j.work()
		h.release(j)
	}
}
