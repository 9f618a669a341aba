// Package parallel splits a loop over the processors.
//
// The goroutines that help are started once and kept, so that a loop costs a few
// microseconds and allocates nothing in the steady state.
package parallel

import "runtime"

// Workers returns how many goroutines a loop may run on: GOMAXPROCS.
func Workers() int { return runtime.GOMAXPROCS(0) }

// For calls body for consecutive ranges [lo, hi) that together cover [0, n) once,
// and returns when all calls have.
//
// The cuts lie at multiples of grain, and there are at most min(Workers(), n/grain)
// ranges, so that none but the last is shorter than grain; with fewer than two of them
// body runs inline, as body(0, n). Calls may be concurrent: what body writes
// must not depend on where the cuts are. For may be called from body. A panic in body
// reaches the caller of For, with the value of the first one, once all
// ranges have ended. For n <= 0 body is not called; a grain below 1 counts as 1.
//
// A closure given as body is allocated by the caller: keep one around, or
// do small loops without For, where that matters.
func For(n, grain int, body func(lo, hi int)) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	pieces := min(Workers(), n/grain)
	if pieces < 2 {
		body(0, n)
		return
	}
	units := (n + grain - 1) / grain
	j := jobs.Get().(*job)
	j.split(n, grain*((units+pieces-1)/pieces), body)
	crew.open(j, pieces-1)
	j.work()
	crew.shut(j)
	j.wait()
	failed, cause := j.failed, j.cause
	crew.release(j)
	if failed {
		panic(cause)
	}
}
