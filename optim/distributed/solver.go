package distributed

import (
	"cmp"
	"encoding"
	"fmt"
	"hash/fnv"
	"slices"
	"unsafe"

	"github.com/layernoise/layernoise/internal/digest"
	"github.com/layernoise/layernoise/internal/nodename"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var _ G.Solver = (*Solver)(nil)

// Solver steps a base solver with the mean of the gradients of all ranks. Put it inside a PerturbedSolver:
//
//	sgd, err := optim.NewSGD(0.1, optim.WithMomentum(0.9))
//	mean, err := distributed.NewSolver(sgd, world)
//	solver, err := optim.NewPerturbedSolver(mean, 0.05)
//
// With a loss that is a mean over the batch, n ranks with batches of b images make the step of one process with n*b images,
// to rounding. Batch norms take their statistics from the images of their own rank, and their running statistics differ from
// rank to rank unless a layers.Classifier that has joined the world averages them, or layers.SyncBatchNorm has synchronised
// them.
//
// The ranks must train the same model from the same weights, which the first Step makes sure of: give all the same seeds, or
// call [BroadcastWeights]. After that nothing but gradients is exchanged, and the weights stay the same bit for bit, because
// the sum is the same on all ranks and the noise is a function of seeds and counters.
type Solver struct {
	base  G.Solver
	world *World
	last  []unsafe.Pointer // the weights of the step before
	known map[uint64]bool  // models that were compared
	fused fused

	averaged   bool // the gradients of the next Step are means already
	overlapped bool // because a machine of Overlap has left them so
	exchanges  int  // that Average and Step have made
	beside     int  // and those beside a pass
}

// fused is memory in which small gradients are exchanged together, an element type each.
type fused struct {
	f32 []float32
	f64 []float64
}

// NewSolver returns a solver that steps base with the mean of the gradients of world's ranks.
func NewSolver(base G.Solver, world *World) (*Solver, error) {
	switch base.(type) {
	case nil:
		return nil, errors.New("distributed: the base solver is nil")
	case *optim.PerturbedSolver, *optim.SAM:
		return nil, errors.Errorf("distributed: a %T goes around the Solver, not into it: "+
			"NewPerturbedSolver(distributed.NewSolver(base, world), sigma)", base)
	}
	if world == nil {
		return nil, errors.New("distributed: the world is nil")
	}
	return &Solver{base: base, world: world, known: make(map[uint64]bool)}, nil
}

// IndependentNoise is an option of optim.NewPerturbedSolver: each rank draws noise of its own, on the same groups, so that
// the mean of the gradients is one over as many draws as there are ranks. Without it all ranks draw the same noise.
func IndependentNoise(w *World) optim.PerturbOpt { return optim.WithRank(w.rank, w.size) }

// Base returns the solver that updates the weights.
func (s *Solver) Base() G.Solver { return s.base }

// String describes the solver by the number of ranks and the type of its base.
func (s *Solver) String() string {
	return fmt.Sprintf("the mean of %d ranks, over %T", s.world.size, s.base)
}

// Step replaces the gradients by their mean over all ranks and makes a step of the base solver. All ranks must call it, with
// the same parameters in the same order. The first Step compares the names, shapes and weights of the ranks: the error names
// the first parameter that differs, and nothing has changed.
//
// Parameters that share the memory of their gradients, as two that are only ever added do, have it exchanged once. Memory
// that is shared in part is an error.
//
// An error of another rank is an error here, too, before the weights have changed.
func (s *Solver) Step(model []G.ValueGrad) error {
	if !s.averaged {
		if err := s.Average(model); err != nil {
			return err
		}
	}
	s.Discard()
	return s.base.Step(model)
}

func (s *Solver) mean(model []G.ValueGrad) error {
	if s.world.broken != nil {
		return s.world.broken
	}
	params := make([]parameter, len(model))
	for i, m := range model {
		var err error
		if params[i], err = parameterOf(m, i); err != nil {
			return s.world.breakDown(err)
		}
	}
	if err := s.compareOnce(params); err != nil {
		return err
	}
	f32, f64, err := vectors(params)
	if err != nil {
		return s.world.breakDown(err)
	}
	if err := meanOf(s.world, f32, &s.fused.f32); err != nil {
		return err
	}
	if err := meanOf(s.world, f64, &s.fused.f64); err != nil {
		return err
	}
	s.exchanges++
	return nil
}

// compareOnce compares a model with the other ranks' when it comes for the first time.
func (s *Solver) compareOnce(params []parameter) error {
	at := make([]unsafe.Pointer, len(params))
	for i, p := range params {
		at[i] = p.at()
	}
	if slices.Equal(at, s.last) {
		return nil
	}
	model := fnv.New64a()
	for _, p := range params {
		fmt.Fprintln(model, p.description())
	}
	if !s.known[model.Sum64()] {
		if err := compare(s.world, params); err != nil {
			return err
		}
		s.known[model.Sum64()] = true
	}
	s.last = at
	return nil
}

// vectors returns the gradients by their element type, each once: parameters that are only added to each other, such as two
// biases, have one gradient in one memory.
func vectors(params []parameter) (f32 [][]float32, f64 [][]float64, err error) {
	type place struct {
		memory
		name string
	}
	var places []place
	for _, p := range params {
		places = append(places, place{memoryAtAny(p.grad), p.name})
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(places); i++ {
		if a, b := places[i-1], places[i]; a.memory != b.memory && a.at+a.bytes > b.at {
			return nil, nil, errors.Errorf("distributed: the gradients of %s and %s share a part of their memory: want all of it, or nothing", a.name, b.name)
		}
	}
	known := make(map[memory]bool)
	for _, p := range params {
		at := memoryAtAny(p.grad)
		if known[at] {
			continue
		}
		known[at] = true
		switch g := p.grad.(type) {
		case []float32:
			f32 = append(f32, g)
		case []float64:
			f64 = append(f64, g)
		}
	}
	return f32, f64, nil
}

// memory is where the elements of a value are.
type memory struct{ at, bytes uintptr }

func memoryAt[T Float](x []T) memory {
	return memory{uintptr(unsafe.Pointer(unsafe.SliceData(x))), uintptr(len(x)) * unsafe.Sizeof(T(0))}
}

func memoryAtAny(x any) memory {
	if x, ok := x.([]float32); ok {
		return memoryAt(x)
	}
	return memoryAt(x.([]float64))
}

// gradientMemory returns where the gradients of the nodes are.
func gradientMemory(nodes G.Nodes) ([]memory, error) {
	list := make([]memory, len(nodes))
	for i, n := range nodes {
		g, err := n.Grad()
		if err == nil {
			var x any
			if x, err = memoryOf(g); err == nil {
				list[i] = memoryAtAny(x)
			}
		}
		if err != nil {
			return nil, errors.Wrapf(err, "distributed: gradient of parameter %d %s %v", i, n.Name(), n.Shape())
		}
	}
	return list, nil
}

// fuseBelow is the length below which gradients are exchanged together.
const fuseBelow = 1 << 14

// bundle is vectors that are exchanged: the large ones, and the small ones together behind them.
type bundle[T Float] struct {
	large, small [][]T
	together     []T // the small ones, in memory of their own
}

func newBundle[T Float](list [][]T, memory *[]T) (b bundle[T]) {
	n := 0
	for _, x := range list {
		if len(x) >= fuseBelow {
			b.large = append(b.large, x)
			continue
		}
		b.small = append(b.small, x)
		n += len(x)
	}
	if cap(*memory) < n {
		*memory = make([]T, n)
	}
	b.together = (*memory)[:n]
	return b
}

// vectors returns what is exchanged.
func (b bundle[T]) vectors() [][]T { return append(slices.Clone(b.large), b.together) }

// pack puts the small vectors together.
func (b bundle[T]) pack() {
	rest := b.together
	for _, x := range b.small {
		rest = rest[copy(rest, x):]
	}
}

// unpack puts them back.
func (b bundle[T]) unpack() {
	rest := b.together
	for _, x := range b.small {
		rest = rest[copy(x, rest):]
	}
}

// meanOf replaces the vectors by their means over all ranks.
func meanOf[T Float](w *World, list [][]T, memory *[]T) error {
	if len(list) == 0 {
		return nil
	}
	b := newBundle(list, memory)
	b.pack()
	if err := allreduceAll(w, b.vectors(), 1/T(w.size)); err != nil {
		return err
	}
	b.unpack()
	return nil
}

// parameter is a parameter's name, and the memory of its value and its gradient.
type parameter struct {
	name        string
	shape       tensor.Shape
	value, grad any // []float32 or []float64
}

func parameterOf(m G.ValueGrad, i int) (p parameter, err error) {
	p.name = fmt.Sprintf("parameter %d", i)
	if name := nodename.Of(m); name != "" {
		p.name = fmt.Sprintf("parameter %d %s", i, name)
	}
	v := m.Value()
	if v == nil {
		return p, errors.Errorf("distributed: %s has no value", p.name)
	}
	p.shape = v.Shape()
	if p.value, err = memoryOf(v); err != nil {
		return p, errors.Wrapf(err, "distributed: %s %v", p.name, p.shape)
	}
	g, err := m.Grad()
	if err != nil {
		return p, errors.Wrapf(err, "distributed: gradient of %s %v", p.name, p.shape)
	}
	if p.grad, err = memoryOf(g); err != nil {
		return p, errors.Wrapf(err, "distributed: gradient of %s %v", p.name, p.shape)
	}
	return p, nil
}

// memoryOf returns the elements of a value, which share its memory.
func memoryOf(v G.Value) (any, error) {
	switch v := v.(type) {
	case *G.F32:
		return unsafe.Slice((*float32)(v), 1), nil
	case *G.F64:
		return unsafe.Slice((*float64)(v), 1), nil
	case *tensor.Dense:
		if v.RequiresIterator() || v.DataOrder().IsColMajor() {
			return nil, errors.New("it is a view or column-major: want a contiguous row-major tensor")
		}
		switch x := v.Data().(type) {
		case []float32, []float64:
			return x, nil
		case float32, float64:
			return nil, errors.New("it is a scalar: want a tensor of one element")
		}
		return nil, errors.Errorf("its elements are %v: want float32 or float64", v.Dtype())
	}
	return nil, errors.Errorf("it is a %T: want a dense tensor", v)
}

// compare makes sure that all ranks have the same parameters with the same values.
func compare(w *World, params []parameter) error {
	c := call{kind: comparison, Count: uint64(len(params))}
	return w.collective(c, func() error {
		err := sameEverywhere(w, c, params, parameter.description, "is another one there: the ranks train different models")
		if err != nil {
			return err
		}
		return sameEverywhere(w, c, params, func(p parameter) uint64 { return digest.Of(p.value) }, "has other values there: give all ranks the same seeds, or call BroadcastWeights")
	})
}

// sameEverywhere compares a hash of each parameter between all ranks.
func sameEverywhere(w *World, c call, params []parameter, hash func(parameter) uint64, what string) error {
	hashes := make([]uint64, len(params))
	for i, p := range params {
		hashes[i] = hash(p)
	}
	all, err := gatherAll(w, c, hashes)
	if err != nil {
		return err
	}
	for i, p := range params {
		for r, theirs := range all {
			// The differences are told from rank 0, by every rank in the same words.
			if theirs[i] != all[0][i] {
				return errors.Errorf("distributed: ranks 0 and %d differ: %s %v of rank %d %s", r, p.name, p.shape, w.rank, what)
			}
		}
	}
	return nil
}

// at returns where the parameter's values are.
func (p parameter) at() unsafe.Pointer {
	switch x := p.value.(type) {
	case []float32:
		return unsafe.Pointer(unsafe.SliceData(x))
	case []float64:
		return unsafe.Pointer(unsafe.SliceData(x))
	}
	return nil
}

// description is a hash of the parameter's name, shape and element type.
func (p parameter) description() uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %v %T", p.name, p.shape, p.value)
	return h.Sum64()
}

// BroadcastWeights sets the weights of all ranks to those of rank 0. Call it before the first step, where the ranks may
// have begun at other weights, as after loading a file on rank 0 alone.
func BroadcastWeights(w *World, model []G.ValueGrad) error {
	for i, m := range model {
		v := m.Value()
		if v == nil {
			return errors.Errorf("distributed: parameter %d has no value", i)
		}
		memory, err := memoryOf(v)
		if err != nil {
			return errors.Wrapf(err, "distributed: parameter %d %v", i, v.Shape())
		}
		switch x := memory.(type) {
		case []float32:
			err = Broadcast(w, 0, x)
		case []float64:
			err = Broadcast(w, 0, x)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// MarshalBinary returns the state of the base solver, as the base does. Its state is the same on all ranks, so one file of
// rank 0 resumes all, of any number. Gorgonia's VanillaSolver has none.
func (s *Solver) MarshalBinary() ([]byte, error) {
	if base, ok := s.base.(encoding.BinaryMarshaler); ok {
		return base.MarshalBinary()
	}
	if _, stateless := s.base.(*G.VanillaSolver); stateless {
		return []byte{}, nil
	}
	return nil, errors.Wrapf(optim.ErrState, "distributed: the base solver %T cannot save its state: use SGD, Adam or AdamW of optim", s.base)
}

// UnmarshalBinary reads what MarshalBinary returned.
func (s *Solver) UnmarshalBinary(data []byte) error {
	if base, ok := s.base.(encoding.BinaryUnmarshaler); ok {
		return base.UnmarshalBinary(data)
	}
	if len(data) > 0 {
		return errors.Wrapf(optim.ErrState, "distributed: the base solver %T cannot read a state", s.base)
	}
	return nil
}
