package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/internal/race"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func newSAM(t testing.TB, base G.Solver, rho float64, opts ...SAMOpt) *SAM {
	t.Helper()
	return must(NewSAM(base, rho, opts...))(t)
}

// TestSAMWithoutRho: rho 0, and a schedule at 0, give the base solver's steps bit for bit.
func TestSAMWithoutRho(t *testing.T) {
	for name, base := range bases {
		for _, dtype := range dtypes {
			want := newNet(t, dtype, 3, 5, 4, 6, 3)
			want.train(t, base(), false, 6)
			for how, s := range map[string]*SAM{
				"rho 0":    newSAM(t, base(), 0),
				"until 0":  newSAM(t, base(), 0.3, WithSchedule(Until(0)), WithAdaptive(0.01)),
				"by layer": newSAM(t, base(), 0, WithSelection(Cyclic())),
			} {
				got := newNet(t, dtype, 3, 5, 4, 6, 3)
				got.loop(t, must(s.Guard(got.vm, got.learnables...))(t), s, 6)
				if !slices.Equal(got.weights(), want.weights()) {
					t.Errorf("%s, %v, %s: not the base's weights", name, dtype, how)
				}
			}
		}
	}
}

// TestSAMOnAQuadratic: a step of SAM and of ASAM on R = 2 x^2 + 3 y^2 follows the formula.
func TestSAMOnAQuadratic(t *testing.T) {
	const rho, eta, rate = 0.5, 0.25, 0.125
	curvature := []float64{4, 6}
	start := []float64{1, -2}
	for _, adaptive := range []bool{false, true} {
		g := G.NewGraph()
		w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithShape(2), G.WithValue(denseOf(tensor.Float64, slices.Clone(start), 2)))
		a := G.NewConstant(tensor.New(tensor.WithBacking([]float64{2, 3})))
		if _, err := G.Grad(G.Must(G.Sum(G.Must(G.HadamardProd(a, G.Must(G.Square(w)))))), w); err != nil {
			t.Fatal(err)
		}
		scale := []float64{1, 1}
		var opts []SAMOpt
		if adaptive {
			opts = append(opts, WithAdaptive(eta))
			scale = []float64{1 + eta, 2 + eta}
		}
		s := newSAM(t, ours(NewSGD(rate)), rho, opts...)
		vm := must(s.Guard(G.NewTapeMachine(g, G.BindDualValues(w)), w))(t)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := s.Step([]G.ValueGrad{w}); err != nil {
			t.Fatal(err)
		}
		norm, moved := 0.0, 0.0
		for i, c := range curvature {
			norm = math.Hypot(norm, scale[i]*c*start[i])
		}
		for i, got := range floatsOf(w.Value()) {
			e := rho * scale[i] * scale[i] * curvature[i] * start[i] / norm
			moved = math.Hypot(moved, e)
			if want := start[i] - rate*curvature[i]*(start[i]+e); math.Abs(got-want) > 1e-14 {
				t.Errorf("adaptive %v: w[%d] is %v, want %v", adaptive, i, got, want)
			}
		}
		want := Injection{Layers: []string{"w"}, Sigma: rho, NoiseNorm: moved}
		if last := s.Last(); fmt.Sprint(last.Step, last.Layers) != "0 [w]" || s.Sigma() != rho || last.Sigma != rho || math.Abs(last.NoiseNorm-moved) > 1e-14 {
			t.Errorf("Last is %+v, want %+v", last, want)
		}
	}
}

