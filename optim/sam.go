package optim

import (
	"encoding"
	"math"

	"github.com/layernoise/layernoise/internal/parallel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

var (
	_ G.Solver                   = (*SAM)(nil)
	_ encoding.BinaryMarshaler   = (*SAM)(nil)
	_ encoding.BinaryUnmarshaler = (*SAM)(nil)
)

// SAM is sharpness-aware minimisation: it steps a base solver with gradients taken where the loss is higher, at weights
// moved a fixed distance rho along the gradient.
//
//	g = grad R(w[t])
//	e = rho * g/|g|                                  SAM
//	e = rho * T^2 g/|T g|,   T = diag(|w[t]| + eta)  ASAM, see WithAdaptive
//	w[t+1] = base step from w[t] with the gradient grad R(w[t] + e)
//
// By default all parameters are moved, and |g| is the Euclidean norm over all of them. With another [Selection], such as
// [Cyclic], only the selected groups are moved at a step, and the norm is over those: SAM one layer at a time, as
// [PerturbedSolver] injects noise. Rho is the distance whatever the number of groups: the factor of a selection, by which
// [All] keeps the variance of noise, is ignored.
//
// As in the guarded protocol of a PerturbedSolver, the weights are moved only while the second gradient is evaluated, by
// pointing the tensors at other memory, and are restored to the bit, also after errors, panics and NaN. There is no carried
// protocol. The package documentation on structuring a program applies to SAM as well. Losses and weights have the same bits
// for any number of threads and on any machine, if the graph's gradients do.
//
// If the norm is zero or not finite, there is no direction: nothing is moved, and the second evaluation is at the clean
// weights. A NaN in the first gradient is then also in the second one, which the base solver gets, as it would without SAM.
//
// A SAM must not be used by two goroutines at once.
//
// Sources: P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, Sharpness-Aware Minimization for Efficiently Improving
// Generalization, ICLR 2021, https://arxiv.org/abs/2010.01412; J. Kwon, J. Kim, H. Park, I. K. Choi, ASAM: Adaptive
// Sharpness-Aware Minimization for Scale-Invariant Learning of Deep Neural Networks, ICML 2021,
// https://arxiv.org/abs/2102.11600.
type SAM struct {
	solver PerturbedSolver // whose noise is the ascent
	ascent ascent
}

// NewSAM returns a solver that steps base with gradients at weights moved by the distance rho, in the units of the weights;
// with WithAdaptive, rho has no unit. Rho must be finite and not negative; 0 gives base's steps, bit for bit, at twice the
// evaluations. Foret et al. use 0.05 to 0.1, Kwon et al. 0.5 to 1 with ASAM's scaling.
//
// By default all parameters are moved, without ASAM's scaling.
func NewSAM(base G.Solver, rho float64, opts ...SAMOpt) (*SAM, error) {
	if err := checkBase(base); err != nil {
		return nil, err
	}
	if !finite(rho) {
		return nil, errors.Errorf("optim: rho is %v: want a finite number, 0 or more", rho)
	}
	s := &SAM{solver: PerturbedSolver{base: base, sigma: rho, perturbConfig: defaultConfig()}}
	s.solver.ascent, s.solver.dist, s.solver.selection = &s.ascent, &s.ascent, All()
	for i, opt := range opts {
		if opt == nil {
			return nil, errors.Errorf("optim: option %d is nil", i)
		}
		if err := opt.applySAM(s); err != nil {
			return nil, err
		}
	}
	s.solver.noise.carrier = s.solver.newCarrier()
	return s, nil
}

type samOpt func(*SAM) error

func (o samOpt) applySAM(s *SAM) error { return o(s) }

// WithAdaptive gives SAM the scaling of ASAM: a weight is moved in proportion to its magnitude, |w| + eta. Rescaling the
// layers of a network, one up and another down, then does not change the function that it is moved to. This applies to all
// parameters, biases and the scales of norms too, unless WithExclude exempts them. Eta must be finite and not negative; Kwon
// et al. use 0.01. By default SAM does not scale.
func WithAdaptive(eta float64) SAMOpt {
	return samOpt(func(s *SAM) error {
		if !finite(eta) {
			return errors.Errorf("optim: eta is %v: want a finite number, 0 or more", eta)
		}
		s.ascent.adaptive, s.ascent.eta = true, eta
		return nil
	})
}

// Base returns the solver that updates the weights.
func (s *SAM) Base() G.Solver { return s.solver.base }

// Guard returns a machine whose RunAll evaluates vm's graph twice: at the clean weights, and, after a Reset of vm, at
// weights moved along the gradient of the first evaluation. The weights are clean whenever the caller's code runs. The
// results are those of the second evaluation: losses are those at the moved weights, and its gradients are added to the
// previous ones, or replace them if vm does not accumulate, as without the guard. Several calls of RunAll before a Step
// accumulate too, each moved along its own gradient. If an evaluation fails, the gradients are left as they were.
//
// Each evaluation has the side effects it would have without the guard: dropouts draw a mask for each, as in PyTorch, and
// batch norms update their running statistics in both, the second time at the moved weights. To take statistics at the clean
// weights only, as PyTorch users do with a momentum of zero in the second evaluation, vm must be a [Keeper]; the machine of
// a layers.Classifier or LanguageModel is one.
//
// In all other respects (learnables, several machines, Let and Set of the result) it is like [PerturbedSolver.Guard].
func (s *SAM) Guard(vm G.VM, learnables ...*G.Node) (G.VM, error) {
	return s.solver.Guard(vm, learnables...)
}

// A Keeper is a machine whose evaluations change more than values, such as running statistics. A machine guarded by SAM
// calls Keep after the evaluation at the clean weights, and the returned function after the one at the moved weights, even
// if that failed or panicked: it restores what Keep saw.
type Keeper interface {
	G.VM
	Keep() (putBack func()) // records what evaluations change; putBack restores it
}

// Step makes one step of the base solver from the clean weights, with the gradients left by the machine of Guard, which must
// have run since the previous step. It checks, counts and fails like [PerturbedSolver.Step]. It is an error before Guard.
func (s *SAM) Step(model []G.ValueGrad) error {
	if !s.solver.guarded {
		return errors.Wrap(ErrProtocol, "optim: SAM evaluates the gradient twice and needs a guarded machine: call Guard")
	}
	return s.solver.Step(model)
}

// Restore discards the evaluations since the last Step, for a loop that skips a gradient. The error is always nil.
func (s *SAM) Restore() error { return s.solver.Restore() }

// Last describes the last move as if it were noise: Sigma is rho times the schedule's factor, and NoiseNorm is the distance,
// which is the same unless ASAM scales or there was no direction. After UnmarshalBinary it is the zero Injection.
func (s *SAM) Last() Injection { return s.solver.Last() }

// Sigma returns Last().Sigma, the rho of the last step. It shares the name of PerturbedSolver.Sigma, for programs that
// report either.
func (s *SAM) Sigma() float64 { return s.solver.Sigma() }

// String describes the solver by rho and its base.
func (s *SAM) String() string { return s.solver.String() }

// MarshalBinary returns the counters and the base solver's state, like [PerturbedSolver.MarshalBinary]. Options are not
// saved.
func (s *SAM) MarshalBinary() ([]byte, error) { return s.solver.MarshalBinary() }

// UnmarshalBinary restores a state that MarshalBinary of a SAM returned, like [PerturbedSolver.UnmarshalBinary]. Continue
// with Guard and RunAll.
func (s *SAM) UnmarshalBinary(data []byte) error { return s.solver.UnmarshalBinary(data) }

// climb evaluates the graph at the clean weights, and again at weights moved along the gradient found there.
func (g *guard) climb(m *model, params []*Param) error {
	s, saved := g.solver, &g.mean.savedGradients
	s.ascent.norm = 0
	if err := saved.save(params, g.list); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			saved.putBack(params, g.list)
		}
	}()
	if err := g.runAlone(); err != nil {
		return err
	}
	if err := s.ascent.point(s.noise.targets, params, g.list); err != nil {
		return err
	}
	saved.putBack(params, g.list)
	g.VM.Reset()
	if k, ok := g.VM.(Keeper); ok {
		defer k.Keep()()
	}
	if err := g.evaluate(m, 1, g.VM.RunAll); err != nil {
		return err
	}
	done = true
	return nil
}

