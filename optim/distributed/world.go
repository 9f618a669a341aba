package distributed

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/errors"
)

// A World is the processes that a launcher started together, each with its rank. Its calls are collective: every rank makes
// the same ones in the same order. They are made by one goroutine at a time.
//
// When a rank fails, leaves, hangs or makes another call, the calls of all others return an error that names it, and the
// world is broken: all further calls return that error. End the process with Abort then. A rank that withdraws from a call
// in time breaks nothing.
type World struct {
	rank, size int
	hosts      int      // that the ranks are on
	host       []string // of each rank
	timeout    time.Duration
	block      int       // bytes of a vector that are exchanged at a time
	spins      int       // looks at messages before it sleeps
	wire       transport // nil in a world of one
	lib        *library
	calls      chan func() // to the thread that MPI was initialised on
	direct     bool        // that MPI may be called on any thread, by one at a time
	mpi        sync.Mutex  // which is held by the one
	number     uint64      // of the next call
	broken     error
	alarms     []alarm          // that may come of the other ranks
	said       map[int]*failure // what came, nil of a rank that ended in order
	ended      bool
	reason     string    // of this rank, which withdraws
	open       *openList // of the exchange that goes on beside a pass; nil if none does

	spare32 []*block[float32] // whose memory may be used again
	spare64 []*block[float64]
}

// Config is how a world is opened. The zero value is good.
type Config struct {
	// Timeout is how long a rank waits for the others in a call before it gives up. It must be longer than anything
	// that one rank does alone, such as an evaluation on rank 0. By default ten minutes.
	Timeout time.Duration

	// Library is the MPI library's file, or "none" for a world of one in any case. By default LAYERNOISE_MPI, or else what
	// is found of Open MPI, MPICH and the standard ABI, the launcher's own kind first.
	Library string
}

// transport carries messages between ranks: MPI, or a stand-in in the tests.
type transport interface {
	// send and receive begin to carry data, which belongs to the transport until done says so.
	send(data []byte, to, tag int) (pending, error)
	receive(data []byte, from, tag int) (pending, error)
	// done makes progress, and reports whether a message has been carried. It is not called again after it has, or after an
	// error.
	done(pending) (bool, error)
	// idle leaves the processor to other threads for some time, for 0 to those that want it now.
	idle(time.Duration)
	// stop ends it, together with the other ranks; kill ends all ranks' processes.
	stop() error
	kill(code int)
}

type pending any

// initialised is whether this process has initialised MPI.
var initialised atomic.Bool

// Init opens the world. Started by mpirun, mpiexec or srun it opens the MPI library, initialises it on a thread of its own,
// and waits for the other ranks to do the same. Started without a launcher it is a world of one, and no library is looked
// for.
//
// It is an error if the library found is not the launcher's, which would make many worlds of one. MPI is initialised once in a
// process: a second Init under a launcher is an error.
func Init(config Config) (*World, error) {
	if config.Timeout < 0 {
		return nil, errors.Errorf("distributed: Timeout is %v: want 0 or more", config.Timeout)
	}
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Minute
	}
	if config.Library == "" {
		config.Library = os.Getenv("LAYERNOISE_MPI")
	}
	if config.Library == noLibrary {
		return &World{size: 1}, nil
	}
	l, err := launched()
	if err != nil {
		return nil, err
	}
	if !l.launched {
		return &World{size: 1}, nil
	}
	lib, err := open(config.Library, l)
	if err != nil {
		return nil, err
	}
	if initialised.Swap(true) {
		return nil, errors.New("distributed: Init was called before, and MPI can be initialised only once: pass on the World that it returned")
	}
	w := &World{rank: l.rank, size: l.size, timeout: config.Timeout, block: defaultBlock, spins: defaultSpins, wire: lib, lib: lib, calls: make(chan func())}
	go w.serve()
	err = w.limited("MPI_Init_thread", "a rank does not call Init, or hosts do not reach each other", func() (err error) {
		w.rank, w.size, err = lib.start()
		return err
	})
	if err != nil {
		return nil, err
	}
	w.direct = lib.serialized
	if l.size > 0 && l.size != w.size {
		return nil, errors.Errorf("distributed: the launcher started %d processes, but for %s this is rank %d of %d: "+
			"the library is not the launcher's; name the right one in LAYERNOISE_MPI", l.size, lib, w.rank, w.size)
	}
	if err := w.do(w.listen); err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil {
		name = fmt.Sprint("of rank ", w.rank)
	}
	if err := w.findHosts(name); err != nil {
		return nil, err
	}
	return w, nil
}

