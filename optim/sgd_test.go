package optim

import (
	"encoding"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/internal/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// quadratic is a parameter with a single weight and the loss R(w) = a/2 w^2, whose gradient a*w is fresh at every step.
type quadratic struct {
	a    float64
	w, g G.Value
}

func (q *quadratic) Value() G.Value         { return q.w }
func (q *quadratic) Grad() (G.Value, error) { return q.g, nil }
func (q *quadratic) Name() string           { return "w" }

func newQuadratic(dtype tensor.Dtype, a, w float64) *quadratic {
	return &quadratic{a, denseOf(dtype, []float64{w}, 1), denseOf(dtype, []float64{0}, 1)}
}

func (q *quadratic) steps(t *testing.T, s G.Solver, n int) {
	t.Helper()
	for range n {
		w, g := must(vecOf(q.w))(t), must(vecOf(q.g))(t)
		g.addScaled(q.a, w)
		if err := s.Step([]G.ValueGrad{q}); err != nil {
			t.Fatal(err)
		}
		if floatsOf(q.g)[0] != 0 {
			t.Fatal("the gradient is not zero after Step")
		}
	}
}

// TestUpdateRules follows each solver over steps with fresh gradients and compares it with the rule written out in float64.
func TestUpdateRules(t *testing.T) {
	const a, w0, steps = 1.5, 2.0, 12
	cases := map[string]struct {
		solver func() G.Solver
		rule   func(t int, w, g float64, m, v *float64) float64
	}{
		"sgd": {
			func() G.Solver { return ours(NewSGD(0.1)) },
			func(_ int, w, g float64, _, _ *float64) float64 { return w - 0.1*g },
		},
		"sgd, decay": {
			func() G.Solver { return ours(NewSGD(0.1, WithWeightDecay(0.2))) },
			func(_ int, w, g float64, _, _ *float64) float64 { return w - 0.1*(g+0.2*w) },
		},
		"momentum": {
			func() G.Solver { return ours(NewSGD(0.1, WithMomentum(0.9), WithWeightDecay(0.2))) },
			func(_ int, w, g float64, m, _ *float64) float64 {
				*m = 0.9**m + g + 0.2*w
				return w - 0.1**m
			},
		},
		"nesterov": {
			func() G.Solver { return ours(NewSGD(0.1, WithMomentum(0.9), WithNesterov(), WithWeightDecay(0.2))) },
			func(_ int, w, g float64, m, _ *float64) float64 {
				d := g + 0.2*w
				*m = 0.9**m + d
				return w - 0.1*(d+0.9**m)
			},
		},
		"scheduled": {
			func() G.Solver { return ours(NewSGD(0.1, WithLearnRateSchedule(Steps(0.5, 3, 6)))) },
			func(i int, w, g float64, _, _ *float64) float64 { return w - 0.1*Steps(0.5, 3, 6)(uint64(i))*g },
		},
		"adam": {
			func() G.Solver {
				return ours(NewAdam(0.1, WithBetas(0.8, 0.95), WithEps(1e-3), WithWeightDecay(0.2)))
			},
			func(i int, w, g float64, m, v *float64) float64 { return w - 0.1*adamRule(i, g+0.2*w, m, v) },
		},
		"adamw": {
			func() G.Solver {
				return ours(NewAdamW(0.1, WithBetas(0.8, 0.95), WithEps(1e-3), WithWeightDecay(0.2)))
			},
			func(i int, w, g float64, m, v *float64) float64 { return w*(1-0.1*0.2) - 0.1*adamRule(i, g, m, v) },
		},
	}
	for name, c := range cases {
		for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-14, tensor.Float32: 1e-6} {
			want, m, v := w0, 0.0, 0.0
			q, s := newQuadratic(dtype, a, w0), c.solver()
			for i := range steps {
				want = c.rule(i, want, a*want, &m, &v)
				q.steps(t, s, 1)
				if got := floatsOf(q.w)[0]; math.Abs(got-want) > tolerance {
					t.Fatalf("%s, %v: w is %v after step %d, want %v", name, dtype, got, i, want)
				}
			}
		}
	}
}