// TestSAMByLayer: a selection moves its groups and no others, by rho whatever the selection's factor, times the schedule's.
func TestSAMByLayer(t *testing.T) {
	const rho = 0.25
	n := newNet(t, tensor.Float64, 3, 5, 4, 6, 3)
	var clean [][]float64
	evaluations := 0
	var moved []string
	s := newSAM(t, bases["sgd"](), rho, WithSelection(Cyclic()), WithGrouping(ByLayer()), WithSchedule(Steps(0.5, 2)),
		WithExclude(func(name string) bool { return name == "fc2.bias" }))
	vm := must(s.Guard(&spyVM{VM: n.vm, look: func() error {
		evaluations++
		sum := 0.0
		for i, node := range n.learnables {
			distance := 0.0
			for j, x := range floatsOf(node.Value()) {
				distance += (x - clean[i][j]) * (x - clean[i][j])
			}
			if distance > 0 {
				moved = append(moved, node.Name())
			}
			sum += distance
		}
		want := 0.0
		if evaluations%2 == 0 {
			want = rho
			if evaluations > 4 {
				want /= 2
			}
		}
		if math.Abs(math.Sqrt(sum)-want) > 1e-14 {
			t.Errorf("evaluation %d: moved by %v, want %v", evaluations, math.Sqrt(sum), want)
		}
		return nil
	}}, n.learnables...))(t)
	for range 3 {
		clean = nil
		for _, node := range n.learnables {
			clean = append(clean, floatsOf(node.Value()))
		}
		n.loop(t, vm, s, 1)
	}
	if got := strings.Join(moved, " "); got != "fc1.weight fc1.bias fc2.weight fc1.weight fc1.bias" {
		t.Errorf("moved: %s", got)
	}
}

// TestSAMRestores: a RunAll that fails, in its first or second evaluation, restores weights and gradients bit for bit.
func TestSAMRestores(t *testing.T) {
	boom := errors.New("boom")
	for _, opts := range [][]SAMOpt{nil, {WithSelection(Cyclic()), WithAdaptive(0)}} {
		for evaluation := range 2 {
			for _, panics := range []bool{false, true} {
				n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
				s := newSAM(t, bases["sgd"](), 0.5, opts...)
				count, happens := 0, false
				before := n.weights()
				vm := must(s.Guard(&spyVM{VM: n.vm, look: func() error {
					if happens && count == evaluation {
						if evaluation == 1 && slices.Equal(before, n.weights()) {
							t.Error("the weights are not moved")
						}
						if panics {
							panic(boom)
						}
						return boom
					}
					count++
					return nil
				}}, n.learnables...))(t)
				if err := vm.RunAll(); err != nil { // gradients to be preserved
					t.Fatal(err)
				}
				vm.Reset()
				gradients := fmt.Sprint(n.gradients(t))
				count, happens = 0, true
				func() {
					defer func() {
						if r := recover(); (r != nil) != panics {
							t.Errorf("recovered %v", r)
						}
					}()
					if err := vm.RunAll(); !errors.Is(err, boom) {
						t.Errorf("error %v", err)
					}
				}()
				if !slices.Equal(before, n.weights()) {
					t.Errorf("evaluation %d, panic %v: weights changed", evaluation, panics)
				}
				if norm := s.Last().NoiseNorm; (norm == 0) != (evaluation == 0) {
					t.Errorf("evaluation %d: Last tells of a move by %v", evaluation, norm)
				}
				if gradients != fmt.Sprint(n.gradients(t)) {
					t.Errorf("evaluation %d, panic %v: gradients changed", evaluation, panics)
				}
			}
		}
	}
}

