// Package parallel splits a loop over the processors.
//
// A loop starts the goroutines that help it, or finds them: they look for another loop for a fraction of a millisecond
// before they end. So loops that follow each other cost a few microseconds each, nothing is allocated in the steady state,
// and nothing is left behind.
package parallel

import "runtime"

// Workers returns how many goroutines a loop may run on: GOMAXPROCS.
func Workers() int { return runtime.GOMAXPROCS(0) }

// share is how many ranges a loop has for each worker: several, because one worker may be slower than another, or come
// later.
const share = 4

// For calls body for consecutive ranges [lo, hi) that together cover [0, n) once, and returns when all calls have.
//
// The cuts lie at multiples of grain, and there are at most n/grain ranges, so that none but the last is shorter than grain,
// and at most four for each worker; with fewer than two workers or ranges body runs inline, as body(0, n). Calls may be
// concurrent: what body writes must not depend on where the cuts are. For may be called from body. A panic in body reaches
// the caller of For, once all ranges have ended, as a *Panic with the value and the stack of the first one; from a loop that
// runs inline it comes as it is. For n <= 0 body is not called; a grain below 1 counts as 1.
//
// For yields to Go's scheduler after each range, unless the loop is too short to be cut. A goroutine that has run for 10 ms
// without that loses its processor the next time it is seen in a native call, as those of a BLAS are, to a thread that has
// nothing to do; and the monitor that takes it away looks for more every 20 us, for a tenth of the machine.
//
// A closure given as body is allocated by the caller: keep one around, or do small loops without For, where that matters.
func For(n, grain int, body func(lo, hi int)) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	workers := min(Workers(), n/grain)
	if workers < 2 {
		body(0, n)
		if n >= 2*grain {
			runtime.Gosched()
		}
		return
	}
	units := (n + grain - 1) / grain
	ranges := min(share*workers, n/grain)
	j := jobs.Get().(*job)
	j.split(n, grain*((units+ranges-1)/ranges), body)
	crew.open(j, workers-1)
	j.work()
	crew.shut(j)
	j.wait()
	cause := j.cause
	crew.release(j)
	if cause != nil {
		panic(cause)
	}
}