// ascent is the direction of SAM's move, in place of a draw of noise: T^2 g/|T g|, where T is 1 unless adaptive.
type ascent struct {
	adaptive bool
	eta      float64

	directions []vec   // T^2 g, indexed by parameter
	norm       float64 // |T g| over the targets; 0: no direction
}

// point computes the direction from the gradients of the targets.
func (a *ascent) point(targets []target, params []*Param, model []G.ValueGrad) error {
	squares := 0.0
	for _, t := range targets {
		for i, p := range params {
			if p != t.param {
				continue
			}
			g, err := p.grad(model[i])
			if err != nil {
				return err
			}
			squares += a.take(p, g)
		}
	}
	if a.norm = math.Sqrt(squares); math.IsNaN(a.norm) || math.IsInf(a.norm, 0) {
		a.norm = 0
	}
	return nil
}

// take stores T^2 g of a parameter and returns the sum of squares of T g.
func (a *ascent) take(p *Param, g vec) float64 {
	for len(a.directions) <= p.index {
		a.directions = append(a.directions, vec{})
	}
	d := &a.directions[p.index]
	if d.len() != g.len() || d.dtype() != g.dtype() {
		*d = newVec(g, g.len())
	}
	if !a.adaptive {
		d.copyFrom(g)
		return g.norm2()
	}
	return scaledSquares(d.f32, g.f32, p.vec.f32, a.eta) + scaledSquares(d.f64, g.f64, p.vec.f64, a.eta)
}

// scaledSquares sets d to T^2 g, with T = |w| + eta, and returns the sum of squares of T g.
func scaledSquares[T float32 | float64](d, g, w []T, eta float64) float64 {
	var sums eightSums
	for i, g := range g {
		scale := math.Abs(float64(w[i])) + eta
		x := scale * float64(g)
		d[i] = T(scale * x)
		sums[i%8] += float64(x * x)
	}
	return sums.total()
}

// Sample fills eps with the direction of a parameter.
func (a *ascent) Sample(eps []float64, d Draw) error {
	if a.norm == 0 {
		clear(eps)
		return nil
	}
	direction := a.directions[d.Tensor]
	for i, x := range direction.f32 {
		eps[i] = float64(x) / a.norm
	}
	for i, x := range direction.f64 {
		eps[i] = x / a.norm
	}
	return nil
}

func (a *ascent) addTo(dst, clean vec, scale float64, d Draw) error {
	if a.norm == 0 {
		dst.copyFrom(clean)
		return nil
	}
	direction := a.directions[d.Tensor]
	moveAlong(dst.f32, clean.f32, direction.f32, scale/a.norm)
	moveAlong(dst.f64, clean.f64, direction.f64, scale/a.norm)
	return nil
}

// moveAlong sets dst to clean + distance*direction, computed in float64 and rounded once to T.
func moveAlong[T float32 | float64](dst, clean, direction []T, distance float64) {
	parallel.For(len(dst), updateGrain, func(lo, hi int) {
		dst, clean, direction := dst[lo:hi], clean[lo:hi], direction[lo:hi]
		for i, x := range direction {
			dst[i] = clean[i] + T(float64(x)*distance)
		}
	})
}
