package optim_test

import (
	"encoding"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestGallery runs programs as Gorgonia's users write them (gallery_programs_test.go) with their own solver, with noise in
// both protocols, and with SAM. For every program:
//
//   - sigma 0, or rho 0, gives the base solver's weights and losses, bit for bit;
//   - weights are clean whenever the program reads them, and the base solver steps from clean ones;
//   - during an evaluation, noise is in exactly those tensors that Last names, and as large as it says;
//   - the loss falls;
//   - a solver saved half way and loaded by a new one continues with the same bits.
func TestGallery(t *testing.T) {
	for _, p := range programs {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprintf("%s/%v", p.name, dtype), func(t *testing.T) {
				want := gallery(t, p, mode{protocol: "base", dtype: dtype})
				t.Run("base", func(t *testing.T) { want.mustLearn(t) })
				for _, m := range []mode{
					{protocol: "guarded"}, {protocol: "guarded", sigma: p.sigma},
					{protocol: "carried"}, {protocol: "carried", sigma: p.sigma},
					{protocol: "SAM"}, {protocol: "SAM", sigma: p.sigma}, {protocol: "ASAM by layer", sigma: p.sigma},
				} {
					m.dtype = dtype
					if m.protocol == "carried" && p.guardedOnly || m.sam() && p.opts != nil {
						continue
					}
					t.Run(m.String(), func(t *testing.T) {
						got := gallery(t, p, m)
						if m.sigma == 0 {
							got.mustEqual(t, want)
							return
						}
						got.mustLearn(t)
						if got.noisy.Load() == 0 {
							t.Error("no evaluation at noisy weights")
						}
						if slices.Equal(got.losses, want.losses) {
							t.Error("noise does not change the losses")
						}
						if !p.stateless {
							m.resumed = true
							gallery(t, p, m).mustEqual(t, got)
						}
					})
				}
			})
		}
	}
}

// mode is how a program of the gallery is run.
type mode struct {
	protocol string  // base, guarded, carried, SAM or ASAM by layer
	sigma    float64 // or rho
	dtype    tensor.Dtype
	resumed  bool // each solver is saved and reloaded half way
}

// sam reports whether the weights are moved by the gradient instead of noise.
func (m mode) sam() bool { return m.protocol == "SAM" || m.protocol == "ASAM by layer" }

func (m mode) String() string { return fmt.Sprintf("%s sigma %v", m.protocol, m.sigma) }

// run is a running program.
type run struct {
	mode
	t      testing.TB
	random *rand.Rand
	opts   []optim.PerturbOpt

	mu     sync.Mutex
	clean  map[string][]float64 // the weights after the last step, by name
	losses []float64
	noisy  atomic.Int64 // evaluations at noisy weights
}

func gallery(t testing.TB, p program, m mode) *run {
	t.Helper()
	r := &run{mode: m, t: t, random: rand.New(rand.NewPCG(1, 2)), opts: p.opts, clean: map[string][]float64{}}
	p.run(r)
	return r
}

// mustLearn fails unless the loss fell.
func (r *run) mustLearn(t *testing.T) {
	t.Helper()
	n := len(r.losses) / 4
	first, last := mean(r.losses[:n]), mean(r.losses[len(r.losses)-n:])
	if !(last < 0.8*first) {
		t.Errorf("loss %v at first, %v at last", first, last)
	}
}

// mustEqual fails unless weights and losses equal those of another run, bit for bit.
func (r *run) mustEqual(t *testing.T, want *run) {
	t.Helper()
	if !slices.Equal(r.losses, want.losses) {
		t.Errorf("other losses: %v, want %v", r.losses, want.losses)
	}
	if !maps.EqualFunc(r.clean, want.clean, slices.Equal) {
		t.Error("other weights")
	}
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, x := range x {
		sum += x
	}
	return sum / float64(len(x))
}

