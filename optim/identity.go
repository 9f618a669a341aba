package optim

import (
	"unsafe"

	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// paramSet holds the parameters that a solver has met. A parameter is identified by its memory, dtype and shape, whatever
// the order, the graph or the node by which a model lists it. Nodes only lead to it and are not kept.
//
// Unknown memory is a new parameter, with two exceptions. If a node that was seen before, in the same graph, has another
// value (gorgonia.Let, or Set of a machine), the parameter has moved. And after a saved state has been read, the first
// models bring the parameters of that state.
type paramSet struct {
	list   []*Param
	byData map[unsafe.Pointer]*Param

	loaded bool // from a saved state, with none of its parameters found yet

	// Scratch memory of resolve, whose result is valid until the next call.
	stamp   uint64
	order   []*Param
	unknown []int // positions in the model of memory that is not in byData
	met     []meeting
}

// meeting is noise of some solver in a parameter of the model resolved last.
type meeting struct {
	place   int // position of the parameter in order
	carrier *carrier
}

// savedParam describes a parameter in a saved state.
type savedParam struct {
	Name  string
	Shape []int
	Dtype string
}

// resolve returns the parameters listed in model, in the same order, creating unknown ones. After an error the set is
// unchanged.
func (s *paramSet) resolve(model []G.ValueGrad) ([]*Param, error) {
	if len(model) == 0 {
		return nil, errors.Wrap(ErrModel, "optim: no parameters")
	}
	s.stamp++
	s.order, s.unknown, s.met = s.order[:0], s.unknown[:0], s.met[:0]
	for i, source := range model {
		v, shape, met, err := memoryOf(source, i)
		if err != nil {
			return nil, err
		}
		p := s.byData[v.data()]
		switch {
		case p == nil:
			s.unknown = append(s.unknown, i)
		case p.stamp == s.stamp:
			return nil, errors.Wrapf(ErrModel, "optim: parameter %s %v is in the model twice", p.name, p.shape)
		case v.len() != p.vec.len() || v.dtype() != p.dtype:
			return nil, changedError(p, shape, v.dtype())
		default:
			p.stamp = s.stamp
		}
		s.order = append(s.order, p)
		if met != nil {
			s.met = append(s.met, meeting{i, met})
		}
	}
	if len(s.unknown) > 0 {
		if err := s.identify(model); err != nil {
			return nil, err
		}
	}
	var leaves leafValues
	for i, p := range s.order {
		p.see(model[i], &leaves)
	}
	return s.order, nil
}

// memoryOf returns the memory of a parameter's clean weights, its shape, and the noise that currently hides them, if any.
func memoryOf(source G.ValueGrad, place int) (v vec, shape tensor.Shape, met *carrier, err error) {
	if err := checkSource(source, place); err != nil {
		return v, nil, nil, err
	}
	value := source.Value()
	if v, err = vecOf(value); err != nil {
		return v, nil, nil, errors.Wrapf(err, "optim: parameter %s", nameOf(source, place))
	}
	if v.len() == 0 {
		return v, nil, nil, errors.Wrapf(ErrModel, "optim: parameter %s %v is empty", nameOf(source, place), value.Shape())
	}
	v, met = noisy.behind(v)
	return v, value.Shape(), met, nil
}

func changedError(p *Param, shape tensor.Shape, dtype tensor.Dtype) error {
	return errors.Wrapf(ErrModel, "optim: parameter %s was %v %v and is now %v %v", p.name, p.dtype, p.shape, dtype, shape)
}

// arrival is memory not yet in the set.
type arrival struct {
	place int
	name  string
	shape tensor.Shape
	dtype tensor.Dtype
	vec   vec
	param *Param // the parameter it belongs to; nil for a new one
}

// identify finds the parameters that the memory in s.unknown belongs to, and only then changes the set.
func (s *paramSet) identify(model []G.ValueGrad) error {
	arrivals := make([]arrival, len(s.unknown))
	for k, i := range s.unknown {
		v, shape, _, err := memoryOf(model[i], i)
		if err != nil {
			return err
		}
		arrivals[k] = arrival{place: i, name: nameOf(model[i], i), shape: shape, dtype: v.dtype(), vec: v}
	}
	if err := s.checkOverlap(arrivals); err != nil {
		return err
	}
	for k := range arrivals {
		a := &arrivals[k]
		if a.param = s.seenAt(model[a.place]); a.param == nil {
			continue
		}
		if !a.param.like(a.shape, a.dtype) {
			return changedError(a.param, a.shape, a.dtype)
		}
		a.param.stamp = s.stamp
	}
	claimed, err := s.claim(arrivals)
	if err != nil {
		return err
	}
	for _, a := range arrivals {
		if a.param != nil {
			continue
		}
		if p := s.namesake(a); p != nil {
			return errors.Wrapf(ErrModel, "optim: parameter %s %v is new, but the solver knows another tensor of this name and shape, "+
				"and cannot tell whether it has moved: keep the tensors, give the nodes other names, or use a solver for each model", a.name, a.shape)
		}
	}
	s.settle(arrivals)
	s.loaded = s.loaded && !claimed
	return nil
}

// seenAt returns the parameter that source stood for before, unless it is in the model through its own memory.
func (s *paramSet) seenAt(source G.ValueGrad) *Param {
	for _, p := range s.list {
		if p.stamp != s.stamp && p.node.of(source) {
			return p
		}
	}
	return nil
}

// namesake returns a known parameter that may have moved to a: one of the same name, dtype and shape that is not in this
// model. Within a graph, Gorgonia has only one input of a given name and shape.
func (s *paramSet) namesake(a arrival) *Param {
	for _, p := range s.list {
		if p.stamp != s.stamp && !p.waits() && p.name == a.name && p.like(a.shape, a.dtype) {
			return p
		}
	}
	return nil
}

// checkOverlap rejects parameters whose memory overlaps.
func (s *paramSet) checkOverlap(arrivals []arrival) error {
	for k, a := range arrivals {
		for _, p := range s.list {
			if p.stamp == s.stamp && a.vec.overlaps(p.vec) {
				return sharedError(p.name, a)
			}
		}
		for _, b := range arrivals[:k] {
			if a.vec.overlaps(b.vec) {
				return sharedError(b.name, a)
			}
		}
	}
	return nil
}

func sharedError(other string, a arrival) error {
	return errors.Wrapf(ErrModel, "optim: parameters %s and %s %v share memory", other, a.name, a.shape)
}

// settle creates the parameters of new arrivals, and moves those that have moved.
func (s *paramSet) settle(arrivals []arrival) {
	if s.byData == nil {
		s.byData = map[unsafe.Pointer]*Param{}
	}
	for _, a := range arrivals {
		p := a.param
		if p == nil {
			p = &Param{name: a.name, shape: a.shape.Clone(), dtype: a.dtype, index: len(s.list)}
			s.list = append(s.list, p)
		} else if !p.waits() {
			delete(s.byData, p.vec.data())
		}
		p.name, p.vec, p.stamp = a.name, a.vec, s.stamp
		p.dense, p.company, p.node = nil, false, sighting{}
		s.byData[a.vec.data()] = p
		s.order[a.place] = p
	}
}

// waits reports whether p was read from a saved state and has not been found in a model yet.
func (p *Param) waits() bool { return p.vec.len() == 0 }

// claim finds the parameters of a saved state among the arrivals: by name if the names are unique, otherwise by position. It
// reports whether there were any. Until one has been found, memory that is not in the state is an error.
func (s *paramSet) claim(arrivals []arrival) (claimed bool, err error) {
	var waiting []*Param
	byName := map[string]*Param{}
	for _, p := range s.list {
		if p.waits() {
			waiting = append(waiting, p)
			byName[p.name] = p
		}
	}
	if len(waiting) == 0 {
		return false, nil
	}
	var found []*Param
	missing := 0
	taken := map[*Param]bool{}
	for _, a := range arrivals {
		p := byName[a.name]
		if p == nil || taken[p] {
			p = nil
			missing++
		} else {
			taken[p] = true
		}
		found = append(found, p)
	}
	switch {
	case missing == 0 && len(byName) == len(waiting):
	case len(arrivals) == len(waiting):
		copy(found, waiting)
	case s.loaded:
		return false, errors.Wrapf(ErrState, "optim: the state was saved for %d parameters, the model has %d", len(waiting), len(arrivals))
	default:
		return false, nil // a model that is not in the state
	}
	for k := range arrivals {
		a, p := &arrivals[k], found[k]
		if !p.like(a.shape, a.dtype) {
			return false, errors.Wrapf(ErrState, "optim: parameter %s is %v %v, the state was saved for %s %v %v",
				a.name, a.dtype, a.shape, p.name, p.dtype, p.shape)
		}
	}
	for k, p := range found {
		arrivals[k].param = p
	}
	return true, nil
}

// see records where the parameter was seen, and whether its tensor is the only one over its memory there.
func (p *Param) see(source G.ValueGrad, leaves *leafValues) {
	if p.node.of(source) && (p.company || source.Value() == G.Value(p.dense)) {
		return
	}
	node, ok := source.(*G.Node)
	if !ok || node.Graph() == nil {
		p.dense, p.company = nil, true
		return
	}
	if (p.node == sighting{}) {
		p.right = p.shape.Dims() == 2 && isRightFactor(node)
	}
	p.node = sightingOf(node)
	t, ok := node.Value().(*tensor.Dense)
	if p.company || !ok || p.dense != nil && p.dense != t || !leaves.alone(node.Graph(), t, p.vec) {
		p.dense, p.company = nil, true
		return
	}
	p.dense = t
}

// leafValues are the values of a graph's inputs and constants. All other values are recomputed from these.
type leafValues struct {
	graph  *G.ExprGraph
	values []G.Value
}

// alone reports whether no leaf of g other than t lies in memory v.
func (l *leafValues) alone(g *G.ExprGraph, t *tensor.Dense, v vec) bool {
	if l.graph != g {
		l.graph, l.values = g, l.values[:0]
		for _, n := range g.AllNodes() {
			if value := n.Value(); !isnil.Of(value) && g.From(n.ID()).Len() == 0 {
				l.values = append(l.values, value)
			}
		}
	}
	lo := uintptr(v.data())
	hi := lo + v.size()
	for _, value := range l.values {
		if value != G.Value(t) && value.Uintptr() < hi && lo < value.Uintptr()+value.MemSize() {
			return false
		}
	}
	return true
}

// describe returns the description of the parameters for a saved state.
func (s *paramSet) describe() []savedParam {
	saved := make([]savedParam, len(s.list))
	for i, p := range s.list {
		saved[i] = savedParam{Name: p.name, Shape: p.shape, Dtype: p.dtype.String()}
	}
	return saved
}

// checkSaved returns the parameters described by saved, without memory, or an error if the description is invalid or does
// not match the parameters already in the set.
func (s *paramSet) checkSaved(saved []savedParam) ([]*Param, error) {
	list := make([]*Param, len(saved))
	for i, was := range saved {
		p := &Param{name: was.Name, shape: tensor.Shape(was.Shape), index: i}
		switch was.Dtype {
		case tensor.Float32.String():
			p.dtype = tensor.Float32
		case tensor.Float64.String():
			p.dtype = tensor.Float64
		default:
			return nil, errors.Wrapf(ErrState, "optim: parameter %s %v in the state has dtype %q", was.Name, p.shape, was.Dtype)
		}
		list[i] = p
	}
	if len(s.list) == 0 || len(saved) == 0 {
		return list, nil
	}
	probe := paramSet{list: list, loaded: true}
	arrivals := make([]arrival, len(s.list))
	for i, p := range s.list {
		arrivals[i] = arrival{place: i, name: p.name, shape: p.shape, dtype: p.dtype}
	}
	if len(arrivals) != len(list) {
		return nil, errors.Wrapf(ErrState, "optim: the state was saved for %d parameters, the model has %d", len(list), len(arrivals))
	}
	if _, err := probe.claim(arrivals); err != nil {
		return nil, err
	}
	return list, nil
}

// expect replaces the parameters by those of a saved state, to be found later.
func (s *paramSet) expect(list []*Param) { *s = paramSet{list: list, loaded: len(list) > 0} }
