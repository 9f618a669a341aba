package optim

import (
	"math"
	"strings"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// updating is a graph that computes the gradient step of a vector and a scalar.
type updating struct {
	w, b, wNext, bNext *G.Node
	vm                 G.VM
}

const updatingRate = 0.125

func newUpdating(t *testing.T) *updating {
	t.Helper()
	g := G.NewGraph()
	u := &updating{
		w: G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithShape(3), G.WithValue(denseOf(tensor.Float64, []float64{1, -2, 3}, 3))),
		b: G.NewScalar(g, tensor.Float64, G.WithName("b"), G.WithValue(2.0)),
	}
	cost := G.Must(G.Add(G.Must(G.Sum(G.Must(G.Cube(u.w)))), G.Must(G.Cube(u.b))))
	grads, err := G.Grad(cost, u.w, u.b)
	if err != nil {
		t.Fatal(err)
	}
	rate := G.NewConstant(updatingRate)
	u.wNext = G.Must(G.Sub(u.w, G.Must(G.HadamardProd(rate, grads[0]))))
	u.bNext = G.Must(G.Sub(u.b, G.Must(G.HadamardProd(rate, grads[1]))))
	u.vm = G.NewTapeMachine(g, G.BindDualValues(u.w, u.b))
	return u
}

// TestSet: an update computed by the graph uses the gradient at noisy weights, starts from the clean ones, and counts as a
// step.
func TestSet(t *testing.T) {
	const sigma = 0.5
	u := newUpdating(t)
	s := perturbed(t, G.NewVanillaSolver(), sigma, WithNoise(Rademacher()), WithSelection(All()))
	guarded := must(s.Guard(u.vm, u.w, u.b))(t).(Machine)
	for step := range 4 {
		nodes := []*G.Node{u.w, u.b}
		var clean, noisy [][]float64
		for _, n := range nodes {
			clean = append(clean, floatsOf(n.Value()))
		}
		if err := guarded.RunAll(); err != nil {
			t.Fatal(err)
		}
		if got := s.Last().Step; got != uint64(step) {
			t.Errorf("Last tells of step %d, want %d", got, step)
		}
		for i := range nodes {
			eps, err := s.noise.sampleOf(s.noise.targets[i].param)
			if err != nil {
				t.Fatal(err)
			}
			var at []float64
			for j, x := range clean[i] {
				at = append(at, x+sigma/math.Sqrt2*eps[j])
			}
			noisy = append(noisy, at)
		}
		for _, set := range [][2]*G.Node{{u.w, u.wNext}, {u.b, u.bNext}, {u.w, u.wNext}} { // the last one a second time
			if err := guarded.Set(set[0], set[1]); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range nodes {
			for j, got := range floatsOf(n.Value()) {
				want := clean[i][j] - updatingRate*3*noisy[i][j]*noisy[i][j]
				if math.Abs(got-want) > 1e-12*math.Max(1, math.Abs(want)) {
					t.Errorf("step %d: %s[%d] is %v, want %v", step, n.Name(), j, got, want)
				}
			}
		}
		guarded.Reset()
	}
}

// TestSetWrongUse: calls that would leave noise in weights are errors; Set and Let of anything else are the machine's.
func TestSetWrongUse(t *testing.T) {
	guard := func(u *updating, opts ...PerturbOpt) (*PerturbedSolver, Machine) {
		s := perturbed(t, G.NewVanillaSolver(), 0.5, opts...)
		return s, must(s.Guard(u.vm, u.w, u.b))(t).(Machine)
	}
	run := func(m Machine) {
		t.Helper()
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		do   func(u *updating) error
		want string
	}{
		"before a run": {func(u *updating) error {
			_, m := guard(u)
			return m.Set(u.w, u.wNext)
		}, "parameter w (3): the guarded machine has not run"},
		"several samples": {func(u *updating) error {
			_, m := guard(u, WithSamples(2))
			run(m)
			return m.Set(u.b, u.bNext)
		}, "one of several samples"},
		"nil": {func(u *updating) error {
			_, m := guard(u)
			return m.Set(nil, u.wNext)
		}, "nil node"},
		"of the machine that is guarded": {func(u *updating) error {
			_, m := guard(u)
			run(m)
			if err := u.vm.(interface{ Set(a, b *G.Node) error }).Set(u.w, u.wNext); err != nil {
				return err
			}
			m.Reset()
			return m.RunAll()
		}, "parameter w (3) changed, but Step of this solver was not called since the last RunAll"},
		"a machine without Set": {func(u *updating) error {
			m := must(perturbed(t, G.NewVanillaSolver(), 0.5).Guard(&spyVM{VM: u.vm}, u.w, u.b))(t).(Machine)
			return m.Set(u.w, u.wNext)
		}, "has no Set"},
		"carried": {func(u *updating) error {
			s := perturbed(t, G.NewVanillaSolver(), 0.5)
			for _, err := range []error{s.Bind([]G.ValueGrad{u.w, u.b}), s.Perturb(), u.vm.RunAll(),
				u.vm.(interface{ Set(a, b *G.Node) error }).Set(u.w, u.wNext), s.Restore()} {
				if err != nil {
					return err
				}
			}
			return s.Perturb()
		}, "guard the machine and use its Set"},
	} {
		if err := c.do(newUpdating(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}

	u := newUpdating(t)
	_, m := guard(u)
	if err := m.Let(u.b, 7.0); err != nil {
		t.Fatal(err)
	}
	if got := floatsOf(u.b.Value())[0]; got != 7 {
		t.Errorf("b is %v after Let, want 7", got)
	}
}

// TestBasesThatCannotBeSaved: a state without the base solver's moments would be useless.
func TestBasesThatCannotBeSaved(t *testing.T) {
	for name, ok := range map[string]bool{"gorgonia vanilla": true, "gorgonia momentum": false, "gorgonia rmsprop": false, "gorgonia adam": false, "adam": true} {
		_, err := perturbed(t, bases[name](), 0.1).MarshalBinary()
		if ok != (err == nil) || !ok && (!errors.Is(err, ErrState) || !strings.Contains(err.Error(), "cannot save its state")) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