// findHosts finds out on which hosts the ranks are, and on how many, by the beginnings of their names.
func (w *World) findHosts(name string) error {
	var mine [8]uint64
	copy(bytesOf(mine[:]), name)
	c := call{kind: census}
	return w.collective(c, func() error {
		all, err := gatherAll(w, c, mine[:])
		if err != nil {
			return err
		}
		different := make(map[string]bool)
		for _, words := range all {
			host, _, _ := strings.Cut(string(bytesOf(words)), "\x00")
			w.host = append(w.host, host)
			different[host] = true
		}
		w.hosts = len(different)
		return nil
	})
}

// serve makes calls on one thread.
func (w *World) serve() {
	runtime.LockOSThread()
	for call := range w.calls {
		w.mpi.Lock()
		call()
		w.mpi.Unlock()
	}
}

// do makes a call of MPI: on this thread if it may be any. To wake another one, and to be woken again, takes up to some
// milliseconds where all processors are busy, and the ranks of one machine see to that.
func (w *World) do(call func() error) error {
	switch {
	case w.calls == nil:
		return call()
	case w.direct:
		w.mpi.Lock()
		defer w.mpi.Unlock()
		return call()
	}
	done := make(chan error)
	w.calls <- func() { done <- call() }
	return <-done
}

// limited is do for calls of MPI that may block: the thread is lost if one does.
func (w *World) limited(what, why string, call func() error) error {
	me := fmt.Sprintf("rank %d of %d", w.rank, w.size)
	done := make(chan error, 1)
	w.calls <- func() { done <- call() }
	timer := time.NewTimer(w.timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return errors.WithMessage(err, "distributed")
	case <-timer.C:
		w.broken = errors.Errorf("distributed: %s: %s did not end within %v: %s", me, what, w.timeout, why)
		return w.broken
	}
}

// Rank returns this process's number, from 0.
func (w *World) Rank() int { return w.rank }

// Size returns the number of processes, 1 without a launcher.
func (w *World) Size() int { return w.size }

// String says which rank of how many this is, by which library.
func (w *World) String() string {
	if w.lib == nil {
		return fmt.Sprintf("rank %d of %d", w.rank, w.size)
	}
	return fmt.Sprintf("rank %d of %d, %s, %d processors", w.rank, w.size, w.lib, runtime.GOMAXPROCS(0))
}

// Barrier returns when all ranks have called it.
func (w *World) Barrier() error { return w.collective(call{kind: barrier}, nil) }

// Finalize ends the world, together with all other ranks. Further calls are errors. A process that ends without it is taken
// for a failure by the launcher, which ends the others.
func (w *World) Finalize() error {
	if w.ended {
		return nil
	}
	if err := w.collective(call{kind: finalize}, w.hush); err != nil {
		return err
	}
	w.ended = true
	w.broken = errors.New("distributed: the world was finalized")
	if w.calls == nil {
		return nil
	}
	return w.limited("MPI_Finalize", "the library hangs, as MPICH before 4.2 may on several hosts; all ranks have come to their end, "+
		"and nothing is lost", w.wire.stop)
}

// Fail tells the other ranks that this one failed and why: their calls, also those in which they wait now, return an error
// that says so, and the world is broken on all. The process goes on, and it returns the error of all further calls.
func (w *World) Fail(err error) error { return w.breakDown(err) }

// Abort prints err, tells the other ranks that this one failed and why, gives them a second to say so and to end, and
// ends all that are left, with exit status 1. A process that has no world left to save calls it in the place of os.Exit.
func (w *World) Abort(err error) {
	fmt.Fprintf(os.Stderr, "rank %d of %d: %v\n", w.rank, w.size, err)
	if w.calls == nil {
		os.Exit(1)
	}
	_ = w.breakDown(err)
	time.Sleep(moment)
	select {
	case w.calls <- func() { w.wire.kill(1) }:
		time.Sleep(moment) // it does not return
	case <-time.After(moment): // the thread hangs in MPI
	}
	os.Exit(1)
}