func adamRule(i int, g float64, m, v *float64) float64 {
	*m = 0.8**m + 0.2*g
	*v = 0.95**v + 0.05*g*g
	mHat, vHat := *m/(1-math.Pow(0.8, float64(i+1))), *v/(1-math.Pow(0.95, float64(i+1)))
	return mHat / (math.Sqrt(vHat) + 1e-3)
}

// TestSetLearnRate: the rate changes from the next step on, and a bad one changes nothing.
func TestSetLearnRate(t *testing.T) {
	s := must(NewSGD(0.5))(t)
	q := newQuadratic(tensor.Float64, 1, 1)
	q.steps(t, s, 1)
	if err := s.SetLearnRate(0.25); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		if err := s.SetLearnRate(bad); err == nil {
			t.Errorf("rate %v was accepted", bad)
		}
	}
	q.steps(t, s, 1)
	if got := floatsOf(q.w)[0]; got != 0.5*0.75 {
		t.Errorf("w is %v, want %v", got, 0.5*0.75)
	}
}

// TestLargeTensorsUpdateInParts: updating a tensor on several goroutines is the same as updating its parts.
func TestLargeTensorsUpdateInParts(t *testing.T) {
	for name, base := range bases {
		if strings.HasPrefix(name, "gorgonia ") {
			continue
		}
		const n = 5*updateGrain + 17
		make1 := func(lo, hi int) *valueGrad {
			w, g := make([]float64, hi-lo), make([]float64, hi-lo)
			for i := range w {
				w[i], g[i] = math.Sin(float64(lo+i)), math.Cos(float64(3*(lo+i)))
			}
			return &valueGrad{denseOf(tensor.Float32, w, hi-lo), denseOf(tensor.Float32, g, hi-lo)}
		}
		whole, s := make1(0, n), base()
		if err := s.Step([]G.ValueGrad{whole}); err != nil {
			t.Fatal(err)
		}
		got := floatsOf(whole.value)
		for lo := 0; lo < n; lo += 10007 {
			hi := min(lo+10007, n)
			part, s := make1(lo, hi), base()
			if err := s.Step([]G.ValueGrad{part}); err != nil {
				t.Fatal(err)
			}
			for i, x := range floatsOf(part.value) {
				if x != got[lo+i] {
					t.Fatalf("%s: weight %d is %v in the whole, %v in its part", name, lo+i, got[lo+i], x)
				}
			}
		}
	}
}