// TestSAMWithoutDirection: if the norm is zero or NaN nothing moves, and the gradient is that at the clean weights.
func TestSAMWithoutDirection(t *testing.T) {
	for name, x := range map[string]float32{"zero": 0, "NaN": float32(math.NaN()), "infinite": float32(math.Inf(1))} {
		n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
		if name == "zero" { // no error, no gradient
			for _, node := range n.learnables {
				must(vecOf(node.Value()))(t).zero()
			}
			must(vecOf(n.y.Value()))(t).zero()
		} else {
			n.x.Value().Data().([]float32)[2] = x
		}
		before := n.weights()
		s := newSAM(t, bases["sgd"](), 0.5)
		vm := must(s.Guard(&spyVM{VM: n.vm, look: func() error {
			if !slices.Equal(before, n.weights()) {
				t.Errorf("%s: the weights are moved", name)
			}
			return nil
		}}, n.learnables...))(t)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, n.weights()) {
			t.Errorf("%s: weights changed", name)
		}
		if last := s.Last(); last.NoiseNorm != 0 || last.RelativeNorm != 0 {
			t.Errorf("%s: Last is %+v", name, last)
		}
		if bad := math.IsNaN(n.gradients(t)[0][2*5]); bad != (name != "zero") {
			t.Errorf("%s: gradients %v", name, n.gradients(t)[0])
		}
		if err := s.Step(n.model); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSAMAddsUp: the gradients of two RunAll before a Step add up, each moved along its own.
func TestSAMAddsUp(t *testing.T) {
	n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
	s := newSAM(t, bases["sgd"](), 0.5)
	vm := must(s.Guard(n.vm, n.learnables...))(t)
	run := func() [][]float64 {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
		return n.gradients(t)
	}
	one := run()
	for i, sum := range run() {
		for j, x := range sum {
			if x != 2*one[i][j] {
				t.Fatalf("gradient %d[%d] is %v after two evaluations, %v after one", i, j, x, one[i][j])
			}
		}
	}
}

// TestSAMResumes: stopped, saved, loaded into new objects and resumed, a training ends with the same bits.
func TestSAMResumes(t *testing.T) {
	for _, dtype := range dtypes {
		make := func() *SAM {
			return newSAM(t, bases["adam"](), 0.2, WithSeed(7), WithSelection(Uniform()), WithSchedule(Cosine(30)), WithAdaptive(0.01))
		}
		straight, n := newNet(t, dtype, 1, 3, 4, 5, 2), newNet(t, dtype, 1, 3, 4, 5, 2)
		s := make()
		straight.loop(t, must(s.Guard(straight.vm, straight.learnables...))(t), s, 11)
		s = make()
		n.loop(t, must(s.Guard(n.vm, n.learnables...))(t), s, 4)
		state := must(s.MarshalBinary())(t)
		s = make()
		if err := s.UnmarshalBinary(state); err != nil {
			t.Fatal(err)
		}
		if again := must(s.MarshalBinary())(t); !slices.Equal(again, state) {
			t.Error("a state that was read is saved as another")
		}
		n.loop(t, must(s.Guard(n.vm, n.learnables...))(t), s, 7)
		if !slices.Equal(straight.weights(), n.weights()) {
			t.Errorf("%v: resumed training ends with other weights", dtype)
		}
		p := perturbed(t, bases["adam"](), 0.2, WithSeed(7))
		if err := p.UnmarshalBinary(state); !errors.Is(err, ErrState) {
			t.Errorf("a PerturbedSolver reads SAM's state: %v", err)
		}
		if err := s.UnmarshalBinary(must(p.MarshalBinary())(t)); !errors.Is(err, ErrState) {
			t.Errorf("SAM reads a PerturbedSolver's state: %v", err)
		}
	}
}

// keeping is a machine that counts the calls of Keep.
type keeping struct {
	spyVM
	calls []string
}

func (k *keeping) Keep() func() {
	k.calls = append(k.calls, "keep")
	return func() { k.calls = append(k.calls, "put back") }
}

// TestKeeper: Keep is called between the evaluations and the function it returns after them.
func TestKeeper(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	k := &keeping{}
	fails := false
	k.spyVM = spyVM{VM: n.vm, look: func() error {
		k.calls = append(k.calls, "run")
		if fails && len(k.calls) == 3 {
			return errors.New("fails")
		}
		return nil
	}}
	vm := must(newSAM(t, bases["sgd"](), 0.5).Guard(k, n.learnables...))(t)
	for _, fails = range []bool{false, true} {
		k.calls = nil
		if err := vm.RunAll(); (err != nil) != fails {
			t.Fatal(err)
		}
		if got := strings.Join(k.calls, ", "); got != "run, keep, run, put back" {
			t.Errorf("fails %v: %s", fails, got)
		}
		vm.Reset()
	}
}

// TestSAMAllocations: after the first steps, SAM itself allocates nothing.
func TestSAMAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	n := newNet(t, tensor.Float32, 1, 3, 40, 50, 2)
	n.train(t, bases["sgd"](), false, 1)
	for _, selection := range []Selection{All(), Cyclic()} {
		s := newSAM(t, stepFunc(func([]G.ValueGrad) error { return nil }), 0.1, WithSelection(selection))
		if allocs := n.stepAllocations(t, s); allocs > 0 {
			t.Errorf("%T: %v allocations a step", selection, allocs)
		}
	}
}

