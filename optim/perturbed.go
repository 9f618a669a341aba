package optim

import (
	"fmt"

	"github.com/layernoise/layernoise/internal/deferred"
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/layernoise/layernoise/internal/solvername"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

var _ G.Solver = (*PerturbedSolver)(nil)

// PerturbedSolver steps a base solver with gradients taken at noisy weights:
//
//	w[t+1] = base step from w[t] with the gradient grad R(w[t] + sigma*eps[t])
//
// The noise is in the weights only while a gradient is evaluated, on one group of parameters at a time unless [All] is
// selected, and the clean weights are restored to the bit. The package documentation explains how, and the two protocols,
// guarded and carried.
//
// A PerturbedSolver must not be used by two goroutines at once.
//
// Source: A. Orvieto, A. Raj, H. Kersting, F. Bach, Explicit Regularization in Overparametrized Models via Noise Injection,
// AISTATS 2023, https://arxiv.org/abs/2206.04613, sections 3 and 4.
type PerturbedSolver struct {
	base  G.Solver
	sigma float64
	perturbConfig

	params paramSet
	models []*model // those stepped, guarded or bound, oldest first
	model  *model   // the last of them
	run    int      // consecutive steps made with it

	step    uint64 // completed steps, of all models
	guarded bool   // Guard was called
	resumed bool   // a carried state was read, and its noise is not yet in the weights

	noise    injector
	ascent   *ascent // what SAM uses in place of the noise; nil for noise
	carries  *model  // the model whose noise it is
	replaced *Param  // given another value while it had noise, as found by Restore
}

// NewPerturbedSolver returns a solver that steps base with gradients at weights perturbed by noise of standard deviation
// sigma, in the units of the weights. Sigma must be finite and not negative; the paper uses 0.01 to 0.1 for networks. Sigma
// 0 gives base's steps, bit for bit.
//
// By default the noise is Gaussian, with seed 0, on one parameter tensor per step, in turn, as in the authors' code.
func NewPerturbedSolver(base G.Solver, sigma float64, opts ...PerturbOpt) (*PerturbedSolver, error) {
	if err := checkBase(base); err != nil {
		return nil, err
	}
	if !finite(sigma) {
		return nil, errors.Errorf("optim: sigma is %v: want a finite number, 0 or more", sigma)
	}
	s := &PerturbedSolver{base: base, sigma: sigma, perturbConfig: defaultConfig()}
	for i, opt := range opts {
		if opt == nil {
			return nil, errors.Errorf("optim: option %d is nil", i)
		}
		if err := opt.applyPerturb(&s.perturbConfig); err != nil {
			return nil, err
		}
	}
	s.noise.carrier = s.newCarrier()
	return s, nil
}

// checkBase rejects solvers that cannot be wrapped.
func checkBase(base G.Solver) error {
	if isnil.Of(base) {
		return errors.New("optim: the base solver is nil")
	}
	switch base.(type) {
	case *PerturbedSolver:
		return errors.New("optim: the base solver injects noise itself: want the solver that updates the weights")
	case *SAM:
		return errors.New("optim: the base solver is a SAM, which moves the weights itself: want the solver that updates them")
	case *G.AdamW:
		return errors.New("optim: gorgonia's AdamW never changes the weights: use NewAdamW of this package")
	}
	return nil
}

func (s *PerturbedSolver) newCarrier() *carrier { return &carrier{owner: "a " + s.String()} }

// String describes the solver by sigma, the seed and its base.
func (s *PerturbedSolver) String() string {
	if s.ascent != nil {
		return fmt.Sprintf("SAM (rho %v, over %s)", s.sigma, solvername.Of(s.base))
	}
	return fmt.Sprintf("PerturbedSolver (sigma %v, seed %d, over %s)", s.sigma, s.seed, solvername.Of(s.base))
}

// Base returns the solver that updates the weights.
func (s *PerturbedSolver) Base() G.Solver { return s.base }

// Bind tells the solver the model of the next step, so that Perturb can be called before it. Guard and Step do so
// themselves. A model is a set of parameters: the same parameters are the same model in any order and through the nodes of
// any graph over the same tensors. Noise of another solver in them is removed.
func (s *PerturbedSolver) Bind(model []G.ValueGrad) error {
	m, _, err := s.bind(model)
	if err != nil {
		return err
	}
	s.use(m)
	s.replaced = nil
	return nil
}

// Step makes one step of the base solver from the clean weights.
//
// Guarded, the gradients are those of the machine that Guard returned, which must have run since the previous step. Carried,
// Step removes the noise from the weights, steps the base, and adds the noise of the next evaluation; the first evaluation,
// before the first Step, is at clean weights.
//
// One solver may step several models, as layer-wise pretraining does: each has its own groups, which take turns by the steps
// of that model. Carried, the noise is in the weights of the model stepped last, so models that alternate at every step
// would never be evaluated at noisy weights, which is an error: guard their machines, or use a solver for each. When a phase
// ends, call Restore before its weights are frozen.
//
// The base decides what happens to the gradients; Gorgonia's and this package's solvers zero them. The model is checked
// before anything changes: every parameter needs a gradient. After an error of the base solver the weights hold no noise and
// the step does not count. Carried, an error in generating the noise of the next evaluation leaves clean weights, and the
// step has been made.
func (s *PerturbedSolver) Step(model []G.ValueGrad) error {
	m, params, err := s.bind(model)
	if err != nil {
		return err
	}
	if err := s.checkTurn(m); err != nil {
		return err
	}
	for i, p := range params {
		if _, err := p.grad(model[i]); err != nil {
			return err
		}
	}
	s.noise.restore()
	s.use(m)
	if err := s.base.Step(model); err != nil {
		return errors.Wrapf(err, "optim: step of the base solver %T", s.base)
	}
	s.run++
	s.advance(m)
	if s.guarded {
		return nil
	}
	return s.inject(m)
}

// FinishesGradients returns s if its base solver finishes gradients in its step, as [SGD.FinishesGradients] says, and a step
// takes one evaluation. Otherwise it returns nil.
func (s *PerturbedSolver) FinishesGradients() G.Solver {
	if s.evaluations() > 1 || !deferred.Finishes(s.base) {
		return nil
	}
	return s
}

// checkTurn rejects a step of m that comes out of order.
func (s *PerturbedSolver) checkTurn(m *model) error {
	switch {
	case s.guarded && !m.guarded:
		return s.unguardedError(m)
	case s.guarded && m.sample == 0:
		return errors.Wrap(ErrProtocol, "optim: the guarded machine has not run since the previous step: run the one that Guard returned")
	case s.guarded:
		return nil
	case s.evaluations() > 1:
		return errors.Wrap(ErrProtocol, "optim: several samples per step need a guarded machine: call Guard")
	case s.resumed:
		return errors.Wrap(ErrProtocol, "optim: the saved state had noise in the weights: call Bind and Perturb before the first evaluation, or Restore to begin with a clean one")
	case s.model != nil && m != s.model && m.step > 0 && s.run == 1:
		return errors.Wrap(ErrProtocol, "optim: two models alternate at every step, so neither is ever evaluated at noisy weights: guard their machines, or use a solver for each")
	}
	return nil
}

// advance counts a step of m.
func (s *PerturbedSolver) advance(m *model) {
	s.step++
	m.step++
	m.sample, m.choice.Made, m.updated = 0, false, false
}

// Perturb adds the noise of the next evaluation to the weights of the model that was bound or stepped last, unless it is
// there already. It belongs to the carried protocol: to continue training after Restore, to resume from a saved state, or to
// perturb the first evaluation, after Bind. It is an error in the guarded protocol, and if a weight was given another value
// (gorgonia.Let) while it had noise: call Restore before that. After an error the weights are unchanged.
func (s *PerturbedSolver) Perturb() error {
	switch {
	case s.guarded:
		return errors.Wrap(ErrProtocol, "optim: Perturb belongs to the carried protocol, but a machine is guarded")
	case s.model == nil || s.model.groups == nil:
		return errors.Wrap(ErrProtocol, "optim: the model is not known before the first Step: call Bind")
	case s.evaluations() > 1:
		return errors.Wrap(ErrProtocol, "optim: several samples per step need a guarded machine: call Guard")
	case s.noise.in() && s.carries == s.model:
		return nil
	}
	if p := s.replaced; p != nil {
		return errors.Wrapf(ErrProtocol, "optim: parameter %s %v was given another value while it had noise: call Restore before, and then Bind;  "+
			"an update computed by the graph starts from noisy weights: guard the machine and use its Set", p.name, p.shape)
	}
	s.noise.restore()
	if err := s.inject(s.model); err != nil {
		return err
	}
	s.resumed = false
	return nil
}

// Restore removes the noise: the weights are then the clean ones, bit for bit, for evaluating or saving. Perturb adds the
// same noise again; without it the next evaluation is at clean weights. If the weights hold no noise, as always in the
// guarded protocol, Restore changes no weight. The error is always nil.
//
// In the guarded protocol it also discards the evaluations since the last Step, for a loop that skips a gradient.
func (s *PerturbedSolver) Restore() error {
	if s.noise.in() {
		s.replaced = s.noise.replaced()
	}
	s.noise.restore()
	s.resumed = false
	for _, m := range s.models {
		m.sample, m.updated = 0, false
	}
	return nil
}

// inject plans the noise of m's next step and adds one draw of it to the weights.
func (s *PerturbedSolver) inject(m *model) error {
	if err := s.plan(m); err != nil {
		return err
	}
	s.carries = m
	return s.noise.inject(s.draw(0), 1)
}

// plan prepares the noise of m's next step: which parameters take it, and how much.
func (s *PerturbedSolver) plan(m *model) error {
	if err := checkFactor(s.schedule, m.step); err != nil {
		return err
	}
	if err := m.choose(s.selection); err != nil {
		return err
	}
	sigma := s.sigma * s.schedule(m.step)
	if s.ascent == nil {
		sigma *= m.choice.Factor
	}
	s.noise.begin(s.dist, s.seed, s.step, sigma)
	for _, i := range m.choice.Groups {
		s.noise.layers = append(s.noise.layers, m.groups[i].Name)
		for _, p := range m.groups[i].Params {
			if err := s.noise.target(p, sigma*s.scaling(p)); err != nil {
				return err
			}
		}
	}
	s.noise.reserve()
	return nil
}
