package distributed

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Overlap returns a machine that exchanges gradients while it still computes others: its RunAll leaves the means over all
// ranks, and the Step that follows does not exchange them again. Put it between the tape machine and Guard:
//
//	vm := G.NewTapeMachine(g, graph.BindGradients(learnables...))
//	vm = mean.Overlap(vm, learnables...)
//	vm, err = solver.Guard(vm, learnables...)
//
// A gradient leaves early if an operation of package graph computes it, graph.BindGradients has bound it, and nothing else
// reads it; all others leave at the end of the pass, as do small ones. The first pass of a machine is exchanged by Step. The
// bits are those without Overlap. A solver that makes a step of several evaluations has most of them made alone
// (optim.Exchanger): of optim.SAM's only the one at the moved weights is exchanged beside its pass, and the mean over
// several samples (optim.WithSamples) by Step. Where gradients add up over several RunAll before a Step, leave Overlap out.
//
// Batch norms that are synchronised (layers.SyncBatchNorm) exchange their numbers meanwhile. Other calls of the world must
// wait for RunAll to return.
//
// Fit of package layers uses it by itself where the ranks are on several hosts.
//
// All ranks must call RunAll. An error of one rank's pass breaks the world. The exchange needs a processor now and then, which
// the pass loses. In a world of one Overlap returns vm.
func (s *Solver) Overlap(vm G.VM, learnables ...*G.Node) G.VM {
	if s.world.size == 1 {
		return vm
	}
	return &overlap{VM: vm, solver: s, nodes: learnables, since: s.exchanges}
}

// Overlaps reports whether Fit of package layers is to overlap: it is if the ranks are on several hosts. On one the exchange
// would take from the pass the processors that it needs.
func (s *Solver) Overlaps() bool { return s.world.hosts > 1 }

type overlap struct {
	G.VM
	solver *Solver
	nodes  G.Nodes

	ran      bool // so the gradients have memory
	since    int  // exchanges of the solver before
	notified bool // the graph tells which gradients are final

	memory   []memory             // of the gradients, which the rest was made for
	places   []int                // of the gradients in the list of what is exchanged, by learnable; -1 for the small ones
	exchange func(*overlap) error // runs a pass
	list     *openList            // of the pass
}

// RunAll runs a pass, and leaves the means of the gradients.
func (o *overlap) RunAll() error {
	o.solver.Discard()
	if !o.ran || o.solver.exchanges == o.since { // Step compares the ranks' models
		return o.run()
	}
	if err := o.prepare(); err != nil {
		return o.solver.world.breakDown(err)
	}
	if !o.notified {
		graph.NotifyGradients(o.final, o.nodes...)
		o.notified = true
	}
	if o.exchange == nil { // Step exchanges a model of both element types
		return o.run()
	}
	o.solver.beside++
	err := o.exchange(o)
	o.solver.averaged, o.solver.overlapped = err == nil, err == nil
	return err
}

// RunAlone runs a pass, and leaves this rank's gradients.
func (o *overlap) RunAlone() error {
	o.solver.Discard()
	return o.run()
}

func (o *overlap) run() error {
	o.ran = true
	return o.VM.RunAll()
}

// final is told that the pass has computed a learnable's gradient.
func (o *overlap) final(i int) {
	if o.list != nil && o.places[i] >= 0 {
		o.list.open(o.places[i])
		runtime.Gosched() // to the exchange, if it has the only processor
	}
}

// prepare makes the list of what is exchanged, from the last layer's gradient to the first one's, unless that of the pass
// before is good.
func (o *overlap) prepare() error {
	now, err := gradientMemory(o.nodes)
	if err != nil || slices.Equal(now, o.memory) {
		return err
	}
	var params []parameter
	for i := len(o.nodes) - 1; i >= 0; i-- {
		p, err := parameterOf(o.nodes[i], i)
		if err != nil {
			return err
		}
		params = append(params, p)
	}
	f32, f64, err := vectors(params)
	if err != nil {
		return err
	}
	o.memory = now
	switch fused := &o.solver.fused; {
	case len(f64) == 0:
		o.exchange = overlapped(o, newBundle(f32, &fused.f32))
	case len(f32) == 0:
		o.exchange = overlapped(o, newBundle(f64, &fused.f64))
	default:
		o.exchange = nil
	}
	return nil
}

