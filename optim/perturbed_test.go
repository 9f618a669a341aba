package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/internal/noise"
	"github.com/layernoise/layernoise/internal/race"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var dtypes = []tensor.Dtype{tensor.Float32, tensor.Float64}

var protocols = map[string]bool{"guarded": true, "carried": false}

// TestNoNoiseIsTheBase: sigma 0, and a schedule at 0, give the base solver's steps bit for bit.
func TestNoNoiseIsTheBase(t *testing.T) {
	silent := map[string]func(base G.Solver) (*PerturbedSolver, error){
		"sigma 0": func(b G.Solver) (*PerturbedSolver, error) { return NewPerturbedSolver(b, 0) },
		"until 0": func(b G.Solver) (*PerturbedSolver, error) { return NewPerturbedSolver(b, 0.3, WithSchedule(Until(0))) },
		"constant 0": func(b G.Solver) (*PerturbedSolver, error) {
			return NewPerturbedSolver(b, 0.3, WithSchedule(Constant(0)))
		},
		"steps 0": func(b G.Solver) (*PerturbedSolver, error) {
			return NewPerturbedSolver(b, 0.3, WithSchedule(Steps(0, 0)))
		},
		"linear 0": func(b G.Solver) (*PerturbedSolver, error) {
			return NewPerturbedSolver(b, 0.3, WithSelection(All()), WithSchedule(Linear(0, 0, 3)))
		},
	}
	for name, base := range bases {
		for _, dtype := range dtypes {
			want := newNet(t, dtype, 3, 5, 4, 6, 3)
			want.train(t, base(), false, 6)
			for how, make := range silent {
				for protocol, guarded := range protocols {
					got := newNet(t, dtype, 3, 5, 4, 6, 3)
					got.train(t, must(make(base()))(t), guarded, 6)
					if !slices.Equal(got.weights(), want.weights()) {
						t.Errorf("%s, %v, %s, %s: not the base's weights", name, dtype, how, protocol)
					}
				}
			}
		}
	}
}

// TestNoiseIsNotTheBase: the test above would pass even if noise never arrived.
func TestNoiseIsNotTheBase(t *testing.T) {
	for protocol, guarded := range protocols {
		plain, noisy := newNet(t, tensor.Float32, 3, 5, 4, 6, 3), newNet(t, tensor.Float32, 3, 5, 4, 6, 3)
		plain.train(t, bases["sgd"](), false, 6)
		noisy.train(t, perturbed(t, bases["sgd"](), 0.1), guarded, 6)
		if slices.Equal(plain.weights(), noisy.weights()) {
			t.Errorf("%s: sigma 0.1 changed nothing", protocol)
		}
	}
}

// spyVM calls look instead of running, and then the wrapped machine, if any.
type spyVM struct {
	G.VM
	look func() error
}

func (v *spyVM) RunAll() error {
	if err := v.look(); err != nil || v.VM == nil {
		return err
	}
	return v.VM.RunAll()
}

func (v *spyVM) Reset() {
	if v.VM != nil {
		v.VM.Reset()
	}
}

func (v *spyVM) Close() error { return nil }

