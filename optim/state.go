package optim

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

var (
	_ encoding.BinaryMarshaler   = (*PerturbedSolver)(nil)
	_ encoding.BinaryUnmarshaler = (*PerturbedSolver)(nil)
)

// perturbedState is the saved state of a PerturbedSolver. The noise itself is a function of these counters.
type perturbedState struct {
	Seed      uint64
	Step      uint64
	Carried   bool // in the carried protocol, with the next evaluation at noisy weights
	Params    []savedParam
	Models    []savedModel
	Model     int // index of the last one in Models
	BaseType  string
	Base      []byte // nil if the base has no state
	Selection []byte // nil if the selection has no state
}

// savedModel is a model in a saved state.
type savedModel struct {
	Params []int // indices into perturbedState.Params
	Step   uint64
	Sample uint64
	Choice choice
}

// MarshalBinary returns what another process needs to continue with the same bits: counters, the base solver's state, and
// the selection's if it has one. The options are not saved: pass the same ones to NewPerturbedSolver.
//
// It is an error if the base solver's state cannot be saved: it must implement encoding.BinaryMarshaler, as this package's
// solvers do, or be Gorgonia's Vanilla, which has none. Gorgonia's other solvers do not expose their moments.
//
// Weights are not part of the state. Save clean ones: in the carried protocol, call Restore first.
func (s *PerturbedSolver) MarshalBinary() ([]byte, error) {
	state := perturbedState{
		Seed:     s.seed,
		Step:     s.step,
		Carried:  s.resumed || s.ascent == nil && !s.guarded && s.step > 0,
		Params:   s.params.describe(),
		BaseType: baseType(s.base),
	}
	for i, m := range s.models {
		if m == s.model {
			state.Model = i
		}
		state.Models = append(state.Models, m.save())
	}
	var err error
	if state.Base, err = s.marshalBase(); err != nil {
		return nil, err
	}
	if state.Selection, err = marshalPart(s.selection); err != nil {
		return nil, errors.Wrapf(err, "optim: state of the selection %T", s.selection)
	}
	return encodeState(s.kind(), state)
}

// UnmarshalBinary restores a state that MarshalBinary returned. The solver must have been made with the same kind of base
// and the same seed. Its model, which it may know already, must have the parameters of the saved state, matched by name if
// names are unique and by position otherwise. After an error nothing has changed, except that a custom selection may have
// read its part.
//
// Guarded, continue with Guard and RunAll. Carried, continue with Bind and Perturb, since the next evaluation is one with
// noise. Noise that is currently in the weights is removed.
func (s *PerturbedSolver) UnmarshalBinary(data []byte) error {
	var state perturbedState
	if err := decodeState(data, s.kind(), &state); err != nil {
		return err
	}
	switch base := baseType(s.base); {
	case state.BaseType != base:
		return errors.Wrapf(ErrState, "optim: the state was saved with a base solver %s, this one is %s", state.BaseType, base)
	case state.Seed != s.seed:
		return errors.Wrapf(ErrState, "optim: the state was saved with seed %d, this solver has %d", state.Seed, s.seed)
	}
	list, err := s.params.checkSaved(state.Params)
	if err != nil {
		return err
	}
	models, err := loadModels(state.Models, list, s.seed)
	if err != nil {
		return err
	}
	if state.Model < 0 || state.Model > 0 && state.Model >= len(models) {
		return errors.Wrapf(ErrState, "optim: model %d of %d in the state", state.Model, len(models))
	}
	if err := unmarshalPart(s.selection, state.Selection); err != nil {
		return errors.Wrapf(err, "optim: state of the selection %T", s.selection)
	}
	if err := unmarshalPart(s.base, state.Base); err != nil {
		return errors.Wrapf(err, "optim: state of the base solver %T", s.base)
	}
	s.noise.restore()
	s.noise = injector{carrier: s.newCarrier()}
	s.params.expect(list)
	s.step, s.models, s.model, s.run, s.carries, s.replaced = state.Step, models, nil, 0, nil, nil
	if len(models) > 0 {
		s.model = models[state.Model]
	}
	for _, m := range models {
		m.guarded = s.guarded
	}
	s.resumed = state.Carried && !s.guarded
	return nil
}

func (s *PerturbedSolver) kind() string {
	if s.ascent != nil {
		return samKind
	}
	return perturbedKind
}

