package optim

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// gradientMean replaces the gradients of several evaluations of a graph by their weighted mean.
type gradientMean struct {
	savedGradients
	sum []vec // of the evaluations so far, in the order of the model
}

// savedGradients holds the gradients of a model from before an evaluation.
type savedGradients struct {
	before []vec // in the order of the model
	exists []bool
	now    []vec // the gradients' own memory
}

// over calls evaluate n times. Afterwards the gradients of params hold their previous values plus scale times the sum of the
// evaluations' gradients, the first of them multiplied by first. If the machine replaces gradients instead of accumulating
// them, the previous values are not added.
func (m *gradientMean) over(n int, first, scale float64, params []*Param, model []G.ValueGrad, evaluate func(i int) error) (err error) {
	if m.sum == nil {
		m.sum = likeParams(params)
	}
	for _, sum := range m.sum {
		sum.zero()
	}
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
		weight := 1.0
		if i == 0 {
			weight = first
		}
		for j, p := range params {
			g, err := p.grad(model[j])
			if err != nil {
				return err
			}
			m.sum[j].addScaled(weight, g)
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
		g.addScaled(scale, m.sum[j])
	}
	done = true
	return nil
}

// likeParams returns memory of the parameters' sizes and dtypes.
func likeParams(params []*Param) []vec {
	all := make([]vec, len(params))
	for j, p := range params {
		all[j] = newVec(p.vec, p.vec.len())
	}
	return all
}

// save stores the gradients and zeroes them, or leaves them alone if it returns an error. Before the first evaluation there
// are none.
func (s *savedGradients) save(params []*Param, model []G.ValueGrad) error {
	if s.before == nil {
		s.before, s.exists, s.now = likeParams(params), make([]bool, len(params)), make([]vec, len(params))
	}
	for j, p := range params {
		g, err := p.grad(model[j])
		if err != nil && !errors.Is(err, ErrNoGradient) {
			return err
		}
		s.now[j], s.exists[j] = g, err == nil
	}
	for j, g := range s.now {
		if s.exists[j] {
			s.before[j].copyFrom(g)
			g.zero()
		}
	}
	return nil
}

// putBack restores the gradients that save stored.
func (s *savedGradients) putBack(params []*Param, model []G.ValueGrad) {
	for j, p := range params {
		g, err := p.grad(model[j])
		switch {
		case err != nil: // there is none
		case s.exists[j]:
			g.copyFrom(s.before[j])
		default:
			g.zero()
		}
	}
}

// addsUp reports whether evaluations accumulate the gradient of source. They do under gorgonia.BindDualValues; otherwise the
// gradient is the value of a node that each evaluation computes anew.
func addsUp(source G.ValueGrad) bool {
	node, ok := source.(*G.Node)
	if !ok || node.Deriv() == nil {
		return true
	}
	g, err := node.Grad()
	return err != nil || g != node.Deriv().Value()
}