// TestInjection inspects the weights during RunAll: the group whose turn it is holds clean + scale*eps, the others are
// clean, and after RunAll all are.
func TestInjection(t *testing.T) {
	const sigma, seed, steps = 0.25, 11, 7
	dists := map[string]struct {
		noise Noise
		dist  noise.Dist
	}{
		"gaussian":   {Gaussian(), noise.Gaussian},
		"rademacher": {Rademacher(), noise.Rademacher},
		"uniform":    {UniformNoise(), noise.Uniform},
	}
	for name, d := range dists {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprint(name, dtype), func(t *testing.T) {
				n := newNet(t, dtype, 5, 2, 9, 41, 3)
				s := perturbed(t, bases["sgd"](), sigma, WithSeed(seed), WithNoise(d.noise))
				n.train(t, bases["sgd"](), false, 1) // so that there are gradients
				step := 0
				var clean []uint64
				spy := &spyVM{look: func() error {
					at := 0
					for i, node := range n.learnables {
						bits := bitsOf(node.Value())
						want := clean[at : at+len(bits)]
						if i == step%len(n.learnables) {
							want = addNoise(dtype, want, d.dist, noise.Stream{Seed: seed, Step: uint32(step), Tensor: uint32(i)}, sigma)
						}
						if !slices.Equal(bits, want) {
							t.Errorf("step %d: tensor %d holds other numbers than clean + sigma*eps", step, i)
						}
						at += len(bits)
					}
					return nil
				}}
				vm := must(s.Guard(spy, n.learnables...))(t)
				for ; step < steps; step++ {
					clean = n.weights()
					if err := vm.RunAll(); err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(clean, n.weights()) {
						t.Fatalf("step %d: weights changed by RunAll", step)
					}
					if err := s.Step(n.model); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// addNoise returns the bits of clean + sigma*eps, as the generator defines it.
func addNoise(dtype tensor.Dtype, clean []uint64, dist noise.Dist, stream noise.Stream, sigma float64) []uint64 {
	out := make([]uint64, len(clean))
	if dtype == tensor.Float32 {
		w := make([]float32, len(clean))
		for i, b := range clean {
			w[i] = float32(math.Float64frombits(b))
		}
		noise.Add(dist, stream, w, w, float32(sigma))
		for i, x := range w {
			out[i] = math.Float64bits(float64(x))
		}
		return out
	}
	w := make([]float64, len(clean))
	for i, b := range clean {
		w[i] = math.Float64frombits(b)
	}
	noise.Add(dist, stream, w, w, sigma)
	for i, x := range w {
		out[i] = math.Float64bits(x)
	}
	return out
}

// TestGuardRestores: RunAll restores the weights bit for bit, whatever happens in it.
func TestGuardRestores(t *testing.T) {
	boom := errors.New("boom")
	cases := map[string]func() error{
		"fails":  func() error { return boom },
		"panics": func() error { panic(boom) },
	}
	for _, opts := range [][]PerturbOpt{nil, {WithSelection(All())}, {WithSamples(3)}, {WithAntithetic()}} {
		for name, happens := range cases {
			n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
			n.train(t, bases["sgd"](), false, 1)
			before, gradients := n.weights(), n.gradients(t)
			s := perturbed(t, bases["sgd"](), 0.5, opts...)
			vm := must(s.Guard(&spyVM{look: func() error {
				if slices.Equal(before, n.weights()) {
					t.Error("no noise in the weights")
				}
				return happens()
			}}, n.learnables...))(t)
			func() {
				defer func() {
					if r := recover(); (r != nil) != (name == "panics") {
						t.Errorf("%s: recovered %v", name, r)
					}
				}()
				if err := vm.RunAll(); !errors.Is(err, boom) {
					t.Errorf("%s: error %v", name, err)
				}
			}()
			if !slices.Equal(before, n.weights()) {
				t.Errorf("%s: weights changed", name)
			}
			if fmt.Sprint(gradients) != fmt.Sprint(n.gradients(t)) {
				t.Errorf("%s: gradients changed", name)
			}
		}

		n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
		n.x.Value().Data().([]float32)[2] = float32(math.NaN())
		before := n.weights()
		vm := must(perturbed(t, bases["sgd"](), 0.5, opts...).Guard(n.vm, n.learnables...))(t)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if loss := n.loss.Data().(float32); loss == loss {
			t.Errorf("the loss is %v, want NaN", loss)
		}
		if !slices.Equal(before, n.weights()) {
			t.Error("NaN: weights changed")
		}
	}
}

// TestCarriedRestore: Restore gives exactly the weights of the base, at any time, also twice in a row; Perturb adds the same
// noise again.
func TestCarriedRestore(t *testing.T) {
	for _, dtype := range dtypes {
		n := newNet(t, dtype, 1, 3, 4, 5, 2)
		var clean []uint64
		base := stepFunc(func(model []G.ValueGrad) error {
			if err := bases["sgd"]().Step(model); err != nil {
				return err
			}
			clean = n.weights()
			return nil
		})
		s := perturbed(t, base, 0.5)
		if err := s.Restore(); err != nil {
			t.Fatal(err)
		}
		for range 9 {
			n.loop(t, n.vm, s, 1)
			noisy := n.weights()
			if slices.Equal(noisy, clean) {
				t.Fatal("no noise after Step")
			}
			for range 2 {
				if err := s.Restore(); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(n.weights(), clean) {
					t.Fatal("Restore left other weights")
				}
			}
			for range 2 {
				if err := s.Perturb(); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(n.weights(), noisy) {
					t.Fatal("Perturb put other noise in")
				}
			}
		}
	}
}

type stepFunc func([]G.ValueGrad) error

func (f stepFunc) Step(model []G.ValueGrad) error { return f(model) }

// TestProtocolsAgree: with noise in the first evaluation too, the carried protocol makes the guarded one's steps.
func TestProtocolsAgree(t *testing.T) {
	for name, base := range bases {
		guarded, carried := newNet(t, tensor.Float32, 1, 3, 4, 5, 2), newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
		guarded.train(t, perturbed(t, base(), 0.1, WithSeed(4)), true, 8)
		s := perturbed(t, base(), 0.1, WithSeed(4))
		if err := s.Bind(carried.model); err != nil {
			t.Fatal(err)
		}
		if err := s.Perturb(); err != nil {
			t.Fatal(err)
		}
		carried.train(t, s, false, 8)
		if !slices.Equal(guarded.weights(), carried.weights()) {
			t.Errorf("%s: weights differ", name)
		}
	}
}

// TestScalars: scalar parameters take noise and steps, in both dtypes.
func TestScalars(t *testing.T) {
	for _, dtype := range dtypes {
		for protocol, guarded := range protocols {
			g := G.NewGraph()
			w := G.NewScalar(g, dtype, G.WithName("w"), G.WithValue(scalarOf(dtype, 2)))
			cost := G.Must(G.Mul(G.Must(G.Mul(w, w)), w))
			if _, err := G.Grad(cost, w); err != nil {
				t.Fatal(err)
			}
			n := &net{g: g, learnables: G.Nodes{w}, vm: G.NewTapeMachine(g, G.BindDualValues(w)), model: []G.ValueGrad{w}}
			s := perturbed(t, ours(NewSGD(0.125)), 0.5, WithNoise(Rademacher()))
			n.train(t, s, guarded, 1)
			sign := 1.0
			if guarded {
				eps := make([]float64, 1)
				noise.Fill(noise.Rademacher, noise.Stream{}, eps, 1)
				sign = eps[0]
			} else {
				sign = 0 // the first evaluation is clean
			}
			at := 2 + 0.5*sign
			if got, want := floatsOf(w.Value())[0], 2-0.125*3*at*at; got != want {
				t.Errorf("%v, %s: w is %v after a step, want %v", dtype, protocol, got, want)
			}
		}
	}
}

func scalarOf(dtype tensor.Dtype, x float64) any {
	if dtype == tensor.Float32 {
		return float32(x)
	}
	return x
}

// TestSharedTensor: graphs over the same tensors are one model, and the solver may guard a machine of each.
func TestSharedTensor(t *testing.T) {
	one, both := newNet(t, tensor.Float32, 1, 3, 4, 5, 2), newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	one.train(t, perturbed(t, bases["sgd momentum"](), 0.1), true, 4)

	view := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	for i, node := range view.learnables {
		if err := G.Let(node, both.learnables[i].Value()); err != nil {
			t.Fatal(err)
		}
	}
	view.vm = G.NewTapeMachine(view.g, G.BindDualValues(view.learnables...))
	s := perturbed(t, bases["sgd momentum"](), 0.1)
	for range 2 {
		both.loop(t, must(s.Guard(both.vm, both.learnables...))(t), s, 1)
		view.loop(t, must(s.Guard(view.vm, view.learnables...))(t), s, 1)
	}
	if !slices.Equal(one.weights(), both.weights()) {
		t.Error("training over two graphs gives other weights than over one")
	}
}

// TestLetKeepsState: a parameter whose value is replaced by another of the same shape keeps its index and its momentum.
func TestLetKeepsState(t *testing.T) {
	one, other := newNet(t, tensor.Float32, 1, 3, 4, 5, 2), newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	one.train(t, perturbed(t, bases["sgd momentum"](), 0.1), true, 6)
	s := perturbed(t, bases["sgd momentum"](), 0.1)
	vm := must(s.Guard(other.vm, other.learnables...))(t)
	other.loop(t, vm, s, 3)
	for _, node := range other.learnables {
		if err := G.Let(node, node.Value().(*tensor.Dense).Clone()); err != nil {
			t.Fatal(err)
		}
	}
	other.loop(t, vm, s, 3)
	if !slices.Equal(one.weights(), other.weights()) {
		t.Error("other weights after gorgonia.Let with equal values")
	}
	for _, p := range s.params.list {
		if p.dense == nil {
			t.Errorf("%s takes noise in place since it has moved", p.name)
		}
	}
}

// TestOrderDoesNotMatter: state belongs to the parameter, not to its position.
func TestOrderDoesNotMatter(t *testing.T) {
	for _, name := range []string{"sgd momentum", "adam", "adamw"} {
		for protocol, guarded := range protocols {
			straight, turned := newNet(t, tensor.Float32, 1, 3, 4, 5, 2), newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
			straight.train(t, perturbed(t, bases[name](), 0.1), guarded, 6)
			s := perturbed(t, bases[name](), 0.1)
			turned.train(t, s, guarded, 3)
			slices.Reverse(turned.model)
			slices.Reverse(turned.learnables)
			if !guarded {
				if err := s.Perturb(); err != nil {
					t.Fatal(err)
				}
			}
			turned.train(t, s, guarded, 3)
			slices.Reverse(turned.learnables)
			if !slices.Equal(straight.weights(), turned.weights()) {
				t.Errorf("%s, %s: another order gives other weights", name, protocol)
			}
		}
	}
}

// TestSteadyStateAllocations: after the first steps, the solver itself allocates nothing.
func TestSteadyStateAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	n := newNet(t, tensor.Float32, 1, 3, 40, 50, 2)
	n.train(t, bases["sgd"](), false, 1)
	for name, selection := range map[string]Selection{"cyclic": Cyclic(), "all": All()} {
		s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), 0.1, WithSelection(selection))
		if allocs := n.stepAllocations(t, s); allocs > 0 {
			t.Errorf("%s: %v allocations a step", name, allocs)
		}
	}
}

// TestWrongUse: each mistake is an error that says what is wrong and changes no weight.
func TestWrongUse(t *testing.T) {
	nan := math.NaN()
	sgd := func() G.Solver { return bases["sgd"]() }
	construct := func(base G.Solver, sigma float64, opts ...PerturbOpt) func(*testing.T, *net) error {
		return func(*testing.T, *net) error {
			_, err := NewPerturbedSolver(base, sigma, opts...)
			return err
		}
	}
	guardThen := func(what func(s *PerturbedSolver, n *net, vm G.VM) error, opts ...PerturbOpt) func(*testing.T, *net) error {
		return func(t *testing.T, n *net) error {
			s := perturbed(t, sgd(), 0.1, opts...)
			vm, err := s.Guard(n.vm, n.learnables...)
			if err != nil {
				return err
			}
			return what(s, n, vm)
		}
	}
	var nilBase *SGD
	cases := []struct {
		name string
		do   func(t *testing.T, n *net) error
		want string
	}{
		{"nil base", construct(nil, 0.1), "base solver is nil"},
		{"nil pointer as base", construct(nilBase, 0.1), "base solver is nil"},
		{"nested", construct(perturbed(t, sgd(), 0.1), 0.1), "injects noise itself"},
		{"sigma NaN", construct(sgd(), nan), "sigma is NaN"},
		{"sigma negative", construct(sgd(), -0.1), "sigma is -0.1"},
		{"sigma infinite", construct(sgd(), math.Inf(1)), "sigma is +Inf"},
		{"nil option", construct(sgd(), 0.1, nil), "option 0 is nil"},
		{"nil selection", construct(sgd(), 0.1, WithSelection(nil)), "selection is nil"},
		{"nil grouping", construct(sgd(), 0.1, WithGrouping(nil)), "grouping is nil"},
		{"nil noise", construct(sgd(), 0.1, WithNoise(nil)), "noise is nil"},
		{"nil schedule", construct(sgd(), 0.1, WithSchedule(nil)), "schedule is nil"},
		{"nil scaling", construct(sgd(), 0.1, WithScaling(nil)), "scaling is nil"},
		{"nil exclusion", construct(sgd(), 0.1, WithExclude(nil)), "exclusion is nil"},
		{"no samples", construct(sgd(), 0.1, WithSamples(0)), "0 samples"},
		{"rank too large", construct(sgd(), 0.1, WithRank(2, 2)), "rank 2 of 2"},
		{"negative rank", construct(sgd(), 0.1, WithRank(-1, 2)), "rank -1 of 2"},
		{"cosine of no steps", construct(sgd(), 0.1, WithSchedule(Cosine(0))), "schedule Cosine(0): want 1 step or more"},
		{"guard nil", func(t *testing.T, n *net) error {
			_, err := perturbed(t, sgd(), 0.1).Guard(nil, n.learnables...)
			return err
		}, "machine to guard is nil"},
		{"guard nothing", func(t *testing.T, n *net) error {
			_, err := perturbed(t, sgd(), 0.1).Guard(n.vm)
			return err
		}, "no parameters"},
		{"a guard hidden in a guard", guardThen(func(_ *PerturbedSolver, n *net, vm G.VM) error {
			hidden, err := perturbed(t, sgd(), 0.2).Guard(&spyVM{VM: vm, look: func() error { return nil }}, n.learnables...)
			if err != nil {
				return err
			}
			return hidden.RunAll()
		}), "parameter fc1.weight (4, 5) carries noise of a PerturbedSolver (sigma 0.2, seed 0, over *optim.SGD), whose guarded machine is running: " +
			"a PerturbedSolver (sigma 0.1, seed 0, over *optim.SGD) cannot have it"},
		{"guard of the lisp machine", func(t *testing.T, n *net) error {
			_, err := perturbed(t, sgd(), 0.1).Guard(G.NewLispMachine(n.g), n.learnables...)
			return err
		}, "lisp machine computes wrong gradients"},
		{"gorgonia's AdamW", construct(G.NewAdamW(), 0.1), "use NewAdamW"},
		{"a solver guards a guarded machine", guardThen(func(_ *PerturbedSolver, n *net, vm G.VM) error {
			_, err := perturbed(t, sgd(), 0.1).Guard(vm, n.learnables...)
			return err
		}), "machine is guarded already"},
		{"gradient missing", func(t *testing.T, n *net) error {
			return perturbed(t, sgd(), 0.1).Step(n.model[:1])
		}, "parameter fc1.weight (4, 5)"},
		{"parameter missing", guardThen(func(s *PerturbedSolver, n *net, vm G.VM) error {
			if err := vm.RunAll(); err != nil {
				return err
			}
			return s.Step(n.model[:3])
		}), "parameter fc2.bias (2) is missing from the model"},
		{"parameter twice", func(t *testing.T, n *net) error {
			return perturbed(t, sgd(), 0.1).Step(append(n.model, n.model[1]))
		}, "fc1.bias"},
		{"parameter new", guardThen(func(s *PerturbedSolver, n *net, vm G.VM) error {
			if err := vm.RunAll(); err != nil {
				return err
			}
			return s.Step(append(n.model, newNet(t, tensor.Float32, 2, 3, 4, 5, 2).model[2]))
		}), "parameter fc2.weight (5, 2) is new"},
		{"shape changed", guardThen(func(s *PerturbedSolver, n *net, vm G.VM) error {
			s.params.list[0].shape = tensor.Shape{7, 7} // as if it had been another shape
			s.params.list[0].vec = vec{f32: make([]float32, 49)}
			return vm.RunAll()
		}), "fc1.weight was float32 (7, 7) and is now float32 (4, 5)"},
		{"nil parameter", func(t *testing.T, n *net) error {
			return perturbed(t, sgd(), 0.1).Step([]G.ValueGrad{n.model[0], nil})
		}, "parameter 1 is nil"},
		{"no value", func(t *testing.T, n *net) error {
			_, err := perturbed(t, sgd(), 0.1).Guard(n.vm, G.NewVector(n.g, tensor.Float32, G.WithShape(3), G.WithName("empty")))
			return err
		}, "parameter empty has no value"},
		{"dtype", func(t *testing.T, n *net) error {
			w := G.NewVector(n.g, tensor.Int, G.WithName("counts"), G.WithValue(tensor.New(tensor.WithBacking([]int{1, 2}))))
			_, err := perturbed(t, sgd(), 0.1).Guard(n.vm, w)
			return err
		}, "parameter counts: (2) is of int"},
		{"view", func(t *testing.T, n *net) error {
			whole := tensor.New(tensor.WithShape(4, 4), tensor.WithBacking(make([]float32, 16)))
			part, err := whole.Slice(G.S(1, 3))
			if err != nil {
				t.Fatal(err)
			}
			w := G.NewMatrix(n.g, tensor.Float32, G.WithName("slice"), G.WithValue(part))
			return perturbed(t, sgd(), 0.1).Bind([]G.ValueGrad{w})
		}, "parameter slice: (2, 4) is a view"},
		{"all excluded", func(t *testing.T, n *net) error {
			_, err := perturbed(t, sgd(), 0.1, WithExclude(func(string) bool { return true })).Guard(n.vm, n.learnables...)
			return err
		}, "all 4 parameters are excluded"},
		{"perturb before the model is known", func(t *testing.T, n *net) error {
			return perturbed(t, sgd(), 0.1).Perturb()
		}, "call Bind"},
		{"perturb while guarded", guardThen(func(s *PerturbedSolver, _ *net, _ G.VM) error { return s.Perturb() }), "carried protocol"},
		{"step without a guarded pass", guardThen(func(s *PerturbedSolver, n *net, _ G.VM) error {
			if err := n.vm.RunAll(); err != nil {
				return err
			}
			return s.Step(n.model)
		}), "guarded machine has not run"},
		{"samples without a guard", func(t *testing.T, n *net) error {
			if err := n.vm.RunAll(); err != nil {
				return err
			}
			return perturbed(t, sgd(), 0.1, WithSamples(2)).Step(n.model)
		}, "call Guard"},
		{"selection out of range", guardThen(func(_ *PerturbedSolver, _ *net, vm G.VM) error { return vm.RunAll() },
			WithSelection(choose{4})), "chose group 4 of 4"},
		{"selection chooses twice", guardThen(func(_ *PerturbedSolver, _ *net, vm G.VM) error { return vm.RunAll() },
			WithSelection(choose{1, 1})), `group 1 "fc1.bias" twice`},
		{"scaling NaN", guardThen(func(_ *PerturbedSolver, _ *net, vm G.VM) error { return vm.RunAll() },
			WithScaling(func(*Param) float64 { return nan })), "parameter fc1.weight (4, 5) has standard deviation NaN"},
		{"sigma beyond float32", guardThen(func(_ *PerturbedSolver, _ *net, vm G.VM) error { return vm.RunAll() },
			WithScaling(func(*Param) float64 { return 1e40 })), "parameter fc1.weight (4, 5) has standard deviation 1.0000000000000001e+39"},
		{"schedule negative", construct(sgd(), 0.1, WithSchedule(Constant(-1))), "schedule Constant(-1)"},
		{"schedule negative later", guardThen(func(s *PerturbedSolver, _ *net, vm G.VM) error {
			s.model.step = 2
			return vm.RunAll()
		}, WithSchedule(func(step uint64) float64 { return 1 - float64(step) })), "at step 2 is -1"},
		{"noise fails", guardThen(func(_ *PerturbedSolver, _ *net, vm G.VM) error { return vm.RunAll() },
			WithSelection(All()), WithNoise(failing{})), "noise for parameter fc2.weight (5, 2): out of noise"},
		{"group empty", guardThen(nil, WithGrouping(func([]*Param) ([]Group, error) { return []Group{{Name: "none"}}, nil })), `group 0 "none" is empty`},
		{"group overlaps", guardThen(nil, WithGrouping(func(p []*Param) ([]Group, error) {
			return []Group{{"a", p[:2]}, {"b", p[1:]}}, nil
		})), `fc1.bias (5) is in groups "a" and "b"`},
		{"layer incomplete", guardThen(nil, WithGrouping(ByLayer([]*G.Node{}))), "fc1.weight (4, 5) is in no layer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
			before := n.weights()
			err := c.do(t, n)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if !slices.Equal(before, n.weights()) {
				t.Error("weights changed")
			}
		})
	}
}

