package optim

import (
	"encoding"

	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/internal/parallel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

var (
	_ G.Solver                   = (*SGD)(nil)
	_ encoding.BinaryMarshaler   = (*SGD)(nil)
	_ encoding.BinaryUnmarshaler = (*SGD)(nil)
)

// SGD is stochastic gradient descent with momentum and weight decay, by PyTorch's definitions:
//
//	d = g + decay*w
//	v = momentum*v + d          v = 0 at first
//	w -= rate * v               rate * (d + momentum*v) with Nesterov's momentum
//
// Without momentum, w -= rate*d. Gorgonia's Momentum solver with L2 regularisation decays the velocity instead of the
// weights, and gives scalars no momentum.
//
// Source: I. Sutskever, J. Martens, G. Dahl, G. Hinton, On the importance of initialization and momentum in deep learning,
// ICML 2013, in the form of torch.optim.SGD.
type SGD struct {
	base
	momentum float64
	nesterov bool
}

// NewSGD returns a solver with learning rate rate, which must be finite and not negative. By default it has no momentum and
// no weight decay.
func NewSGD(rate float64, opts ...SGDOpt) (*SGD, error) {
	s := new(SGD)
	if err := s.SetLearnRate(rate); err != nil {
		return nil, err
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, errors.Errorf("optim: option %d is nil", i)
		}
		if err := opt.applySGD(s); err != nil {
			return nil, err
		}
	}
	if s.nesterov && s.momentum == 0 {
		return nil, errors.New("optim: Nesterov's momentum needs a momentum above 0")
	}
	return s, nil
}

// WithMomentum sets the momentum, in [0, 1). By default it is 0.
func WithMomentum(momentum float64) SGDOpt {
	return sgdOpt(func(s *SGD) error {
		if !(momentum >= 0 && momentum < 1) {
			return errors.Errorf("optim: the momentum is %v: want 0 or more, below 1", momentum)
		}
		s.momentum = momentum
		return nil
	})
}

// WithNesterov uses Nesterov's momentum; it needs WithMomentum. By default it is off.
func WithNesterov() SGDOpt {
	return sgdOpt(func(s *SGD) error { s.nesterov = true; return nil })
}

// Step updates the weights in place and zeroes the gradients. Everything is checked before anything changes: each parameter
// needs a gradient of its own dtype and size. The model may differ from step to step, as in layer-wise pretraining: a
// parameter keeps its velocity while it is absent. Gradients that were left to s (see [SGD.FinishesGradients]) are computed
// here, and stay zero.
func (s *SGD) Step(model []G.ValueGrad) error {
	params, err := s.begin(model, s.FinishesGradients() != nil)
	if err != nil {
		return err
	}
	for i, p := range params {
		var v vec
		if s.momentum > 0 {
			v = p.moment(0)
		}
		if g := deferred.Waiting(model[i]); g != nil {
			d := gemm.Descent{Rate: float32(s.rateOf(p)), Momentum: float32(s.momentum), Decay: float32(s.decayOf(p))}
			g.Descend(p.vec.f32, v.f32, d)
			continue
		}
		stepSGD(s, p, p.vec.f32, s.grads[i].f32, v.f32)
		stepSGD(s, p, p.vec.f64, s.grads[i].f64, v.f64)
	}
	s.step++
	return nil
}

// FinishesGradients returns s if its Step computes gradients that operations of package graph have left to it, so that the
// product and the step are one pass over the weights, with the same bits: with momentum, but not Nesterov's, and without
// factors of the learning rate, which may depend on the gradients. Otherwise it returns nil. Fit of package layers leaves
// gradients to a solver only if this method returns that solver; for a type that embeds an SGD it returns the SGD inside, so
// that such a type gets whole gradients.
func (s *SGD) FinishesGradients() G.Solver {
	if s.momentum == 0 || s.nesterov || s.rateFactor != nil {
		return nil
	}
	return s
}

func stepSGD[T float32 | float64](s *SGD, p *Param, w, g, v []T) {
	if len(w) == 0 {
		return
	}
	rate, momentum, decay := T(s.rateOf(p)), T(s.momentum), T(s.decayOf(p))
	parallel.For(len(w), updateGrain, func(lo, hi int) {
		part := v
		if v != nil {
			part = v[lo:hi]
		}
		kernel.SGD(w[lo:hi], g[lo:hi], part, rate, momentum, decay, s.nesterov)
	})
}

// sgdState is the saved state of an SGD.
type sgdState struct {
	Rate     float64
	Step     uint64
	Params   []savedParam
	Velocity []savedVec
}

// MarshalBinary returns the learning rate, the step counts and the velocities. Momentum, decay and schedule are not saved:
// pass the same options to NewSGD.
func (s *SGD) MarshalBinary() ([]byte, error) {
	return encodeState(sgdKind, sgdState{
		Rate: s.rate, Step: s.step,
		Params: s.params.describe(), Velocity: s.params.saveMoments(0),
	})
}

// UnmarshalBinary restores a state that MarshalBinary returned. The model, which the solver may know already, must have the
// parameters of the saved state. After an error nothing has changed.
func (s *SGD) UnmarshalBinary(data []byte) error {
	var state sgdState
	if err := decodeState(data, sgdKind, &state); err != nil {
		return err
	}
	return s.adopt(state.Rate, state.Step, state.Params, nil, state.Velocity)
}
