package optim

import (
	"unsafe"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// paramSet knows the parameters that a solver has met. A parameter is its memory, its type and its shape: it is the same in
// whatever order, of whichever graph and by whichever node a model lists it. Nodes are ways to it and are not kept.
//
// Memory that the set does not know is a new parameter, with two exceptions. A node that was seen before, in the graph where
// it was seen, has got another value (gorgonia.Let, or Set of a machine): the parameter has moved. And the first models
// after a saved state was read bring the parameters of that state.
type paramSet struct {
	list   []*Param
	byData map[unsafe.Pointer]*Param

	loaded bool // from a saved state, none of whose parameters has been found yet

	// Scratch of resolve. What it returns is valid until the next call.
	stamp   uint64
	order   []*Param
	unknown []int // places in the model of memory that byData does not know
	met     []meeting
}

// meeting is noise of some solver in a parameter of the model that was resolved last.
type meeting struct {
	place   int // of the parameter in order
	carrier *carrier
}

// savedParam describes a parameter in a saved state.
type savedParam struct {
	Name  string
	Shape []int
	Dtype string
}

// resolve returns the parameters that model lists, in its order, and makes those that it does not know. After an error the
// set is as before.
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
			return nil, errors.Wrapf(ErrModel, "optim: parameter %s %v stands in the model twice", p.name, p.shape)
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

// memoryOf returns the memory of a parameter's clean weights, its shape, and the noise that stands before them, if any.
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
	return errors.Wrapf(ErrModel, "optim: parameter %s was %v %v and is %v %v now", p.name, p.dtype, p.shape, dtype, shape)
}

// arrival is memory that the set does not know yet.
type arrival struct {
	place int
	name  string
	shape tensor.Shape
	dtype tensor.Dtype
	vec   vec
	param *Param // whose it is; nil for a new one
}

// identify finds out whose memory s.unknown is, and only then changes the set.
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

// seenAt returns the parameter that source stood for before, if it is not in the model by its own memory.
func (s *paramSet) seenAt(source G.ValueGrad) *Param {
	for _, p := range s.list {
		if p.stamp != s.stamp && p.node.of(source) {
			return p
		}
	}
	return nil
}

// namesake returns a known parameter that a may be in other memory: of its name, type and shape, and not in this model. In
// one graph Gorgonia has but one input of a name and shape.
func (s *paramSet) namesake(a arrival) *Param {
	for _, p := range s.list {
		if p.stamp != s.stamp && !p.waits() && p.name == a.name && p.like(a.shape, a.dtype) {
			return p
		}
	}
	return nil
}

// checkOverlap refuses memory that parameters have in part in common.
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

// settle makes the parameters of the arrivals, and moves those that have moved.
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

// waits reports whether p was read from a saved state and has not been found yet.
func (p *Param) waits() bool { return p.vec.len() == 0 }

// claim finds the parameters of a saved state among the arrivals: by name where names tell them apart, else by place. It
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
		return false, nil // a model that the state does not know
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

// see remembers where the parameter was seen, and whether its tensor is alone in its memory there.
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

// leafValues are the values of the inputs and constants of a graph. The values that a graph computes are made anew from what
// it sees.
type leafValues struct {
	graph  *G.ExprGraph
	values []G.Value
}

// alone reports whether no leaf of g but t lies in memory v.
func (l *leafValues) alone(g *G.ExprGraph, t *tensor.Dense, v vec) bool {
	if l.graph != g {
		l.graph, l.values = g, l.values[:0]
		for _, n := range g.AllNodes() {
			if value := n.Value(); !isNil(value) && g.From(n.ID()).Len() == 0 {
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

// describe returns what a saved state says of the parameters.
func (s *paramSet) describe() []savedParam {
	saved := make([]savedParam, len(s.list))
	for i, p := range s.list {
		saved[i] = savedParam{Name: p.name, Shape: p.shape, Dtype: p.dtype.String()}
	}
	return saved
}

// checkSaved returns the parameters that saved describes, without memory, or an error if it makes no sense or if the set
// knows others.
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
			return nil, errors.Wrapf(ErrState, "optim: parameter %s %v of the state is of %q", was.Name, p.shape, was.Dtype)
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

// expect forgets the parameters, and waits for those of a saved state.
func (s *paramSet) expect(list []*Param) { *s = paramSet{list: list, loaded: len(list) > 0} }
