package optim

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// model is a set of parameters that a PerturbedSolver steps together.
type model struct {
	params []*Param // in the order in which they were first listed
	groups []Group  // what takes noise together; nil if it was read from a saved state and has not been seen yet
	seed   uint64   // of its selection

	step    uint64 // completed steps
	sample  uint64 // draws of this step that a guarded machine has used
	choice  choice // which groups take noise at this step
	guarded bool   // a machine for it is guarded
	updated bool   // Set of a guarded machine gave it the weights of the next step
}

// choice is the selection's result for a step.
type choice struct {
	Made   bool
	Groups []int
	Factor float64
}

// choose calls the selection, once per step.
func (m *model) choose(selection Selection) error {
	c := &m.choice
	if !c.Made {
		chosen, factor := selection.Select(m.seed, m.step, m.groups)
		c.Groups, c.Factor = append(c.Groups[:0], chosen...), factor
	}
	if err := checkChosen(c.Groups, c.Factor, m.groups); err != nil { // a saved choice may belong to other groups
		return err
	}
	c.Made = true
	return nil
}

// bind returns the model that the parameters form, creating it if it is new, and its parameters in the order of list. Noise
// of other solvers has then been removed.
func (s *PerturbedSolver) bind(list []G.ValueGrad) (*model, []*Param, error) {
	params, err := s.params.resolve(list)
	if err != nil {
		return nil, nil, err
	}
	m := s.modelOf(params)
	switch {
	case m == nil && s.unseen():
		return nil, nil, errors.Wrapf(ErrState, "optim: the %d parameters of this model are none of the %d models that the state was saved for",
			len(params), len(s.models))
	case m == nil:
		m = &model{params: append([]*Param(nil), params...), seed: modelSeed(s.seed, len(s.models))}
	}
	groups := m.groups
	if groups == nil {
		if groups, err = s.group(m.params); err != nil {
			return nil, nil, err
		}
	}
	if err := noisy.clear(&s.params, s.noise.carrier); err != nil {
		return nil, nil, err
	}
	if m.groups == nil {
		m.groups = groups
		s.noise.room(groups)
	}
	if s.modelOf(params) == nil {
		s.models = append(s.models, m)
	}
	return m, params, nil
}

// use makes m the model that Perturb refers to.
func (s *PerturbedSolver) use(m *model) {
	if s.model != m {
		s.model, s.run = m, 0
	}
}

// modelOf returns the model of exactly these parameters, which were resolved last, or nil.
func (s *PerturbedSolver) modelOf(params []*Param) *model {
	if m := s.model; m != nil && m.isOf(params) {
		return m
	}
	for _, m := range s.models {
		if m.isOf(params) {
			return m
		}
	}
	return nil
}

// isOf reports whether m's parameters are those resolved last, which all have the same stamp.
func (m *model) isOf(params []*Param) bool {
	if len(m.params) != len(params) {
		return false
	}
	for _, p := range m.params {
		if p.stamp != params[0].stamp {
			return false
		}
	}
	return true
}

// unseen reports whether the models come from a saved state and none has been seen since.
func (s *PerturbedSolver) unseen() bool {
	for _, m := range s.models {
		if m.groups != nil {
			return false
		}
	}
	return len(s.models) > 0
}

// group divides the parameters of a model, without the excluded ones.
func (s *PerturbedSolver) group(params []*Param) ([]Group, error) {
	noisy := make([]*Param, 0, len(params))
	for _, p := range params {
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
	return groups, checkGroups(groups)
}

// unguardedError describes how m, whose machine is not guarded, differs from the model whose machine is.
func (s *PerturbedSolver) unguardedError(m *model) error {
	in := map[*Param]bool{}
	for _, p := range m.params {
		in[p] = true
	}
	var was *model
	for _, other := range s.models {
		if other.guarded {
			was = other
		}
	}
	for _, p := range was.params {
		if !in[p] {
			return errors.Wrapf(ErrModel, "optim: parameter %s %v is missing from the model whose machine is guarded", p.name, p.shape)
		}
		delete(in, p)
	}
	for _, p := range m.params {
		if in[p] {
			return errors.Wrapf(ErrModel, "optim: parameter %s %v is new: it is not in the model whose machine is guarded", p.name, p.shape)
		}
	}
	return nil
}

// modelSeed returns the seed of the selection of model number i: for the first model it is the solver's own.
func modelSeed(seed uint64, i int) uint64 {
	if i == 0 {
		return seed
	}
	source := selectionSource(seed, ^uint64(i))
	return source.Uint64()
}