// save returns the description of the model for a saved state.
func (m *model) save() savedModel {
	saved := savedModel{Step: m.step, Sample: m.sample, Choice: m.choice}
	for _, p := range m.params {
		saved.Params = append(saved.Params, p.index)
	}
	return saved
}

// loadModels makes the models of a saved state from its parameters.
func loadModels(saved []savedModel, list []*Param, seed uint64) ([]*model, error) {
	models := make([]*model, len(saved))
	for i, was := range saved {
		m := &model{seed: modelSeed(seed, i), step: was.Step, sample: was.Sample, choice: was.Choice}
		for _, k := range was.Params {
			if k < 0 || k >= len(list) {
				return nil, errors.Wrapf(ErrState, "optim: parameter %d of %d in the state", k, len(list))
			}
			m.params = append(m.params, list[k])
		}
		models[i] = m
	}
	return models, nil
}

// baseType names the type of a base solver. For a solver that wraps another and saves the other's state as its own, such as
// distributed.Solver, it is the type of the other, so that one process can resume what several saved, and vice versa.
func baseType(base G.Solver) string {
	if wrapper, ok := base.(interface{ Base() G.Solver }); ok {
		return baseType(wrapper.Base())
	}
	return fmt.Sprintf("%T", base)
}

// marshalBase returns the state of the base solver, nil if it has none.
func (s *PerturbedSolver) marshalBase() ([]byte, error) {
	if _, ok := s.base.(encoding.BinaryMarshaler); !ok {
		if _, stateless := s.base.(*G.VanillaSolver); stateless {
			return nil, nil
		}
		return nil, errors.Wrapf(ErrState, "optim: the base solver %T cannot save its state, and training would resume without it:  "+
			"use SGD, Adam or AdamW of this package, or a solver with MarshalBinary and UnmarshalBinary", s.base)
	}
	data, err := marshalPart(s.base)
	if err != nil {
		return nil, errors.Wrapf(err, "optim: state of the base solver %T", s.base)
	}
	return data, nil
}

// marshalPart returns the state of a base solver or a selection, nil if it has none.
func marshalPart(part any) ([]byte, error) {
	m, ok := part.(encoding.BinaryMarshaler)
	if !ok {
		return nil, nil
	}
	return m.MarshalBinary()
}

func unmarshalPart(part any, data []byte) error {
	if data == nil {
		return nil
	}
	u, ok := part.(encoding.BinaryUnmarshaler)
	if !ok {
		return errors.Wrap(ErrState, "it cannot restore one")
	}
	return u.UnmarshalBinary(data)
}

// stateHeader precedes every saved state.
type stateHeader struct {
	Kind    string
	Version int
}

const (
	perturbedKind = "layernoise perturbed"
	samKind       = "layernoise sam"
	sgdKind       = "layernoise sgd"
	adamKind      = "layernoise adam"
	adamWKind     = "layernoise adamw"

	stateVersion = 2
)

func encodeState(kind string, state any) ([]byte, error) {
	var buf bytes.Buffer
	enc := gob.NewEncoder(&buf)
	if err := enc.Encode(stateHeader{kind, stateVersion}); err != nil {
		return nil, errors.Wrap(err, "optim: encode state")
	}
	if err := enc.Encode(state); err != nil {
		return nil, errors.Wrap(err, "optim: encode state")
	}
	return buf.Bytes(), nil
}

// decodeState decodes what encodeState wrote, and rejects trailing bytes.
func decodeState(data []byte, kind string, state any) error {
	r := bytes.NewReader(data)
	dec := gob.NewDecoder(r)
	var header stateHeader
	if err := dec.Decode(&header); err != nil {
		return errors.Wrapf(ErrState, "optim: decode state (%v)", err)
	}
	if want := (stateHeader{kind, stateVersion}); header != want {
		return errors.Wrapf(ErrState, "optim: the state is %q version %d: want %q version %d", header.Kind, header.Version, want.Kind, want.Version)
	}
	if err := dec.Decode(state); err != nil {
		return errors.Wrapf(ErrState, "optim: decode state (%v)", err)
	}
	if r.Len() > 0 {
		return errors.Wrapf(ErrState, "optim: %d trailing bytes after the state", r.Len())
	}
	return nil
}
