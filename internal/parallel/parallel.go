// Package parallel divides loops over the processors.
//
// A loop starts goroutines that help it, or finds them running: they look for another loop for a fraction of a millisecond
// before they end. So successive loops cost a few microseconds each, nothing is allocated in the steady state, and no
// goroutine is left behind.
package parallel

import "runtime"

// Workers returns the number of goroutines that a loop may use: GOMAXPROCS.
func Workers() int { return runtime.GOMAXPROCS(0) }

// share is the number of ranges per worker: several, because a worker may be slower than others, or start later.
const share = 4

// For calls body for consecutive ranges [lo, hi) that together cover [0, n) once, and returns when all calls have returned.
//
// Ranges start at multiples of grain. There are at most n/grain of them, so that only the last may be shorter than grain,
// and at most four per worker; with fewer than two workers or ranges body runs inline, as body(0, n). Calls may be
// concurrent: what body writes must not depend on how the range is cut. For may be called from body. A panic in body is
// passed on to the caller of For once all ranges have finished, as a *Panic with the value and stack of the first one; from
// a loop that runs inline it passes through unchanged. For n <= 0 body is not called; a grain below 1 counts as 1.
//
// For yields to Go's scheduler after each range, unless the loop is too short to be divided. A goroutine that has run for 10
// ms without yielding loses its processor to an idle thread the next time it is seen in a native call, such as those of a
// BLAS; and the monitor that takes it away then looks for more every 20 us, which costs a tenth of the machine.
//
// A closure passed as body is allocated by the caller: if that matters, reuse one, or run small loops without For.
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
