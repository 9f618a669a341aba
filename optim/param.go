package optim

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Param is a parameter tensor as a [Grouping], a [Scaling] or an exclusion sees it.
type Param struct {
	source G.ValueGrad
	name   string
	shape  tensor.Shape
	vec    vec           // the memory of the weights, clean ones while they are pointed elsewhere
	dense  *tensor.Dense // the one tensor over this memory, nil if it may have company
	index  int           // place in the model that was seen first: the tensor number of its noise
}

// Name returns the name of the parameter's node, or # and its place in the model where it has none.
func (p *Param) Name() string { return p.name }

// Shape returns the shape of the tensor, () for a scalar. The caller must not change it.
func (p *Param) Shape() tensor.Shape { return p.shape }

// Size returns the number of elements.
func (p *Param) Size() int { return p.vec.len() }

// Index returns the parameter's place in the model that the solver saw first.
func (p *Param) Index() int { return p.index }

// RMS returns the root mean square of the weights as they are now.
func (p *Param) RMS() float64 { return p.vec.rms() }

// Source returns what the solver was given: a *gorgonia.Node, usually.
func (p *Param) Source() G.ValueGrad { return p.source }

// grad returns the memory of the gradient, or an error that names the parameter.
func (p *Param) grad(source G.ValueGrad) (vec, error) {
	value, err := source.Grad()
	if err != nil {
		return vec{}, errors.Wrapf(ErrNoGradient, "optim: parameter %s %v (%v)", p.name, p.shape, err)
	}
	if isNil(value) {
		return vec{}, errors.Wrapf(ErrNoGradient, "optim: parameter %s %v", p.name, p.shape)
	}
	g, err := vecOf(value)
	if err != nil {
		return vec{}, errors.Wrapf(err, "optim: gradient of parameter %s %v", p.name, p.shape)
	}
	if g.len() != p.vec.len() || g.dtype() != p.vec.dtype() {
		return vec{}, errors.Errorf("optim: parameter %s is %v %v, its gradient %v %v",
			p.name, p.vec.dtype(), p.shape, g.dtype(), value.Shape())
	}
	return g, nil
}

// isNil reports whether v is nil or an interface around a nil pointer, which is how Gorgonia shows a value that is not there.
func isNil(v G.Value) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// paramSet knows the parameters of one model. A parameter is its memory: it keeps its state whatever the order in
// which the model lists it, and whichever graph's node stands for it.
type paramSet struct {
	list     []*Param
	bySource map[G.ValueGrad]*Param
	byData   map[unsafe.Pointer]*Param

	saved []savedParam // read from a saved state, waiting for the model it belongs to
	seen  []bool       // scratch of check
	order []*Param     // what resolve returns
}

// savedParam describes a parameter in a saved state.
type savedParam struct {
	Name  string
	Shape []int
	Dtype string
}

func (s *paramSet) bound() bool { return s.list != nil }

// resolve returns the parameters that model lists, in its order. The first call binds the set to the model; later ones
// take the same parameters in any order and refuse others. The result is valid until the next call.
func (s *paramSet) resolve(model []G.ValueGrad) ([]*Param, error) {
	if !s.bound() {
		if err := s.bind(model); err != nil {
			return nil, err
		}
	}
	if len(s.seen) != len(s.list) {
		s.seen = make([]bool, len(s.list))
	}
	clear(s.seen)
	s.order = s.order[:0]
	for i, source := range model {
		p, err := s.find(source, i)
		if err != nil {
			return nil, err
		}
		if s.seen[p.index] {
			return nil, errors.Wrapf(ErrModel, "optim: parameter %s %v stands in the model twice", p.name, p.shape)
		}
		s.seen[p.index] = true
		s.order = append(s.order, p)
	}
	for i, seen := range s.seen {
		if !seen {
			p := s.list[i]
			return nil, errors.Wrapf(ErrModel, "optim: parameter %s %v is missing from the model", p.name, p.shape)
		}
	}
	return s.order, nil
}

// find returns the parameter that source stands for, following its value where it was replaced (gorgonia.Let).
func (s *paramSet) find(source G.ValueGrad, place int) (*Param, error) {
	if err := checkSource(source, place); err != nil {
		return nil, err
	}
	v, err := vecOf(source.Value())
	if err != nil {
		return nil, errors.Wrapf(err, "optim: parameter %s", nameOf(source, place))
	}
	p, known := s.bySource[source]
	if !known {
		var found bool
		if p, found = s.byData[v.data()]; !found {
			return nil, errors.Wrapf(ErrModel, "optim: parameter %s %v is new", nameOf(source, place), source.Value().Shape())
		}
		s.bySource[source] = p // another graph's node for the same memory
	}
	if v.data() == p.vec.data() && v.len() == p.vec.len() {
		if p.dense != nil && (source.Value() != G.Value(p.dense) || !known && soleTensor(source) == nil) {
			p.dense = nil
		}
		return p, nil
	}
	if shape := source.Value().Shape(); !shape.Eq(p.shape) || v.dtype() != p.vec.dtype() {
		return nil, errors.Wrapf(ErrModel, "optim: parameter %s was %v %v and is %v %v now",
			p.name, p.vec.dtype(), p.shape, v.dtype(), shape)
	}
	delete(s.byData, p.vec.data())
	p.vec, p.dense = v, soleTensor(source)
	s.byData[v.data()] = p
	return p, nil
}

