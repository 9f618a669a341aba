package optim

import (
	"math"

	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Estimate is a mean over random draws.
type Estimate struct {
	Mean   float64 // of the draws
	StdErr float64 // standard error of the mean, from the spread of the draws; NaN for a single draw
	Draws  int     // how many there were
}

// estimateOf returns the mean of independent draws.
func estimateOf(draws []float64) Estimate {
	n := float64(len(draws))
	e := Estimate{Draws: len(draws)}
	for _, x := range draws {
		e.Mean += x / n
	}
	squares := 0.0
	for _, x := range draws {
		squares += float64((x - e.Mean) * (x - e.Mean))
	}
	e.StdErr = math.Sqrt(squares / (n - 1) / n)
	return e
}

// probe is what a measurement moves the weights by: draws of its own, which share none with those of a training.
type probe struct {
	dist  Noise
	first int // number of the first tensor
}

var (
	regulariserNoise = probe{Gaussian(), noise.RegulariserTensors}
	traceDirections  = probe{Rademacher(), noise.ProbeTensors}
)

// measurement evaluates a graph at weights that it moves, and puts everything back.
type measurement struct {
	vm     G.VM
	model  []G.ValueGrad
	params []*Param

	clean []vec     // copies of the weights
	eps   []float64 // one tensor's draw
	grads savedGradients
}

// measure calls f with a measurement on vm. Whatever f does, and also if it panics, weights and gradients are then what they
// were, bit for bit; the noise that solvers have in the weights has been out of them during f only.
func measure(vm G.VM, learnables []*G.Node, f func(m *measurement) error) (err error) {
	if g, guarded := vm.(*guard); guarded {
		vm = g.VM // the guard would add its own noise
	}
	if isNil(vm) {
		return errors.New("optim: the machine is nil")
	}
	if err := checkMachine(vm); err != nil {
		return err
	}
	m := &measurement{vm: vm, model: G.NodesToValueGrads(learnables)}
	var set paramSet
	if m.params, err = set.resolve(m.model); err != nil {
		return err
	}
	if err := noisy.clear(&set, nil); err != nil {
		return err
	}
	defer set.putBack()
	if err := m.grads.save(m.params, m.model); err != nil {
		return err
	}
	defer m.grads.putBack(m.params, m.model)
	for _, p := range m.params {
		c := newVec(p.vec, p.vec.len())
		c.copyFrom(p.vec)
		m.clean = append(m.clean, c)
	}
	defer m.restore()
	defer vm.Reset()
	return f(m)
}

// restore copies the clean weights back.
func (m *measurement) restore() {
	for i, p := range m.params {
		p.vec.copyFrom(m.clean[i])
	}
}

// move sets the weights to the clean ones plus scale times draw number k of by.
func (m *measurement) move(by probe, seed, k uint64, scale float64) error {
	m.restore()
	return m.each(by, seed, k, func(i int, eps []float64) error {
		m.params[i].vec.addFloat64(scale, eps)
		return nil
	})
}

// each calls f with the place and the elements of draw number k for each parameter. The elements are overwritten afterwards.
func (m *measurement) each(by probe, seed, k uint64, f func(i int, eps []float64) error) error {
	for i, p := range m.params {
		if size := p.vec.len(); size > cap(m.eps) {
			m.eps = make([]float64, size)
		}
		eps := m.eps[:p.vec.len()]
		if err := by.dist.Sample(eps, Draw{Seed: seed, Step: k, Tensor: by.first + i, Name: p.name, Shape: p.shape}); err != nil {
			return err
		}
		if err := f(i, eps); err != nil {
			return err
		}
	}
	return nil
}

// evaluate runs the graph at the weights as they are, with gradients that begin at zero.
func (m *measurement) evaluate() error {
	for i, p := range m.params {
		if g, err := p.grad(m.model[i]); err == nil { // before the first pass there is none
			g.zero()
		}
	}
	m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		return errors.Wrap(err, "optim: evaluate the graph")
	}
	return nil
}
