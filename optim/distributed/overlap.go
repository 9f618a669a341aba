package distributed

import (
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Overlap returns a machine that exchanges gradients while it still computes others: its RunAll leaves the means over all ranks,
// and the Step that follows does not exchange them again. Put it between the tape machine and Guard:
//
//	vm := G.NewTapeMachine(g, graph.BindGradients(learnables...))
//	vm = mean.Overlap(vm, learnables...)
//	vm, err = solver.Guard(vm, learnables...)
//
// A gradient leaves early if an operation of package graph computes it, graph.BindGradients has bound it, and nothing else reads
// it; all others leave at the end of the pass, as do small ones. The first pass of a machine is exchanged by Step. The
// bits are those without Overlap. With several evaluations a step (optim.WithSamples) each is exchanged, as many times the bytes.
//
// All ranks must call RunAll. An error of one rank's pass breaks the world. The exchange needs a processor now and then: it
// hides best with a GOMAXPROCS of one more than this rank has processors. In a world of one Overlap returns vm.
func (s *Solver) Overlap(vm G.VM, learnables ...*G.Node) G.VM {
	if s.world.size == 1 {
		return vm
	}
	return &overlap{VM: vm, solver: s, nodes: learnables}
}

type overlap struct {
	G.VM
	solver *Solver
	nodes  G.Nodes
	passes int
	at     map[int]int // the places of the large gradients in the list, by learnable
	list   *openList   // of the pass
}

// RunAll runs a pass, and leaves the means of the gradients.
func (o *overlap) RunAll() error {
	o.solver.Discard()
	o.passes++
	if o.passes == 1 { // the gradients have no memory yet, and the ranks' models were not compared
		return o.VM.RunAll()
	}
	f32, f64, err := o.gradients()
	if err != nil {
		return o.solver.world.breakDown(err)
	}
	if o.passes == 2 {
		graph.NotifyGradients(func(i int) {
			if at, large := o.at[i]; large {
				o.list.open(at)
			}
		}, o.nodes...)
	}
	switch {
	case len(f64) == 0:
		err = runOverlapped(o, f32, &o.solver.fused.f32)
	case len(f32) == 0:
		err = runOverlapped(o, f64, &o.solver.fused.f64)
	default: // Step exchanges a model of both
		return o.VM.RunAll()
	}
	o.solver.averaged, o.solver.overlapped = err == nil, err == nil
	return err
}

// gradients returns the memory of the gradients, by learnable.
func (o *overlap) gradients() (f32 map[int][]float32, f64 map[int][]float64, err error) {
	f32, f64 = make(map[int][]float32), make(map[int][]float64)
	for i, n := range o.nodes {
		p, err := parameterOf(n, i)
		if err != nil {
			return nil, nil, err
		}
		switch g := p.grad.(type) {
		case []float32:
			f32[i] = g
		case []float64:
			f64[i] = g
		}
	}
	return f32, f64, nil
}

// runOverlapped runs a pass, and exchanges the gradients meanwhile: the large ones from the last layer's to the first one's, and
// the small ones together at the end.
func runOverlapped[T Float](o *overlap, grads map[int][]T, memory *[]T) error {
	w := o.solver.world
	var list [][]T
	count, large := 0, 0
	o.at = make(map[int]int)
	for i := len(o.nodes) - 1; i >= 0; i-- {
		list = append(list, grads[i])
		count += len(grads[i])
		if len(grads[i]) >= fuseBelow {
			o.at[i] = large
			large++
		}
	}
	b := newBundle(list, memory)
	o.list = newOpenList(large + 1)
	c := call{kind: allreduce, Count: uint64(count), Bytes: uint32(unsafe.Sizeof(T(0)))}
	exchanged := make(chan error, 1)
	go func() {
		exchanged <- w.collective(c, func() error { return sumBlocks(w, c, b.vectors(), o.list) })
	}()
	ended := false
	defer func() {
		if !ended {
			o.list.fail(errors.New("its pass panicked"))
		}
	}()
	err := o.VM.RunAll()
	ended = true
	if err != nil {
		o.list.fail(err)
		<-exchanged
		return err
	}
	b.pack()
	o.list.openAll()
	if err := <-exchanged; err != nil {
		return err
	}
	b.mean(w.size)
	return nil
}

// openList is which vectors of a list are ready. A nil one is ready from the start.
type openList struct {
	mu     sync.Mutex
	ready  []bool
	failed error
	news   chan struct{}
}

func newOpenList(n int) *openList {
	return &openList{ready: make([]bool, n), news: make(chan struct{}, 1)}
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
	l.change(func() { l.ready = slices.Repeat([]bool{true}, len(l.ready)) })
}

func (l *openList) fail(err error) { l.change(func() { l.failed = err }) }

func (l *openList) isReady(i int) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready[i]
}

// wait waits until another vector may be ready, and looks for alarms.
func (l *openList) wait(w *World) error {
	select {
	case <-l.news:
	case <-time.After(time.Millisecond):
	}
	l.mu.Lock()
	failed := l.failed
	l.mu.Unlock()
	if failed != nil {
		return failed
	}
	return w.alarmed()
}
