package optim

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// gradientMean replaces the gradients of several evaluations of a graph by their mean.
type gradientMean struct {
	sum    []vec // of the evaluations so far, in the order of the model
	before []vec // what the gradients held before the first one, where they add up
	exists []bool
}

// over calls evaluate n times and leaves, in the gradients of params, what they held before plus the mean of what the
// evaluations gave. Where the machine replaces gradients instead of adding to them, the mean alone is left.
func (m *gradientMean) over(n int, params []*Param, model []G.ValueGrad, evaluate func(i int) error) (err error) {
	m.reserve(params)
	if err := m.save(params, model); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error, or a panic in the user's noise
			m.putBack(params, model)
		}
	}()
	for i := range n {
		if err := evaluate(i); err != nil {
			return err
		}
		for j, p := range params {
			g, err := p.grad(model[j])
			if err != nil {
				return err
			}
			m.sum[j].addScaled(1, g)
			g.zero()
		}
	}
	for j, p := range params {
		g, err := p.grad(model[j])
		if err != nil {
			return err
		}
		if m.exists[j] && addsUp(model[j]) {
			g.copyFrom(m.before[j])
		}
		g.addScaled(1/float64(n), m.sum[j])
	}
	done = true
	return nil
}

func (m *gradientMean) reserve(params []*Param) {
	if m.sum == nil {
		m.sum, m.before, m.exists = make([]vec, len(params)), make([]vec, len(params)), make([]bool, len(params))
		for j, p := range params {
			m.sum[j], m.before[j] = newVec(p.vec, p.vec.len()), newVec(p.vec, p.vec.len())
		}
	}
}

// save remembers the gradients and zeroes them. Before the first evaluation there are none.
func (m *gradientMean) save(params []*Param, model []G.ValueGrad) error {
	for j, p := range params {
		m.sum[j].zero()
		g, err := p.grad(model[j])
		if m.exists[j] = err == nil; err == nil {
			m.before[j].copyFrom(g)
			g.zero()
		} else if !errors.Is(err, ErrNoGradient) {
			return err
		}
	}
	return nil
}

func (m *gradientMean) putBack(params []*Param, model []G.ValueGrad) {
	for j, p := range params {
		g, err := p.grad(model[j])
		switch {
		case err != nil: // there is none
		case m.exists[j]:
			g.copyFrom(m.before[j])
		default:
			g.zero()
		}
	}
}

// addsUp reports whether evaluations add to the gradient of source: under gorgonia.BindDualValues they do, elsewhere the
// gradient is the value of a node that each evaluation computes anew.
func addsUp(source G.ValueGrad) bool {
	node, ok := source.(*G.Node)
	if !ok || node.Deriv() == nil {
		return true
	}
	g, err := node.Grad()
	return err != nil || g != node.Deriv().Value()
}