// overlapped returns what runs a pass and exchanges the gradients of the bundle meanwhile, the small ones together at the
// end.
func overlapped[T Float](o *overlap, b bundle[T]) func(*overlap) error {
	o.places = make([]int, len(o.memory))
	for i, m := range o.memory {
		o.places[i] = slices.IndexFunc(b.large, func(x []T) bool { return memoryAt(x) == m })
	}
	vectors := b.vectors()
	c := allreduceOf(vectors)
	return func(o *overlap) error {
		w := o.solver.world
		if w.broken != nil {
			return w.broken
		}
		list, numbered := newOpenList(len(vectors)), w.count(c)
		o.list, w.open = list, list
		go func() {
			list.end(w.complete(numbered, func() error { return sumBlocks(w, numbered, vectors, 1/T(w.size), list) }))
		}()
		defer func() {
			list.fail(errors.New("its pass panicked")) // unless it has ended
			<-list.over
			w.open, o.list = nil, nil
		}()
		if err := o.VM.RunAll(); err != nil {
			list.fail(err)
			return err
		}
		b.pack()
		list.openAll()
		<-list.over
		if list.result == nil {
			b.unpack()
		}
		return list.result
	}
}

// openList is which vectors of a list are ready, and what is known of their exchange, which goes on beside a pass on MPI's
// thread. A nil one is ready from the start.
//
// The pass may make calls of its own meanwhile, such as those of synchronised batch norms. As MPI is taken, they
// are made by the exchange, between its looks at the messages: all ranks make them in the same order, after the call of the
// exchange itself.
type openList struct {
	mu     sync.Mutex
	ready  []bool
	failed error // of the pass
	news   chan struct{}
	calls  chan func() // of the pass
	passed atomic.Bool // it has ended

	over   chan struct{} // closed when the exchange has ended
	result error         // its error then
}

func newOpenList(n int) *openList {
	return &openList{ready: make([]bool, n), news: make(chan struct{}, 1), calls: make(chan func()), over: make(chan struct{})}
}

func (l *openList) change(f func()) {
	l.mu.Lock()
	f()
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

func (l *openList) open(i int) { l.change(func() { l.ready[i] = true }) }

func (l *openList) openAll() {
	l.passed.Store(true)
	l.change(func() { l.ready = slices.Repeat([]bool{true}, len(l.ready)) })
}

// fail ends the exchange: it must not go on without the pass.
func (l *openList) fail(err error) {
	l.change(func() {
		if l.failed == nil {
			l.failed = err
		}
	})
}

// end tells what came of the exchange.
func (l *openList) end(err error) {
	l.result = err
	close(l.over)
}

// within makes a call of the pass, unless the exchange has failed.
func (l *openList) within(call func() error) (made bool, err error) {
	done := make(chan error, 1)
	select {
	case l.calls <- func() { done <- call() }:
		return true, <-done
	case <-l.over: // which it is before the pass only if it has failed
		return false, l.result
	}
}

func (l *openList) isReady(i int) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready[i]
}

// rest waits for some time, or until another vector may be ready, or for a call of the pass, which it makes. It returns the
// error of the pass.
func (l *openList) rest(d time.Duration) (failed error, served bool) {
	select {
	case <-l.news:
	case call := <-l.calls:
		call()
		served = true
	case <-time.After(d):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed, served
}

// wait waits until another vector may be ready, and looks for alarms.
func (l *openList) wait(w *World) error {
	if failed, _ := l.rest(time.Millisecond); failed != nil {
		return failed
	}
	return w.alarmed()
}