// TestSAMWrongUse: each mistake is an error that says what is wrong and changes no weight.
func TestSAMWrongUse(t *testing.T) {
	sgd := func() G.Solver { return bases["sgd"]() }
	construct := func(base G.Solver, rho float64, opts ...SAMOpt) func(*net) error {
		return func(*net) error {
			_, err := NewSAM(base, rho, opts...)
			return err
		}
	}
	for name, c := range map[string]struct {
		do   func(n *net) error
		want string
	}{
		"nil base":           {construct(nil, 0.1), "base solver is nil"},
		"nested in SAM":      {construct(newSAM(t, sgd(), 0.1), 0.1), "is a SAM"},
		"nested in noise":    {func(*net) error { _, err := NewPerturbedSolver(newSAM(t, sgd(), 0.1), 0.1); return err }, "is a SAM"},
		"noise nested":       {construct(perturbed(t, sgd(), 0.1), 0.1), "injects noise itself"},
		"rho NaN":            {construct(sgd(), math.NaN()), "rho is NaN"},
		"rho negative":       {construct(sgd(), -0.1), "rho is -0.1"},
		"rho infinite":       {construct(sgd(), math.Inf(1)), "rho is +Inf"},
		"eta negative":       {construct(sgd(), 0.1, WithAdaptive(-1)), "eta is -1"},
		"eta NaN":            {construct(sgd(), 0.1, WithAdaptive(math.NaN())), "eta is NaN"},
		"nil option":         {construct(sgd(), 0.1, nil), "option 0 is nil"},
		"nil selection":      {construct(sgd(), 0.1, WithSelection(nil)), "selection is nil"},
		"gorgonia's AdamW":   {construct(G.NewAdamW(), 0.1), "use NewAdamW"},
		"step without guard": {func(n *net) error { return newSAM(t, sgd(), 0.1).Step(n.model) }, "needs a guarded machine: call Guard"},
		"step without a run": {func(n *net) error {
			s := newSAM(t, sgd(), 0.1)
			if _, err := s.Guard(n.vm, n.learnables...); err != nil {
				return err
			}
			return s.Step(n.model)
		}, "guarded machine has not run"},
		"base stepped directly": {func(n *net) error {
			s := newSAM(t, sgd(), 0.1)
			vm := must(s.Guard(n.vm, n.learnables...))(t)
			if err := vm.RunAll(); err != nil {
				return err
			}
			vm.Reset()
			w := n.learnables[0].Value().Data().([]float32)
			was := w[0]
			w[0]++
			defer func() { w[0] = was }()
			return vm.RunAll()
		}, "parameter fc1.weight (4, 5) changed, but Step of this solver was not called"},
		"SAM of SAM": {func(n *net) error {
			inner := must(newSAM(t, sgd(), 0.1).Guard(n.vm, n.learnables...))(t)
			return must(newSAM(t, sgd(), 0.2).Guard(&spyVM{VM: inner, look: func() error { return nil }}, n.learnables...))(t).RunAll()
		}, "carries noise of a SAM (rho 0.2, over *optim.SGD), whose guarded machine is running: a SAM (rho 0.1, over *optim.SGD) cannot have it"},
		"gradient missing": {func(n *net) error {
			vm := G.NewTapeMachine(n.g)
			return must(newSAM(t, sgd(), 0.1).Guard(&spyVM{VM: vm, look: func() error { return nil }},
				G.NewVector(n.g, tensor.Float32, G.WithName("unused"), G.WithShape(2), G.WithValue(denseOf(tensor.Float32, []float64{1, 2}, 2)))))(t).RunAll()
		}, "parameter unused (2)"},
		"lisp machine": {func(n *net) error {
			_, err := newSAM(t, sgd(), 0.1).Guard(G.NewLispMachine(n.g), n.learnables...)
			return err
		}, "lisp machine computes wrong gradients"},
	} {
		n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
		before := n.weights()
		if err := c.do(n); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if !slices.Equal(before, n.weights()) {
			t.Errorf("%s: weights changed", name)
		}
	}
}
