package optim

import (
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// savedVec is a vec in a saved state: one of the two slices is set.
type savedVec struct {
	F32 []float32
	F64 []float64
}

func saveVecs(vecs []vec) []savedVec {
	saved := make([]savedVec, len(vecs))
	for i, v := range vecs {
		saved[i] = savedVec{F32: v.f32, F64: v.f64}
	}
	return saved
}

// loadVecs returns the vecs of a state, nil where it has none, after checking that they are like its parameters.
func loadVecs(saved []savedVec, params []savedParam) ([]vec, error) {
	if len(saved) == 0 {
		return nil, nil
	}
	if len(saved) != len(params) {
		return nil, errors.Wrapf(ErrState, "optim: the state has moments for %d parameters of %d", len(saved), len(params))
	}
	vecs := make([]vec, len(saved))
	for i, v := range saved {
		p := params[i]
		vecs[i] = vec{f32: v.F32, f64: v.F64}
		size := tensor.Shape(p.Shape).TotalSize()
		if vecs[i].len() != size || vecs[i].dtype().String() != p.Dtype || v.F32 != nil && v.F64 != nil {
			return nil, errors.Wrapf(ErrState, "optim: parameter %s is %s %v, its moment in the state has %d numbers of %v",
				p.Name, p.Dtype, tensor.Shape(p.Shape), vecs[i].len(), vecs[i].dtype())
		}
	}
	return vecs, nil
}

// adopt takes over the part of a saved state that all solvers share, or changes nothing.
func (b *base) adopt(rate float64, step uint64, params []savedParam) error {
	if !finite(rate) {
		return errors.Wrapf(ErrState, "optim: the state's learning rate is %v", rate)
	}
	if err := b.params.fits(params); err != nil {
		return err
	}
	b.params.expect(params)
	b.rate, b.step = rate, step
	return nil
}
