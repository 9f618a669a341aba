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

// SAM is sharpness-aware minimisation: it steps a base solver with gradients taken where the loss is higher, at weights that
// were moved along the gradient by a fixed distance rho.
//
//	g = grad R(w[t])
//	e = rho * g/|g|                                  SAM
//	e = rho * T^2 g/|T g|,   T = diag(|w[t]| + eta)  ASAM, see WithAdaptive
//	w[t+1] = base step from w[t] with the gradient grad R(w[t] + e)
//
// By default all parameters are moved, and |g| is the Euclidean norm over all of them. With another [Selection], such as
// [Cyclic], only the groups that it chooses are moved at a step, with the norm over those: SAM one layer at a time, as
// [PerturbedSolver] injects noise. Rho is the distance whatever the number of groups: the factor of a selection, by which
// [All] keeps the variance of noise, does not apply.
//
// As in the guarded protocol of a PerturbedSolver, the weights are moved only while the second gradient is evaluated, by
// pointing the tensors at other memory, and not a bit of them differs afterwards, after errors, panics and NaN too. There is
// no carried protocol. What the package documentation says of writing the program around a solver holds for SAM. Losses and
// weights are the same bits for any number of threads and on any machine, if the graph's gradients are.
//
// Where the norm is zero or not finite there is no direction: nothing is moved, and the second evaluation is at the clean
// weights. A NaN in the first gradient is then in the second one, and the base solver gets it, as without SAM.
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
// with WithAdaptive rho has no unit. Rho must be finite and not negative; 0 gives base's steps, bit for bit, at twice the
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

// WithAdaptive gives SAM the scaling of ASAM: a weight is moved in proportion to its size, |w| + eta, so that a network
// whose layers are scaled, one up and another down, is moved to the same function. All parameters are scaled so, biases and
// the scales of norms too, unless WithExclude keeps them where they are. Eta must be finite and not negative; Kwon et al.
// use 0.01. By default SAM does not scale.
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
// weights moved along the gradient that the first evaluation gave. The weights are clean whenever the caller's code runs.
// What the second evaluation gave is what the caller finds: losses are those at the moved weights, and its gradients are
// added to what they held before, or replace it where vm does not add up, as without the guard. Several RunAll before a Step
// add up too, each moved along its own gradient. If an evaluation fails, the gradients are as before.
//
// Each evaluation has side effects as without the guard: dropouts draw a mask for each, as they do in PyTorch, and batch
// norms update their running statistics by both, by that at the moved weights last. Statistics of the clean weights alone,
// which PyTorch's users get by a momentum of zero in the second evaluation, need a vm that is a [Keeper]; the machine of a
// layers.Classifier or LanguageModel is one.
//
// In all else, what the learnables may be, several machines, Let and Set of the result, it is as [PerturbedSolver.Guard].
func (s *SAM) Guard(vm G.VM, learnables ...*G.Node) (G.VM, error) {
	return s.solver.Guard(vm, learnables...)
}

// A Keeper is a machine whose evaluations change more than values, such as running statistics. A machine that SAM guards has
// Keep called after the evaluation at the clean weights, and what it returns after the one at the moved weights, also if
// that failed or panicked: it puts back what Keep found.
type Keeper interface {
	G.VM
	Keep() (putBack func()) // notes what evaluations change; putBack puts it back
}

// Step makes one step of the base solver from the clean weights, with the gradients that the machine of Guard left; it must
// have run since the step before. It checks, counts and fails as [PerturbedSolver.Step] does. It is an error before Guard.
func (s *SAM) Step(model []G.ValueGrad) error {
	if !s.solver.guarded {
		return errors.Wrap(ErrProtocol, "optim: SAM evaluates the gradient twice and needs a guarded machine: call Guard")
	}
	return s.solver.Step(model)
}

// Restore discards the evaluations since the last Step, for a loop that throws a gradient away. The error is always nil.
func (s *SAM) Restore() error { return s.solver.Restore() }

// Last describes the last move as if it were noise: Sigma is rho times the schedule's factor, NoiseNorm the distance, which
// is that too unless ASAM scales or there was no direction. After UnmarshalBinary it is the zero Injection.
func (s *SAM) Last() Injection { return s.solver.Last() }

// Sigma returns Last().Sigma, the rho of the last step. It has the name that PerturbedSolver gives its sigma, for programs
// that report either.
func (s *SAM) Sigma() float64 { return s.solver.Sigma() }

// MarshalBinary returns the counters and the base solver's state, as [PerturbedSolver.MarshalBinary] does. Options are not
// saved.
func (s *SAM) MarshalBinary() ([]byte, error) { return s.solver.MarshalBinary() }

// UnmarshalBinary takes over a state that MarshalBinary of a SAM returned, as [PerturbedSolver.UnmarshalBinary] does. Go on
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
	if err := g.VM.RunAll(); err != nil {
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
	if err := g.evaluate(m, 1); err != nil {
		return err
	}
	done = true
	return nil
}

// ascent is the direction of SAM's move, in the place of a draw of noise: T^2 g/|T g|, where T is 1 unless adaptive.
type ascent struct {
	adaptive bool
	eta      float64

	directions []vec   // T^2 g, by the number of the parameter
	norm       float64 // |T g| over the targets; 0: no direction
}

// point takes the direction from the gradients of the targets.
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

// take keeps T^2 g of a parameter and returns the sum of squares of T g.
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

// moveAlong sets dst to clean + distance*direction, with the product in float64 and rounded once to T.
func moveAlong[T float32 | float64](dst, clean, direction []T, distance float64) {
	parallel.For(len(dst), updateGrain, func(lo, hi int) {
		dst, clean, direction := dst[lo:hi], clean[lo:hi], direction[lo:hi]
		for i, x := range direction {
			dst[i] = clean[i] + T(float64(x)*distance)
		}
	})
}
