package optim

import (
	"reflect"
	"sync"
	"unsafe"
	"weak"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Guard returns a machine that evaluates vm's graph at noisy weights: its RunAll injects a fresh draw of noise, runs vm,
// and restores the clean weights before it returns, on an error and on a panic that unwinds through it too. Whenever the
// caller's code runs, the weights are clean.
//
// Use it in the place of vm, and Step of this solver in the place of the base's. Losses that the graph computes are those
// at the noisy weights; with several samples, those of the last one. Every evaluation has side effects as without the
// guard: batch norms update their running statistics, dropouts draw. RunAll without a Step in between draws again, on the
// same groups, and the gradients add up if the machine binds dual values, as Gorgonia's do.
//
// With several samples (WithSamples, WithAntithetic) RunAll evaluates the graph for each, resetting vm in between, and
// adds the mean of their gradients to what the gradients held before; without gorgonia.BindDualValues, where a machine
// replaces gradients instead of adding, it leaves the mean. If one of the evaluations fails, the gradients are as before.
//
// Gorgonia runs a graph in a goroutine of its own: a panic inside one of its ops ends the process, and no caller can
// prevent that.
//
// The learnables are those that Step gets, in any order; each needs a value. A solver may guard several machines, for
// graphs over the same tensors, which must not run at the same time. It is an error to guard a machine that is guarded
// already, by this or another solver; Close of the guarded machine closes vm and frees it. If noise of the carried
// protocol is in the weights, Guard takes it out first. After an error nothing has changed.
func (s *PerturbedSolver) Guard(vm G.VM, learnables ...*G.Node) (G.VM, error) {
	if vm == nil || isNilPointer(vm) {
		return nil, errors.New("optim: the machine to guard is nil")
	}
	if _, guarded := vm.(*guard); guarded || !guards.add(vm) {
		return nil, errors.Wrap(ErrProtocol, "optim: the machine is guarded already")
	}
	model := G.NodesToValueGrads(learnables)
	if err := s.Bind(model); err != nil {
		guards.remove(vm)
		return nil, err
	}
	s.noise.restore()
	s.guarded, s.resumed = true, false
	return &guard{VM: vm, solver: s, model: model}, nil
}

// guard is a machine whose evaluations see noisy weights.
type guard struct {
	G.VM
	solver *PerturbedSolver
	model  []G.ValueGrad
	mean   gradientMean
}

// RunAll evaluates the graph at noisy weights and leaves clean ones.
func (g *guard) RunAll() error {
	s := g.solver
	params, err := s.bind(g.model)
	if err != nil {
		return err
	}
	if s.sample > 0 {
		if p, err := s.noise.changed(); err != nil {
			return err
		} else if p != nil {
			return errors.Wrapf(ErrProtocol, "optim: parameter %s %v changed, but Step of this solver was not called since the last RunAll: "+
				"step the PerturbedSolver in the place of its base, or call its Restore to discard a gradient", p.name, p.shape)
		}
	}
	if err := s.plan(); err != nil {
		return err
	}
	defer s.noise.restore()
	if s.evaluations() == 1 {
		return g.evaluate(1)
	}
	return g.mean.over(s.evaluations(), params, g.model, func(i int) error {
		if i > 0 {
			g.VM.Reset()
		}
		if s.antithetic && i%2 == 1 {
			s.sample-- // the draw before, with the other sign
			return g.evaluate(-1)
		}
		return g.evaluate(1)
	})
}

// evaluate runs the machine once, at the next draw of the noise.
func (g *guard) evaluate(sign float64) error {
	s := g.solver
	if err := s.noise.inject(s.sample, sign); err != nil {
		return err
	}
	s.sample++
	err := g.VM.RunAll()
	s.noise.restore()
	return err
}

// Close closes the machine, which may then be guarded again.
func (g *guard) Close() error {
	guards.remove(g.VM)
	return g.VM.Close()
}

// guards knows the machines that are guarded, without keeping them alive.
var guards = guardSet{known: map[weak.Pointer[byte]]bool{}}

type guardSet struct {
	mu    sync.Mutex
	known map[weak.Pointer[byte]]bool
}

// add reports whether vm was not guarded before. A machine that is no pointer cannot be recognised, and is let through.
func (s *guardSet) add(vm G.VM) bool {
	key, ok := vmKey(vm)
	if !ok {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[key] {
		return false
	}
	for old := range s.known { // machines that were dropped without Close
		if old.Value() == nil {
			delete(s.known, old)
		}
	}
	s.known[key] = true
	return true
}

func (s *guardSet) remove(vm G.VM) {
	if key, ok := vmKey(vm); ok {
		s.mu.Lock()
		delete(s.known, key)
		s.mu.Unlock()
	}
}

func vmKey(vm G.VM) (weak.Pointer[byte], bool) {
	v := reflect.ValueOf(vm)
	if v.Kind() != reflect.Pointer || v.Type().Elem().Size() == 0 {
		return weak.Pointer[byte]{}, false
	}
	return weak.Make((*byte)(unsafe.Pointer(v.Pointer()))), true
}
