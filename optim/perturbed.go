package optim

import (
	"reflect"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

var _ G.Solver = (*PerturbedSolver)(nil)

// PerturbedSolver steps a base solver with gradients taken at noisy weights:
//
//	w[t+1] = base step from w[t] with the gradient grad R(w[t] + sigma*eps[t])
//
// The noise is in the weights only while a gradient is evaluated, on one group of parameters at a time unless [All] is
// selected, and leaves not a bit behind. See the package documentation for how, and for the two protocols, guarded and
// carried.
//
// A PerturbedSolver must not be used by two goroutines at once, and no other solver may train the same parameters.
//
// Source: A. Orvieto, A. Raj, H. Kersting, F. Bach, Explicit Regularization in Overparametrized Models via Noise
// Injection, AISTATS 2023, https://arxiv.org/abs/2206.04613, sections 3 and 4.
type PerturbedSolver struct {
	base  G.Solver
	sigma float64
	perturbConfig

	params paramSet
	groups []Group // what takes noise together, set when the model is first seen

	step   uint64 // completed steps
	sample uint64 // draws of this step that a guarded machine has used
	choice choice // which groups take noise at this step

	guarded bool // Guard was called
	resumed bool // a carried state was read, and its noise is not in the weights yet

	noise injector
}

// choice is what the selection said for a step.
type choice struct {
	Made   bool
	Groups []int
	Factor float64
}

// NewPerturbedSolver returns a solver that steps base with gradients at weights perturbed by noise of standard deviation
// sigma, in the units of the weights. Sigma 0 gives base's steps, bit for bit. Sigma must be finite and not negative;
// the paper uses 0.01 to 0.1 for networks.
//
// By default the noise is Gaussian, with seed 0, on one parameter tensor a step, in turn: the authors' code.
func NewPerturbedSolver(base G.Solver, sigma float64, opts ...PerturbOpt) (*PerturbedSolver, error) {
	if base == nil || isNilPointer(base) {
		return nil, errors.New("optim: the base solver is nil")
	}
	if _, nested := base.(*PerturbedSolver); nested {
		return nil, errors.New("optim: the base solver injects noise itself: want the solver that updates the weights")
	}
	if !finite(sigma) {
		return nil, errors.Errorf("optim: sigma is %v: want a finite number, 0 or more", sigma)
	}
	s := &PerturbedSolver{base: base, sigma: sigma, perturbConfig: perturbConfig{
		selection: Cyclic(),
		grouping:  ByTensor(),
		dist:      Gaussian(),
		schedule:  Constant(1),
		scaling:   Absolute(),
		samples:   1,
	}}
	for i, opt := range opts {
		if opt == nil {
			return nil, errors.Errorf("optim: option %d is nil", i)
		}
		if err := opt(&s.perturbConfig); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// isNilPointer reports whether x is an interface around a nil pointer.
func isNilPointer(x any) bool {
	v := reflect.ValueOf(x)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// Bind tells the solver its model before the first step, so that Perturb can be called before it. Guard and Step bind by
// themselves. A solver that is bound already accepts the same parameters, in any order.
func (s *PerturbedSolver) Bind(model []G.ValueGrad) error {
	_, err := s.bind(model)
	return err
}

// bind resolves model and, the first time, makes the groups.
func (s *PerturbedSolver) bind(model []G.ValueGrad) ([]*Param, error) {
	if s.params.bound() {
		if s.noise.in { // a parameter is known by its own memory
			s.noise.point(false)
			defer s.noise.point(true)
		}
		return s.params.resolve(model)
	}
	fresh := paramSet{saved: s.params.saved}
	params, err := fresh.resolve(model)
	if err != nil {
		return nil, err
	}
	noisy := make([]*Param, 0, len(params))
	for _, p := range fresh.list {
		if s.exclude == nil || !s.exclude(p.name) {
			noisy = append(noisy, p)
		}
	}
	if len(noisy) == 0 {
		return nil, errors.Wrapf(ErrModel, "optim: all %d parameters are excluded from noise", len(params))
	}
	groups, err := s.grouping(noisy)
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return nil, errors.Wrap(ErrModel, "optim: the grouping made no group")
	}
	if err := checkGroups(groups); err != nil {
		return nil, err
	}
	s.params, s.groups = fresh, groups
	s.noise.room(groups)
	return params, nil
}

// Step makes one step of the base solver from the clean weights.
//
// Guarded, the gradients are those of the machine that Guard returned, which must have run since the step before.
// Carried, Step takes the noise out of the weights, steps the base, and leaves the noise of the next evaluation in the
// weights; the first evaluation, before the first Step, is at clean weights.
//
// The base decides what happens to the gradients: Gorgonia's and this package's solvers zero them. The model is checked
// before anything changes: every parameter of the steps before must be there, in any order, with a gradient. After an
// error of the base solver the weights hold no noise and the step does not count. Carried, an error in making the noise of
// the next evaluation leaves clean weights after a step that was made.
func (s *PerturbedSolver) Step(model []G.ValueGrad) error {
	params, err := s.bind(model)
	if err != nil {
		return err
	}
	for i, p := range params {
		if _, err := p.grad(model[i]); err != nil {
			return err
		}
	}
	switch {
	case s.guarded && s.sample == 0:
		return errors.Wrap(ErrProtocol, "optim: the guarded machine has not run since the step before: run the one that Guard returned")
	case !s.guarded && s.evaluations() > 1:
		return errors.Wrap(ErrProtocol, "optim: several samples a step need a guarded machine: call Guard")
	case s.resumed:
		return errors.Wrap(ErrProtocol, "optim: the saved state had noise in the weights: call Bind and Perturb before the first pass, or Restore to begin with a clean one")
	}
	s.noise.restore()
	if err := s.base.Step(model); err != nil {
		return errors.Wrapf(err, "optim: step of the base solver %T", s.base)
	}
	s.step++
	s.sample, s.choice.Made = 0, false
	if s.guarded {
		return nil
	}
	return s.inject(0, 1)
}

// Perturb puts the noise of the next evaluation into the weights, and does nothing if it is there. It belongs to the
// carried protocol: to go on training after Restore, to resume from a saved state, or to perturb the first evaluation,
// after Bind. It is an error in the guarded protocol. After an error the weights are as they were.
func (s *PerturbedSolver) Perturb() error {
	switch {
	case s.guarded:
		return errors.Wrap(ErrProtocol, "optim: Perturb belongs to the carried protocol, and a machine is guarded")
	case !s.params.bound():
		return errors.Wrap(ErrProtocol, "optim: the model is not known before the first Step: call Bind")
	case s.evaluations() > 1:
		return errors.Wrap(ErrProtocol, "optim: several samples a step need a guarded machine: call Guard")
	case s.noise.in:
		return nil
	}
	if err := s.inject(0, 1); err != nil {
		return err
	}
	s.resumed = false
	return nil
}

// Restore takes the noise out: the weights are the clean ones, bit for bit, for evaluating or saving. Perturb puts the
// same noise back; without it the next evaluation is at clean weights. Calling it when no noise is in the weights, or
// in the guarded protocol, changes no weight. The error is always nil.
//
// In the guarded protocol it also discards the evaluations since the last Step, for a loop that throws a gradient away.
func (s *PerturbedSolver) Restore() error {
	s.noise.restore()
	s.resumed = false
	s.sample = 0
	return nil
}

// inject plans the noise of this step and puts one draw of it into the weights.
func (s *PerturbedSolver) inject(sample uint64, sign float64) error {
	if err := s.plan(); err != nil {
		return err
	}
	return s.noise.inject(sample, sign)
}

// plan prepares the noise of this step: which parameters take it, and how much.
func (s *PerturbedSolver) plan() error {
	if err := checkFactor(s.schedule, s.step); err != nil {
		return err
	}
	if err := s.choose(); err != nil {
		return err
	}
	sigma := s.sigma * s.schedule(s.step) * s.choice.Factor
	s.noise.begin(s.dist, s.seed, s.step, sigma)
	for _, i := range s.choice.Groups {
		s.noise.layers = append(s.noise.layers, s.groups[i].Name)
		for _, p := range s.groups[i].Params {
			if err := s.noise.target(p, sigma*s.scaling(p)); err != nil {
				return err
			}
		}
	}
	s.noise.reserve()
	return nil
}

// choose asks the selection, once a step.
func (s *PerturbedSolver) choose() error {
	c := &s.choice
	if !c.Made {
		chosen, factor := s.selection.Select(s.seed, s.step, s.groups)
		c.Groups, c.Factor = append(c.Groups[:0], chosen...), factor
	}
	if err := checkChosen(c.Groups, c.Factor, s.groups); err != nil { // a saved choice may be for other groups
		return err
	}
	c.Made = true
	return nil
}
