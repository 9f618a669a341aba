package optim

import (
	"encoding"
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/internal/parallel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

var (
	_ G.Solver                   = (*Adam)(nil)
	_ encoding.BinaryMarshaler   = (*Adam)(nil)
	_ encoding.BinaryUnmarshaler = (*Adam)(nil)
)

// Adam is adaptive moment estimation, with weight decay added to the gradient (NewAdam) or decoupled from it (NewAdamW), by
// PyTorch's definitions. At a parameter's step t, counted from 1:
//
//	w *= 1 - rate*decay                                     AdamW
//	d = g + decay*w                                         Adam; d = g for AdamW
//	m = beta1*m + (1-beta1)*d
//	v = beta2*v + (1-beta2)*d*d
//	w -= rate/(1-beta1^t) * m / (sqrt(v/(1-beta2^t)) + eps)
//
// Gorgonia's AdamW does not change the weights.
//
// Sources: D. Kingma, J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, https://arxiv.org/abs/1412.6980; I.
// Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, ICLR 2019, https://arxiv.org/abs/1711.05101.
type Adam struct {
	base
	beta1, beta2 float64
	eps          float64
	decoupled    bool
}

// NewAdam returns Adam with learning rate rate, which must be finite and not negative. By default the betas are 0.9 and
// 0.999, eps is 1e-8, and there is no weight decay.
func NewAdam(rate float64, opts ...AdamOpt) (*Adam, error) {
	return newAdam(&Adam{}, rate, opts)
}

// NewAdamW returns Adam with decoupled weight decay, by default 0.01. The other defaults are NewAdam's.
func NewAdamW(rate float64, opts ...AdamOpt) (*Adam, error) {
	return newAdam(&Adam{decoupled: true, base: base{decay: 0.01}}, rate, opts)
}

func newAdam(s *Adam, rate float64, opts []AdamOpt) (*Adam, error) {
	s.beta1, s.beta2, s.eps = 0.9, 0.999, 1e-8
	if err := s.SetLearnRate(rate); err != nil {
		return nil, err
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, errors.Errorf("optim: option %d is nil", i)
		}
		if err := opt.applyAdam(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// WithBetas sets the decay rates of the two moments, each in [0, 1). By default they are 0.9 and 0.999.
func WithBetas(beta1, beta2 float64) AdamOpt {
	return adamOpt(func(s *Adam) error {
		if !(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1) {
			return errors.Errorf("optim: the betas are %v and %v: want 0 or more, below 1", beta1, beta2)
		}
		s.beta1, s.beta2 = beta1, beta2
		return nil
	})
}

// WithEps sets the constant added to the root of the second moment; it must be finite and positive. By default it is 1e-8.
func WithEps(eps float64) AdamOpt {
	return adamOpt(func(s *Adam) error {
		if !finite(eps) || eps == 0 {
			return errors.Errorf("optim: eps is %v: want a finite number above 0", eps)
		}
		s.eps = eps
		return nil
	})
}

// Step updates the weights in place and zeroes the gradients. Everything is checked before anything changes: each parameter
// needs a gradient of its own dtype and size. The model may differ from step to step, as in layer-wise pretraining: a
// parameter keeps its moments and its step count while it is absent.
func (s *Adam) Step(model []G.ValueGrad) error {
	params, err := s.begin(model, false)
	if err != nil {
		return err
	}
	for i, p := range params {
		m, v := p.moment(0), p.moment(1)
		p.steps++
		stepAdam(s, p, p.vec.f32, s.grads[i].f32, m.f32, v.f32)
		stepAdam(s, p, p.vec.f64, s.grads[i].f64, m.f64, v.f64)
	}
	s.step++
	return nil
}

func stepAdam[T float32 | float64](s *Adam, p *Param, w, g, m, v []T) {
	if len(w) == 0 {
		return
	}
	t, rate, decay := p.steps, s.rateOf(p), s.decayOf(p)
	numbers := kernel.AdamStep[T]{
		Rate:  T(rate / (1 - elementary.Power(s.beta1, t))),
		Beta1: T(s.beta1), Omit1: T(1 - s.beta1),
		Beta2: T(s.beta2), Omit2: T(1 - s.beta2),
		Root2: T(math.Sqrt(1 - elementary.Power(s.beta2, t))),
		Eps:   T(s.eps), Decay: T(decay), Shrink: 1,
	}
	if s.decoupled {
		numbers.Decay, numbers.Shrink = 0, T(1-float64(rate*decay))
	}
	parallel.For(len(w), updateGrain, func(lo, hi int) {
		kernel.Adam(w[lo:hi], g[lo:hi], m[lo:hi], v[lo:hi], numbers)
	})
}

func (s *Adam) kind() string {
	if s.decoupled {
		return adamWKind
	}
	return adamKind
}

// adamState is what an Adam saves.
type adamState struct {
	Rate          float64
	Step          uint64
	Params        []savedParam
	Steps         []uint64 // of each parameter
	First, Second []savedVec
}

// MarshalBinary returns the learning rate, the step counts and the moments. Betas, eps, decay and schedule are not saved:
// pass the same options to the constructor.
func (s *Adam) MarshalBinary() ([]byte, error) {
	return encodeState(s.kind(), adamState{
		Rate: s.rate, Step: s.step,
		Params: s.params.describe(), Steps: s.params.saveSteps(),
		First: s.params.saveMoments(0), Second: s.params.saveMoments(1),
	})
}

// UnmarshalBinary restores a state that MarshalBinary of the same kind, Adam or AdamW, returned. The model, which the solver
// may know already, must have the parameters of the saved state. After an error nothing has changed.
func (s *Adam) UnmarshalBinary(data []byte) error {
	var state adamState
	if err := decodeState(data, s.kind(), &state); err != nil {
		return err
	}
	return s.adopt(state.Rate, state.Step, state.Params, state.Steps, state.First, state.Second)
}