// TestBaseWrongUse: mistakes in using the solvers that update weights change no weight.
func TestBaseWrongUse(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		make func() (G.Solver, error)
		want string
	}{
		"rate NaN":              {func() (G.Solver, error) { return NewSGD(nan) }, "learning rate is NaN"},
		"rate negative":         {func() (G.Solver, error) { return NewAdam(-1) }, "learning rate is -1"},
		"momentum 1":            {func() (G.Solver, error) { return NewSGD(0.1, WithMomentum(1)) }, "momentum is 1"},
		"nesterov, no momentum": {func() (G.Solver, error) { return NewSGD(0.1, WithNesterov()) }, "Nesterov"},
		"decay negative":        {func() (G.Solver, error) { return NewAdamW(0.1, WithWeightDecay(-1)) }, "weight decay is -1"},
		"betas":                 {func() (G.Solver, error) { return NewAdam(0.1, WithBetas(0.9, 1)) }, "betas are 0.9 and 1"},
		"eps":                   {func() (G.Solver, error) { return NewAdam(0.1, WithEps(0)) }, "eps is 0"},
		"schedule nil":          {func() (G.Solver, error) { return NewSGD(0.1, WithLearnRateSchedule(nil)) }, "schedule is nil"},
		"schedule of no steps":  {func() (G.Solver, error) { return NewSGD(0.1, WithLearnRateSchedule(Cosine(0))) }, "schedule Cosine(0)"},
		"nil option":            {func() (G.Solver, error) { return NewSGD(0.1, nil) }, "option 0 is nil"},
		"nil option of adam":    {func() (G.Solver, error) { return NewAdam(0.1, nil) }, "option 0 is nil"},
	} {
		if _, err := c.make(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}

	for _, name := range []string{"sgd momentum", "adam"} {
		good := newQuadratic(tensor.Float32, 1, 1)
		for what, c := range map[string]struct {
			model []G.ValueGrad
			want  string
		}{
			"gradient missing":  {[]G.ValueGrad{good, &valueGrad{denseOf(tensor.Float32, []float64{1, 2}, 2), nil}}, "parameter #1 (2): no gradient"},
			"gradient's size":   {[]G.ValueGrad{good, &valueGrad{denseOf(tensor.Float32, []float64{1, 2}, 2), denseOf(tensor.Float32, []float64{1, 2, 3}, 3)}}, "parameter #1 is float32 (2), its gradient float32 (3)"},
			"gradient's type":   {[]G.ValueGrad{good, &valueGrad{denseOf(tensor.Float32, []float64{1, 2}, 2), denseOf(tensor.Float64, []float64{1, 2}, 2)}}, "parameter #1 is float32 (2), its gradient float64 (2)"},
			"one tensor twice":  {[]G.ValueGrad{good, &quadratic{1, good.w, good.g}}, "parameters w and w (1) share memory"},
			"an empty model":    {nil, "no parameters"},
			"an empty gradient": {[]G.ValueGrad{good, (*G.Node)(nil)}, "parameter 1 is nil"},
		} {
			if err := bases[name]().Step(c.model); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v, want one with %q", name, what, err, c.want)
			}
			if floatsOf(good.w)[0] != 1 {
				t.Fatalf("%s, %s: a weight changed", name, what)
			}
		}
	}
}