// values returns a tensor of normal numbers times scale.
func (r *run) values(scale float64, shape ...int) *tensor.Dense {
	size := tensor.Shape(shape).TotalSize()
	if r.dtype == tensor.Float64 {
		data := make([]float64, size)
		for i := range data {
			data[i] = scale * r.random.NormFloat64()
		}
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	}
	data := make([]float32, size)
	for i := range data {
		data[i] = float32(scale * r.random.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// scalar returns a scalar for gorgonia.WithValue and Let.
func (r *run) scalar(x float64) any {
	if r.dtype == tensor.Float32 {
		return float32(x)
	}
	return x
}

// check fails the run on an error.
func (r *run) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// loss records a loss that the program reads.
func (r *run) loss(v G.Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losses = append(r.losses, numbers(v)[0])
}

// numbers returns a copy of the elements of a value.
func numbers(v G.Value) []float64 {
	var out []float64
	switch data := v.Data().(type) {
	case float32:
		return []float64{float64(data)}
	case float64:
		return []float64{data}
	case []float32:
		for _, x := range data {
			out = append(out, float64(x))
		}
	case []float64:
		out = append(out, data...)
	}
	return out
}

// look checks the weights that the program reads.
func (r *run) look(model []G.ValueGrad) {
	r.t.Helper()
	if dirty, _ := r.dirty(model); len(dirty) > 0 {
		r.t.Fatalf("%v: the program sees noise in %v", r.mode, dirty)
	}
}

// dirty returns the names of the parameters that are not clean, and the norm of the difference. On the first call, the
// weights are taken to be clean.
func (r *run) dirty(model []G.ValueGrad) (names []string, norm float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, source := range model {
		n := source.(*G.Node)
		now := numbers(n.Value())
		clean, known := r.clean[n.Name()]
		if !known {
			r.clean[n.Name()] = now
			continue
		}
		sum := 0.0
		for i := range now {
			sum += (now[i] - clean[i]) * (now[i] - clean[i])
		}
		if !slices.Equal(now, clean) {
			names = append(names, n.Name())
			norm += sum
		}
	}
	slices.Sort(names)
	return names, math.Sqrt(norm)
}

// learned records the current weights as the clean ones.
func (r *run) learned(model []G.ValueGrad) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, source := range model {
		r.clean[source.(*G.Node).Name()] = numbers(source.Value())
	}
}

// programSolver is the solver of a program and its machines: the subject of the two changed lines.
type programSolver struct {
	r        *run
	make     func() G.Solver
	steps    int
	half     int // the number of steps after which it is saved and reloaded
	noise    wrapper
	solver   G.Solver
	restored bool // the program has removed the noise
	machines []*machine
}

// wrapper is what a PerturbedSolver and a SAM have in common.
type wrapper interface {
	G.Solver
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
	Guard(vm G.VM, learnables ...*G.Node) (G.VM, error)
	Restore() error
	Last() optim.Injection
}

// solver returns the program's solver for the given number of steps. In all modes but base it injects noise.
func (r *run) solver(steps int, make func() G.Solver) *programSolver {
	t := &programSolver{r: r, make: make, half: steps / 2}
	t.start()
	return t
}

func (t *programSolver) start() {
	t.solver = &watchedBase{t.make(), t.r}
	var err error
	switch t.r.protocol {
	case "base":
		return
	case "SAM":
		t.noise, err = optim.NewSAM(t.solver, t.r.sigma)
	case "ASAM by layer":
		t.noise, err = optim.NewSAM(t.solver, t.r.sigma, optim.WithAdaptive(0.01), optim.WithSelection(optim.Cyclic()))
	default:
		t.noise, err = optim.NewPerturbedSolver(t.solver, t.r.sigma, t.r.opts...)
	}
	t.r.check(err)
	t.solver = t.noise
}

// Step is called by the program.
func (t *programSolver) Step(model []G.ValueGrad) error {
	if err := t.solver.Step(model); err != nil {
		return err
	}
	t.restored = false
	if t.steps++; t.steps == t.half && t.r.resumed {
		t.resume(model)
	}
	return nil
}

// resume continues with a new solver, as another process would.
func (t *programSolver) resume(model []G.ValueGrad) {
	state, err := t.noise.MarshalBinary()
	t.r.check(err)
	t.r.check(t.noise.Restore())
	t.start()
	t.r.check(t.noise.UnmarshalBinary(state))
	for _, m := range t.machines {
		m.guard(t)
	}
	if t.r.protocol == "carried" {
		t.r.check(t.noise.(*optim.PerturbedSolver).Bind(model))
		t.r.check(t.noise.(*optim.PerturbedSolver).Perturb())
	}
}

// restore is called by a program at the end of a phase, or to discard a gradient.
func (t *programSolver) restore() {
	if t.noise != nil {
		t.r.check(t.noise.Restore())
		t.restored = true
	}
}

// atClean runs f at clean weights: in the carried protocol the program must ask for them.
func (t *programSolver) atClean(f func()) {
	if t.r.protocol != "carried" {
		f()
		return
	}
	t.r.check(t.noise.Restore())
	f()
	t.r.check(t.noise.(*optim.PerturbedSolver).Perturb())
}

// machine is the machine of a program: Gorgonia's tape machine, guarded if the mode says so.
type machine struct {
	G.VM
	spy        *spy
	learnables []*G.Node
	owner      *programSolver
}

// guarded reports whether the program's machines are guarded.
func (m mode) guarded() bool { return m.protocol == "guarded" || m.sam() }

// machine returns the program's machine for a graph with these learnables.
func (t *programSolver) machine(g *G.ExprGraph, learnables ...*G.Node) *machine {
	vm := G.NewTapeMachine(g, G.BindDualValues(learnables...))
	m := &machine{spy: &spy{Machine: vm, owner: t, model: G.NodesToValueGrads(learnables)}, learnables: learnables, owner: t}
	t.r.dirty(m.spy.model) // records the clean weights
	m.guard(t)
	t.machines = append(t.machines, m)
	return m
}

func (m *machine) guard(t *programSolver) {
	m.VM = m.spy
	if t.r.guarded() {
		var err error
		m.VM, err = t.noise.Guard(m.spy, m.learnables...)
		t.r.check(err)
	}
}

// Set calls the guard's Set or the tape machine's.
func (m *machine) Set(a, b *G.Node) error { return m.VM.(optim.Machine).Set(a, b) }

func (m *machine) Close() error {
	m.owner.machines = slices.DeleteFunc(m.owner.machines, func(other *machine) bool { return other == m })
	return m.VM.Close()
}

// spy is a machine inside the guard that inspects the weights seen by an evaluation.
type spy struct {
	optim.Machine
	owner *programSolver
	model []G.ValueGrad
}

func (s *spy) RunAll() error {
	r := s.owner.r
	dirty, norm := r.dirty(s.model)
	var want []string
	if s.owner.noise != nil {
		if last := s.owner.noise.Last(); last.NoiseNorm > 0 && !(r.protocol == "carried" && s.owner.restored) {
			want = slices.Clone(last.Layers)
			slices.Sort(want)
			if len(dirty) > 0 && math.Abs(norm-last.NoiseNorm) > 1e-4*norm {
				r.t.Errorf("%v: noise of norm %v in the weights, %v by Last", r.mode, norm, last.NoiseNorm)
			}
			r.noisy.Add(1)
		}
	}
	if !slices.Equal(dirty, want) {
		r.t.Errorf("%v: noise in %v, in %v by Last", r.mode, dirty, want)
	}
	return s.Machine.RunAll()
}

// watchedBase is a base solver that checks that it is called at clean weights.
type watchedBase struct {
	G.Solver
	r *run
}

func (b *watchedBase) Step(model []G.ValueGrad) error {
	b.r.look(model)
	if err := b.Solver.Step(model); err != nil {
		return err
	}
	b.r.learned(model)
	return nil
}

func (b *watchedBase) MarshalBinary() ([]byte, error) {
	if m, ok := b.Solver.(encoding.BinaryMarshaler); ok {
		return m.MarshalBinary()
	}
	return nil, nil
}

func (b *watchedBase) UnmarshalBinary(data []byte) error {
	return b.Solver.(encoding.BinaryUnmarshaler).UnmarshalBinary(data)
}

// TestGalleryMemory: the heap does not grow, whatever a program builds anew.
func TestGalleryMemory(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	for _, p := range programs {
		for _, protocol := range []string{"guarded", "carried", "ASAM by layer"} {
			if protocol == "carried" && p.guardedOnly {
				continue
			}
			t.Run(p.name+"/"+protocol, func(t *testing.T) {
				m := mode{protocol: protocol, sigma: p.sigma, dtype: tensor.Float32}
				gallery(t, p, m)
				before := heap()
				for range rounds {
					gallery(t, p, m)
				}
				if grown := int64(heap()) - int64(before); grown > 256<<10 {
					t.Errorf("%d runs leave %d KB", rounds, grown>>10)
				}
			})
		}
	}
}

// TestManyGraphs: three thousand steps, each with a new graph and machine over the same weights, leak nothing.
func TestManyGraphs(t *testing.T) {
	steps := 3000
	if testing.Short() {
		steps = 1000
	}
	for _, protocol := range []string{"base", "guarded", "carried", "SAM"} {
		t.Run(protocol, func(t *testing.T) {
			w := tensor.New(tensor.WithShape(4, 4), tensor.WithBacking(make([]float64, 16)))
			x := tensor.New(tensor.WithShape(50, 4), tensor.WithBacking(tensor.Range(tensor.Float64, 0, 200)))
			solver := adam()
			var noise wrapper
			var err error
			switch protocol {
			case "guarded", "carried":
				noise, err = optim.NewPerturbedSolver(solver, 0.01)
			case "SAM":
				noise, err = optim.NewSAM(solver, 0.01)
			}
			if err != nil {
				t.Fatal(err)
			}
			if noise != nil {
				solver = noise
			}
			step := func() {
				g := G.NewGraph()
				node := G.NodeFromAny(g, w, G.WithName("w"))
				cost := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Mul(G.NodeFromAny(g, x, G.WithName("x")), node))))))
				if _, err := G.Grad(cost, node); err != nil {
					t.Fatal(err)
				}
				var vm G.VM = G.NewTapeMachine(g, G.BindDualValues(node))
				if protocol == "guarded" || protocol == "SAM" {
					var err error
					if vm, err = noise.Guard(vm, node); err != nil {
						t.Fatal(err)
					}
				}
				if err := vm.RunAll(); err != nil {
					t.Fatal(err)
				}
				if err := solver.Step([]G.ValueGrad{node}); err != nil {
					t.Fatal(err)
				}
				if err := vm.Close(); err != nil {
					t.Fatal(err)
				}
			}
			for range 100 {
				step()
			}
			before := heap()
			for range steps - 100 {
				step()
			}
			if grown := int64(heap()) - int64(before); grown > 100<<10 {
				t.Errorf("the heap is %d KB larger after %d graphs than after 100", grown>>10, steps)
			}
		})
	}
}

// heap returns the number of bytes in use once further collections free nothing.
func heap() uint64 {
	least := uint64(math.MaxUint64)
	for still := 0; still < 3; still++ {
		runtime.GC()
		time.Sleep(time.Millisecond) // for the finalizers of Gorgonia's machines: what they hold is freed by the next collection
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc+1<<10 < least {
			least, still = m.HeapAlloc, 0
		}
	}
	return least
}
