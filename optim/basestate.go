package optim

import (
	"github.com/pkg/errors"
)

// savedVec is a vec in a saved state: one of the two slices is set, or none where there was no vec yet.
type savedVec struct {
	F32 []float32
	F64 []float64
}

// saveMoments returns the parameters' moments number k.
func (s *paramSet) saveMoments(k int) []savedVec {
	saved := make([]savedVec, len(s.list))
	for i, p := range s.list {
		saved[i] = savedVec{F32: p.moments[k].f32, F64: p.moments[k].f64}
	}
	return saved
}

// saveSteps returns the parameters' counts of steps.
func (s *paramSet) saveSteps() []uint64 {
	saved := make([]uint64, len(s.list))
	for i, p := range s.list {
		saved[i] = p.steps
	}
	return saved
}

// adopt takes over a saved state, or changes nothing.
func (b *base) adopt(rate float64, step uint64, params []savedParam, steps []uint64, moments ...[]savedVec) error {
	if !finite(rate) {
		return errors.Wrapf(ErrState, "optim: the state's learning rate is %v", rate)
	}
	list, err := b.params.checkSaved(params)
	if err != nil {
		return err
	}
	if steps != nil && len(steps) != len(list) {
		return errors.Wrapf(ErrState, "optim: the state has steps for %d parameters of %d", len(steps), len(list))
	}
	for i, n := range steps {
		list[i].steps = n
	}
	for k, saved := range moments {
		if err := loadMoments(list, k, saved); err != nil {
			return err
		}
	}
	b.params.expect(list)
	b.rate, b.step = rate, step
	return nil
}

// loadMoments gives the parameters their moments number k, after checking that they are like them.
func loadMoments(list []*Param, k int, saved []savedVec) error {
	if len(saved) != len(list) {
		return errors.Wrapf(ErrState, "optim: the state has moments for %d parameters of %d", len(saved), len(list))
	}
	for i, s := range saved {
		p, v := list[i], vec{f32: s.F32, f64: s.F64}
		if v.len() == 0 { // a parameter that has not been stepped yet
			continue
		}
		if v.len() != p.shape.TotalSize() || v.dtype() != p.dtype || s.F32 != nil && s.F64 != nil {
			return errors.Wrapf(ErrState, "optim: parameter %s is %v %v, its moment in the state has %d numbers of %v",
				p.name, p.dtype, p.shape, v.len(), v.dtype())
		}
		p.moments[k] = v
	}
	return nil
}