// TestModelsKeepTheirState: a solver that steps models in turn treats each as its own solver would, also after it was saved
// and loaded.
func TestModelsKeepTheirState(t *testing.T) {
	for _, name := range []string{"sgd momentum", "sgd", "adam"} {
		var together, apart [2]*named
		for i := range together {
			together[i] = &named{newQuadratic(tensor.Float64, 1.5, float64(i+1)), fmt.Sprint("w", i)}
			apart[i] = &named{newQuadratic(tensor.Float64, 1.5, float64(i+1)), fmt.Sprint("w", i)}
		}
		step := func(s G.Solver, q *named) {
			must(vecOf(q.g))(t).addScaled(q.a, must(vecOf(q.w))(t))
			if err := s.Step([]G.ValueGrad{q}); err != nil {
				t.Fatal(err)
			}
		}
		both := bases[name]()
		own := [2]G.Solver{bases[name](), bases[name]()}
		for k, i := range []int{0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0} {
			step(both, together[i])
			step(own[i], apart[i])
			if k == 6 {
				state := must(both.(encoding.BinaryMarshaler).MarshalBinary())(t)
				both = bases[name]()
				if err := both.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range together {
			if got, want := floatsOf(together[i].w)[0], floatsOf(apart[i].w)[0]; got != want {
				t.Errorf("%s: model %d ends at %v, with a solver of its own at %v", name, i, got, want)
			}
		}
	}
}

// named is a quadratic with another name.
type named struct {
	*quadratic
	name string
}

func (n *named) Name() string { return n.name }

// TestParameterGroups: without decay, or with another rate, a parameter is updated as by a solver of its own.
func TestParameterGroups(t *testing.T) {
	for name, make := range map[string]func(decay float64, rate float64, opts ...BaseOpt) G.Solver{
		"sgd": func(decay, rate float64, opts ...BaseOpt) G.Solver {
			all := []SGDOpt{WithMomentum(0.9), WithWeightDecay(decay)}
			for _, o := range opts {
				all = append(all, o)
			}
			return ours(NewSGD(rate, all...))
		},
		"adamw": func(decay, rate float64, opts ...BaseOpt) G.Solver {
			all := []AdamOpt{WithWeightDecay(decay)}
			for _, o := range opts {
				all = append(all, o)
			}
			return ours(NewAdamW(rate, all...))
		},
		"adam": func(decay, rate float64, opts ...BaseOpt) G.Solver {
			all := []AdamOpt{WithWeightDecay(decay)}
			for _, o := range opts {
				all = append(all, o)
			}
			return ours(NewAdam(rate, all...))
		},
	} {
		fresh := func() [3]*named {
			var q [3]*named
			for i := range q {
				q[i] = &named{newQuadratic(tensor.Float64, 1.5, float64(i+1)), fmt.Sprint("w", i)}
			}
			q[0].w, q[0].g = denseOf(tensor.Float64, []float64{1}, 1, 1), denseOf(tensor.Float64, []float64{0}, 1, 1)
			return q
		}
		step := func(s G.Solver, q ...*named) {
			var model []G.ValueGrad
			for _, p := range q {
				must(vecOf(p.g))(t).addScaled(p.a, must(vecOf(p.w))(t))
				model = append(model, p)
			}
			if err := s.Step(model); err != nil {
				t.Fatal(err)
			}
		}
		together, apart := fresh(), fresh()
		factor := func(p *Param) float64 { return map[string]float64{"w0": 1, "w1": 0.5, "w2": 0}[p.Name()] }
		all := make(0.25, 0.125, WithoutDecay(IsVector), WithLearnRateFactor(factor))
		own := [3]G.Solver{make(0.25, 0.125), make(0, 0.0625), make(0, 0)}
		for range 5 {
			step(all, together[:]...)
			for i := range own {
				step(own[i], apart[i])
			}
		}
		for i := range own {
			if got, want := floatsOf(together[i].w)[0], floatsOf(apart[i].w)[0]; got != want {
				t.Errorf("%s: parameter %d ends at %v, with a solver of its own at %v", name, i, got, want)
			}
		}
		bad := make(0, 0.1, WithLearnRateFactor(func(*Param) float64 { return math.NaN() }))
		before := floatsOf(together[0].w)[0]
		if err := bad.Step([]G.ValueGrad{together[0]}); err == nil || !strings.Contains(err.Error(), "factor of parameter w0 (1, 1) is NaN") || floatsOf(together[0].w)[0] != before {
			t.Errorf("%s: error %v for a factor of NaN", name, err)
		}
	}
	for _, o := range []BaseOpt{WithoutDecay(nil), WithLearnRateFactor(nil)} {
		if _, err := NewSGD(0.1, o); err == nil || !strings.Contains(err.Error(), "is nil") {
			t.Errorf("error %v for an option of nil", err)
		}
	}
}

// TestMomentPlace: moments of large weights do not lie as far behind the beginning of a page as the weights, nor do those of a
// saved state, which keep their values.
func TestMomentPlace(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, n := range []int{1 << 10, 3000, 1 << 20} {
			model := []G.ValueGrad{&valueGrad{gradcheck.Random(1, dtype, n), gradcheck.Random(2, dtype, n)}}
			first := must(NewSGD(0.1, WithMomentum(0.9)))(t)
			if err := first.Step(model); err != nil {
				t.Fatal(err)
			}
			second := must(NewSGD(0.1, WithMomentum(0.9)))(t)
			if err := second.UnmarshalBinary(must(first.MarshalBinary())(t)); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*SGD{first, second} {
				if err := s.Step(model); err != nil {
					t.Fatal(err)
				}
				p := s.params.list[0]
				if got := (uintptr(p.moments[0].data()) - uintptr(p.vec.data())) % pageSize; got != fromPage {
					t.Errorf("%d numbers of %v: %d bytes further behind a page, want %d", n, dtype, got, fromPage)
				}
			}
			if v := second.params.list[0].moments[0]; !v.sameBits(first.params.list[0].moments[0]) {
				t.Errorf("%d numbers of %v: other velocities after loading", n, dtype)
			}
		}
	}
}
