package optim

import (
	"fmt"
	"strings"

	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Machine has the methods of the machine that Guard returns beyond those of every gorgonia.VM: those of Gorgonia's tape
// machine, for programs that set their inputs through the machine or update weights in the graph. Use a type assertion on
// Guard's result, vm.(optim.Machine).
type Machine interface {
	G.VM

	// Let gives a node of the graph a value, as gorgonia.Let does.
	Let(n *G.Node, be any) error

	// Set gives node a the value that the last RunAll computed for node b. If a is a weight that had noise in that run, the
	// update starts from the clean weights: a becomes clean + (b - noisy), in the values of both a and b. So Set(w, w -
	// eta*gradient) is a step of noisy training, and counts as one. A program that updates its weights in this way calls Set
	// for each of them after every RunAll, and needs neither Step nor a base solver. (NewPerturbedSolver requires one: pass
	// any.) It is an error with several samples per step, since b depends only on the last one. Set of the machine being
	// guarded, rather than of this one, would leave the noise in the weights. The next RunAll detects that and returns an
	// error.
	Set(a, b *G.Node) error
}

// Guard returns a machine that evaluates vm's graph at noisy weights: its RunAll injects a fresh draw of noise, runs vm, and
// restores the clean weights before it returns, also after an error or a panic that unwinds through it. Whenever the
// caller's code runs, the weights are clean.
//
// Use it in place of vm, and Step of this solver in place of the base solver's. Losses computed by the graph are those at
// the noisy weights; with several samples, those of the last one. Every evaluation has the side effects it would have
// without the guard: batch norms update their running statistics, dropouts draw. Another RunAll without a Step in between
// draws again, on the same groups, and the gradients accumulate if the machine binds dual values, as is usual with Gorgonia.
//
// With several samples (WithSamples, WithAntithetic, WithMixing) RunAll evaluates the graph for each, resetting vm in
// between, and adds the mean of their gradients to the previous ones; without gorgonia.BindDualValues, where a machine
// replaces gradients instead of accumulating them, it leaves the mean. If one of the evaluations fails, the gradients are
// left as they were.
//
// Gorgonia runs a graph on a goroutine of its own: a panic inside one of its ops ends the process, and no caller can prevent
// that.
//
// The learnables are those passed to Step, in any order; each needs a value. A solver may guard several machines, for graphs
// over the same tensors, which must not run at the same time. Guarding one machine twice, by this or another solver, is an
// error, which RunAll reports. Close of the guarded machine closes vm. If noise of the carried protocol is in the weights,
// Guard first removes it. After an error nothing has changed.
//
// The result is a [Machine]. The graph itself reads noisy weights during RunAll: gorgonia.Read of a weight, or of something
// computed from it, gives noisy values.
//
// Gorgonia's lisp machine is rejected: it computes wrong gradients, with and without noise.
func (s *PerturbedSolver) Guard(vm G.VM, learnables ...*G.Node) (G.VM, error) {
	if isnil.Of(vm) {
		return nil, errors.New("optim: the machine to guard is nil")
	}
	if _, guarded := vm.(*guard); guarded {
		return nil, errors.Wrap(ErrProtocol, "optim: the machine is guarded already")
	}
	if err := checkMachine(vm); err != nil {
		return nil, err
	}
	list := G.NodesToValueGrads(learnables)
	m, _, err := s.bind(list)
	if err != nil {
		return nil, err
	}
	s.noise.restore()
	s.use(m)
	s.guarded, s.resumed, m.guarded = true, false, true
	return &guard{VM: vm, solver: s, list: list}, nil
}

// checkMachine rejects machines that are known to compute wrong gradients.
func checkMachine(vm G.VM) error {
	if strings.HasSuffix(fmt.Sprintf("%T", vm), "gorgonia.lispMachine") {
		return errors.Wrap(ErrProtocol, "optim: gorgonia's lisp machine computes wrong gradients, with and without noise: "+
			"call gorgonia.Grad and use gorgonia.NewTapeMachine with BindDualValues")
	}
	return nil
}

var _ Machine = (*guard)(nil)

// guard is a machine whose evaluations see noisy weights.
type guard struct {
	G.VM
	solver *PerturbedSolver
	list   []G.ValueGrad // the learnables
	mean   gradientMean
}

// RunAll evaluates the graph at noisy weights and restores the clean ones.
func (g *guard) RunAll() error {
	s := g.solver
	m, params, err := s.bind(g.list)
	if err != nil {
		return err
	}
	if m.updated {
		s.advance(m)
	}
	if m.sample > 0 && s.carries == m {
		if p, err := s.noise.changed(); err != nil {
			return err
		} else if p != nil {
			return errors.Wrapf(ErrProtocol, "optim: parameter %s %v changed, but Step of this solver was not called since the last RunAll: "+
				"step this solver in place of its base; use Set of the guarded machine for weights that the graph updates; "+
				"or call the solver's Restore to discard a gradient", p.name, p.shape)
		}
	}
	if err := s.plan(m); err != nil {
		return err
	}
	s.use(m)
	s.carries = m
	defer s.noise.restore()
	if s.ascent != nil {
		return g.climb(m, params)
	}
	if s.evaluations() == 1 {
		return g.evaluate(m, 1, g.VM.RunAll)
	}
	noisy := float64(s.noisy())
	first := 1.0 // weight of the first evaluation relative to the others
	if s.clean() > 0 {
		first = (1 - s.mixing) / s.mixing * noisy
	}
	return g.mean.over(s.evaluations(), first, s.mixing/noisy, params, g.list, func(i int) error {
		if i > 0 {
			g.VM.Reset()
		}
		if i -= s.clean(); i < 0 {
			return g.runAlone()
		}
		if s.antithetic && i%2 == 1 {
			m.sample-- // the previous draw, with the other sign
			return g.evaluate(m, -1, g.runAlone)
		}
		return g.evaluate(m, 1, g.runAlone)
	})
}

// An Exchanger is a machine whose RunAll leaves the means of several processes' gradients, such as the one returned by
// distributed.Solver's Overlap. The machine that guards it calls RunAlone instead of RunAll if the gradients of a pass are
// not yet those for Step: at SAM's evaluation at the clean weights, and at each of several samples a step.
type Exchanger interface {
	G.VM
	RunAlone() error // leaves the gradients of this process
}

// runAlone runs the machine for gradients that are only a part of a step's.
func (g *guard) runAlone() error {
	if vm, ok := g.VM.(Exchanger); ok {
		return vm.RunAlone()
	}
	return g.VM.RunAll()
}

// evaluate runs the machine once by run, with the next draw of the noise.
func (g *guard) evaluate(m *model, sign float64, run func() error) error {
	n := &g.solver.noise
	n.carrier.running.Store(true)
	defer n.carrier.running.Store(false)
	if err := n.inject(g.solver.draw(m.sample), sign); err != nil {
		return err
	}
	m.sample++
	err := run()
	n.restore()
	return err
}

// Let implements Machine.
func (g *guard) Let(n *G.Node, be any) error {
	vm, ok := g.VM.(interface{ Let(*G.Node, any) error })
	if !ok {
		return errors.Wrapf(ErrProtocol, "optim: the guarded machine is a %T, which has no Let: use gorgonia.Let", g.VM)
	}
	return vm.Let(n, be)
}

// Set implements Machine.
func (g *guard) Set(a, b *G.Node) error {
	s := g.solver
	vm, ok := g.VM.(interface{ Set(a, b *G.Node) error })
	switch {
	case !ok:
		return errors.Wrapf(ErrProtocol, "optim: the guarded machine is a %T, which has no Set", g.VM)
	case a == nil || b == nil:
		return errors.Wrap(ErrModel, "optim: Set of a nil node")
	}
	place := -1
	for i, source := range g.list {
		if source == G.ValueGrad(a) {
			place = i
		}
	}
	if place < 0 {
		return vm.Set(a, b)
	}
	m, params, err := s.bind(g.list)
	if err != nil {
		return err
	}
	switch {
	case m.sample == 0 || s.carries != m:
		return errors.Wrapf(ErrProtocol, "optim: Set of parameter %s %v: the guarded machine has not run since the previous step",
			params[place].name, params[place].shape)
	case s.evaluations() > 1:
		return errors.Wrapf(ErrProtocol, "optim: Set of parameter %s %v: an update computed by the graph uses only one of several samples",
			params[place].name, params[place].shape)
	}
	if err := vm.Set(a, b); err != nil {
		return err
	}
	m.updated = true
	v, err := vecOf(a.Value())
	if err != nil {
		return errors.Wrapf(err, "optim: Set of parameter %s %v", params[place].name, params[place].shape)
	}
	return s.noise.moveBase(params[place], v)
}