type choose []int

func (c choose) Select(_, _ uint64, _ []Group) ([]int, float64) { return c, 1 }

// failing makes noise for two tensors and an error for the third.
type failing struct{}

func (failing) Sample(eps []float64, d Draw) error {
	if d.Tensor == 2 {
		return errors.New("out of noise")
	}
	for i := range eps {
		eps[i] = 1
	}
	return nil
}

func TestGuardedAgain(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	for range 3 {
		s := perturbed(t, G.NewVanillaSolver(), 0.1)
		n.loop(t, must(s.Guard(n.vm, n.learnables...))(t), s, 2)
		if _, err := s.Guard(n.vm); !errors.Is(err, ErrModel) {
			t.Fatalf("error %v for a machine guarded without parameters, want %v", err, ErrModel)
		}
	}
}

// TestBaseSteppedDirectly: stepping the base directly would leave the noise on one tensor for ever.
func TestBaseSteppedDirectly(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	base := bases["sgd"]()
	s := perturbed(t, base, 0.1)
	vm := must(s.Guard(n.vm, n.learnables...))(t)
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if err := base.Step(n.model); err != nil {
		t.Fatal(err)
	}
	vm.Reset()
	if err := vm.RunAll(); !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v, want %v", err, ErrProtocol)
	}
	if err := s.Restore(); err != nil { // discards the pass
		t.Fatal(err)
	}
	if err := vm.RunAll(); err != nil {
		t.Error(err)
	}
}

// TestBaseError: an error of the base leaves clean weights, and the step does not count.
func TestBaseError(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	fail := false
	boom := errors.New("boom")
	s := perturbed(t, stepFunc(func([]G.ValueGrad) error {
		if fail {
			return boom
		}
		return nil
	}), 0.1)
	clean := n.weights()
	n.loop(t, n.vm, s, 2)
	fail = true
	if err := s.Step(n.model); !errors.Is(err, boom) {
		t.Errorf("error %v, want boom", err)
	}
	if !slices.Equal(clean, n.weights()) {
		t.Error("noise in the weights after an error")
	}
	if s.step != 2 {
		t.Errorf("%d steps, want 2", s.step)
	}
}
