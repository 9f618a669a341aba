package optim

import (
	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// updateGrain is the smallest number of weights that a goroutine updates.
const updateGrain = 1 << 15

// base holds what all solvers that update weights have: the learning rate, weight decay, and the parameters they train.
// State belongs to the parameter, so several models may be stepped in turn, and those that share a tensor share its state.
type base struct {
	rate     float64
	decay    float64
	schedule Schedule // nil: constant

	undecayed  func(*Param) bool    // nil: none
	rateFactor func(*Param) float64 // nil: 1

	params paramSet
	step   uint64 // completed steps, of all models
	grads  []vec  // of the current step, in the order of the model
}

// SetLearnRate sets the learning rate, as returned by LearnRate, from the next step on. A schedule still multiplies it. A
// rate that is negative, infinite or NaN is an error and changes nothing.
func (b *base) SetLearnRate(rate float64) error {
	if !finite(rate) {
		return errors.Errorf("optim: the learning rate is %v: want a finite number, 0 or more", rate)
	}
	b.rate = rate
	return nil
}

// LearnRate returns the learning rate set by the constructor or SetLearnRate, without the schedule's factor.
func (b *base) LearnRate() float64 { return b.rate }

// ScheduledRate returns the learning rate of the next step: LearnRate times the schedule's factor.
func (b *base) ScheduledRate() float64 {
	if b.schedule == nil {
		return b.rate
	}
	return b.rate * b.schedule(b.step)
}

// begin checks the model before a step changes anything and returns its parameters; their gradients are in b.grads. It
// removes any noise that a PerturbedSolver has left in them. Gradients that were left undone are an error unless the solver
// finishes them.
func (b *base) begin(model []G.ValueGrad, finishes bool) ([]*Param, error) {
	if b.schedule != nil {
		if err := checkFactor(b.schedule, b.step); err != nil {
			return nil, err
		}
	}
	params, err := b.params.resolve(model)
	if err != nil {
		return nil, err
	}
	b.grads = b.grads[:0]
	for i, p := range params {
		if b.rateFactor != nil {
			if f := b.rateFactor(p); !finite(f) {
				return nil, errors.Errorf("optim: the learning-rate factor of parameter %s %v is %v: want a finite number, 0 or more", p.name, p.shape, f)
			}
		}
		g, err := p.grad(model[i])
		if err != nil {
			return nil, err
		}
		if !finishes && deferred.Waiting(model[i]) != nil {
			return nil, errors.Wrapf(ErrNoGradient, "optim: parameter %s %v: it was left to another solver", p.name, p.shape)
		}
		b.grads = append(b.grads, g)
	}
	return params, noisy.clear(&b.params, nil)
}

// moment returns the parameter's moment number k, initially zero, or as a saved state has it.
func (p *Param) moment(k int) vec {
	if !p.placed[k] {
		m := newMoment(p.vec, k)
		m.copyFrom(p.moments[k])
		p.moments[k], p.placed[k] = m, true
	}
	return p.moments[k]
}

// A SGDOpt is an option of NewSGD.
type SGDOpt interface{ applySGD(*SGD) error }

// An AdamOpt is an option of NewAdam and NewAdamW.
type AdamOpt interface{ applyAdam(*Adam) error }

// A BaseOpt is an option of all solvers of this package that update weights.
type BaseOpt interface {
	SGDOpt
	AdamOpt
}

type sgdOpt func(*SGD) error

func (o sgdOpt) applySGD(s *SGD) error { return o(s) }

type adamOpt func(*Adam) error

func (o adamOpt) applyAdam(s *Adam) error { return o(s) }

type baseOpt func(*base) error

func (o baseOpt) applySGD(s *SGD) error   { return o(&s.base) }
func (o baseOpt) applyAdam(s *Adam) error { return o(&s.base) }

// WithWeightDecay sets the weight decay. SGD and Adam add decay*w to the gradient; AdamW multiplies the weights by 1 -
// rate*decay. By default it is 0, and 0.01 for AdamW, as in PyTorch.
func WithWeightDecay(decay float64) BaseOpt {
	return baseOpt(func(b *base) error {
		if !finite(decay) {
			return errors.Errorf("optim: the weight decay is %v: want a finite number, 0 or more", decay)
		}
		b.decay = decay
		return nil
	})
}

// WithoutDecay exempts from weight decay the parameters for which excluded returns true, as training scripts do for biases
// and the scales of batch norms: WithoutDecay(optim.IsVector). It is called at each step, when gradients may not be computed
// yet (see [SGD.FinishesGradients]). By default all parameters decay.
func WithoutDecay(excluded func(p *Param) bool) BaseOpt {
	return baseOpt(func(b *base) error {
		if excluded == nil {
			return errors.New("optim: the exclusion from weight decay is nil")
		}
		b.undecayed = excluded
		return nil
	})
}

// IsVector reports whether p has at most one dimension, like biases and the scales and shifts of norms.
func IsVector(p *Param) bool { return p.Shape().Dims() <= 1 }

// WithLearnRateFactor multiplies the learning rate of each parameter by factor, which must be finite and not negative; 0
// freezes the parameter. It is called at each step. By default it is 1.
func WithLearnRateFactor(factor func(p *Param) float64) BaseOpt {
	return baseOpt(func(b *base) error {
		if factor == nil {
			return errors.New("optim: the learning-rate factor is nil")
		}
		b.rateFactor = factor
		return nil
	})
}

// rateOf and decayOf return the learning rate and the weight decay of a parameter at this step.
func (b *base) rateOf(p *Param) float64 {
	if b.rateFactor == nil {
		return b.ScheduledRate()
	}
	return b.ScheduledRate() * b.rateFactor(p)
}

func (b *base) decayOf(p *Param) float64 {
	if b.undecayed != nil && b.undecayed(p) {
		return 0
	}
	return b.decay
}

// WithLearnRateSchedule multiplies the learning rate by a factor that depends on the step, counted from 0. By default it is
// 1.
func WithLearnRateSchedule(schedule Schedule) BaseOpt {
	return baseOpt(func(b *base) error {
		if schedule == nil {
			return errors.New("optim: the learning-rate schedule is nil")
		}
		b.schedule = schedule
		return checkFactor(schedule, 0)
	})
}

// savedVec is a vec in a saved state: one of the two slices is set, or neither if there was no vec yet.
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

// saveSteps returns the parameters' step counts.
func (s *paramSet) saveSteps() []uint64 {
	saved := make([]uint64, len(s.list))
	for i, p := range s.list {
		saved[i] = p.steps
	}
	return saved
}

// adopt restores a saved state, or changes nothing.
func (b *base) adopt(rate float64, step uint64, params []savedParam, steps []uint64, moments ...[]savedVec) error {
	if !finite(rate) {
		return errors.Wrapf(ErrState, "optim: the learning rate in the state is %v", rate)
	}
	list, err := b.params.checkSaved(params)
	if err != nil {
		return err
	}
	if steps != nil && len(steps) != len(list) {
		return errors.Wrapf(ErrState, "optim: the state has step counts for %d of %d parameters", len(steps), len(list))
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

// loadMoments sets the parameters' moments number k, after checking their lengths and dtypes.
func loadMoments(list []*Param, k int, saved []savedVec) error {
	if len(saved) != len(list) {
		return errors.Wrapf(ErrState, "optim: the state has moments for %d of %d parameters", len(saved), len(list))
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