// bind takes the parameters of model, in its order or, after a saved state was read, in the order of that state.
func (s *paramSet) bind(model []G.ValueGrad) error {
	if len(model) == 0 {
		return errors.Wrap(ErrModel, "optim: no parameters")
	}
	list := make([]*Param, len(model))
	bySource := make(map[G.ValueGrad]*Param, len(model))
	byData := make(map[unsafe.Pointer]*Param, len(model))
	for i, source := range model {
		if err := checkSource(source, i); err != nil {
			return err
		}
		p := &Param{source: source, name: nameOf(source, i), index: i}
		var err error
		if p.vec, err = vecOf(source.Value()); err != nil {
			return errors.Wrapf(err, "optim: parameter %s", p.name)
		}
		p.shape = source.Value().Shape().Clone()
		if p.vec.len() == 0 {
			return errors.Wrapf(ErrModel, "optim: parameter %s %v is empty", p.name, p.shape)
		}
		for j, other := range list[:i] {
			if overlap(source.Value(), model[j].Value()) {
				return errors.Wrapf(ErrModel, "optim: parameters %s and %s %v share memory", other.name, p.name, p.shape)
			}
		}
		p.dense = soleTensor(source)
		list[i], bySource[source], byData[p.vec.data()] = p, p, p
	}
	if len(s.saved) != 0 {
		var err error
		if list, err = inSavedOrder(list, s.saved); err != nil {
			return err
		}
		for i, p := range list {
			p.index = i
		}
	}
	s.list, s.bySource, s.byData, s.saved = list, bySource, byData, nil
	return nil
}

// soleTensor returns the tensor that is source's value, if source is a node and no other input or constant of its graph
// lies in the same memory. Else it returns nil.
func soleTensor(source G.ValueGrad) *tensor.Dense {
	node, ok := source.(*G.Node)
	if !ok || node.Graph() == nil {
		return nil
	}
	t, ok := node.Value().(*tensor.Dense)
	if !ok {
		return nil
	}
	g := node.Graph()
	for _, other := range g.AllNodes() {
		v := other.Value()
		if v == G.Value(t) || isNil(v) || !overlap(v, t) {
			continue
		}
		if g.From(other.ID()).Len() == 0 { // values that the graph computes are made anew from what it sees
			return nil
		}
	}
	return t
}

// overlap reports whether two values have memory in common.
func overlap(v, w G.Value) bool {
	return v.Uintptr() < w.Uintptr()+w.MemSize() && w.Uintptr() < v.Uintptr()+v.MemSize()
}

// inSavedOrder sorts list as saved has it: by name where the names tell the parameters apart, else by place.
func inSavedOrder(list []*Param, saved []savedParam) ([]*Param, error) {
	if len(list) != len(saved) {
		return nil, errors.Wrapf(ErrState, "optim: the state was saved for %d parameters, the model has %d", len(saved), len(list))
	}
	place := make(map[string]int, len(saved))
	for i, was := range saved {
		place[was.Name] = i
	}
	byName := len(place) == len(saved)
	sorted := make([]*Param, len(list))
	for _, p := range list {
		i, known := place[p.name]
		if byName = byName && known && sorted[i] == nil; !byName {
			break
		}
		sorted[i] = p
	}
	if !byName {
		sorted = list
	}
	for i, p := range sorted {
		if was := saved[i]; !p.shape.Eq(tensor.Shape(was.Shape)) || p.vec.dtype().String() != was.Dtype {
			return nil, errors.Wrapf(ErrState, "optim: parameter %s is %v %v, the state was saved for %s %s %v",
				p.name, p.vec.dtype(), p.shape, was.Name, was.Dtype, tensor.Shape(was.Shape))
		}
	}
	return sorted, nil
}

// describe returns what a saved state says of the parameters.
func (s *paramSet) describe() []savedParam {
	if !s.bound() {
		return s.saved
	}
	saved := make([]savedParam, len(s.list))
	for i, p := range s.list {
		saved[i] = savedParam{Name: p.name, Shape: p.shape, Dtype: p.vec.dtype().String()}
	}
	return saved
}

// fits returns an error if the set is bound to another model than the one that saved describes.
func (s *paramSet) fits(saved []savedParam) error {
	if !s.bound() || len(saved) == 0 {
		return nil
	}
	_, err := inSavedOrder(s.list, saved)
	return err
}

// expect forgets the model, to bind the one that saved describes, in the order that it has there.
func (s *paramSet) expect(saved []savedParam) { *s = paramSet{saved: saved} }

func checkSource(source G.ValueGrad, place int) error {
	if source == nil {
		return errors.Wrapf(ErrModel, "optim: parameter %d is nil", place)
	}
	if !reflect.TypeOf(source).Comparable() {
		return errors.Wrapf(ErrModel, "optim: parameter %s is a %T, which cannot be told from others: give a pointer",
			nameOf(source, place), source)
	}
	if node, ok := source.(*G.Node); ok && node == nil {
		return errors.Wrapf(ErrModel, "optim: parameter %d is nil", place)
	}
	if isNil(source.Value()) {
		return errors.Wrapf(ErrModel, "optim: parameter %s has no value", nameOf(source, place))
	}
	return nil
}

// nameOf returns the name of a node, or one made of its place in the model.
func nameOf(source G.ValueGrad, place int) string {
	if named, ok := source.(G.Namer); ok && named.Name() != "" {
		return named.Name()
	}
	return fmt.Sprintf("#%d", place)
}
