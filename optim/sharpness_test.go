package optim

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// quadraticForm is R = w'Aw/2 + b'w as a graph.
type quadraticForm struct {
	w    *G.Node
	loss G.Value
	vm   G.VM
}

func newQuadraticForm(t testing.TB, dtype tensor.Dtype, a *mat.SymDense, b []float64) *quadraticForm {
	t.Helper()
	n := a.SymmetricDim()
	random := rand.New(rand.NewPCG(1, 2))
	g := G.NewGraph()
	q := &quadraticForm{w: G.NewVector(g, dtype, G.WithShape(n), G.WithName("w"), G.WithValue(randomTensor(random, dtype, n)))}
	matrix := G.NewMatrix(g, dtype, G.WithShape(n, n), G.WithName("A"), G.WithValue(denseOf(dtype, mat.DenseCopyOf(a).RawMatrix().Data, n, n)))
	linear := G.NewVector(g, dtype, G.WithShape(n), G.WithName("b"), G.WithValue(denseOf(dtype, b, n)))
	half := G.NewConstant(0.5)
	if dtype == tensor.Float32 {
		half = G.NewConstant(float32(0.5))
	}
	square := G.Must(G.Mul(G.Must(G.Mul(q.w, G.Must(G.Mul(matrix, q.w)))), half))
	cost := G.Must(G.Add(square, G.Must(G.Mul(linear, q.w))))
	G.Read(cost, &q.loss)
	if _, err := G.Grad(cost, q.w); err != nil {
		t.Fatal(err)
	}
	q.vm = G.NewTapeMachine(g, G.BindDualValues(q.w))
	return q
}

func diagonal(n int) *mat.SymDense {
	a := mat.NewSymDense(n, nil)
	for i := range n {
		a.SetSym(i, i, float64(i+1))
	}
	return a
}

func dense(n int) *mat.SymDense {
	random := rand.New(rand.NewPCG(3, 4))
	a := diagonal(n)
	for i := range n {
		for j := range i {
			a.SetSym(i, j, random.NormFloat64())
		}
	}
	return a
}

func TestHessianTraceOfADiagonal(t *testing.T) {
	const n = 7
	for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float32: 1e-3, tensor.Float64: 1e-8} {
		for _, step := range []float64{0, 0.25, 8} {
			q := newQuadraticForm(t, dtype, diagonal(n), make([]float64, n))
			got, err := HessianTrace(q.vm, TraceConfig{Probes: 1, Step: step}, q.w)
			if err != nil {
				t.Fatal(err)
			}
			if want := float64(n * (n + 1) / 2); math.Abs(got.Mean-want) > tolerance*want || got.Draws != 1 {
				t.Errorf("%v, step %v: trace %v, want %v", dtype, step, got, want)
			}
		}
	}
}

func TestHessianTraceOfAMatrix(t *testing.T) {
	const n, probes = 6, 4000
	a := dense(n)
	q := newQuadraticForm(t, tensor.Float64, a, []float64{1, 2, 3, 4, 5, 6})
	got, err := HessianTrace(q.vm, TraceConfig{Probes: probes, Seed: 5}, q.w)
	if err != nil {
		t.Fatal(err)
	}
	offDiagonal := 0.0
	for i := range n {
		for j := range i {
			offDiagonal += 2 * a.At(i, j) * a.At(i, j)
		}
	}
	se := math.Sqrt(2 * offDiagonal / probes)
	if math.Abs(got.Mean-mat.Trace(a)) > 5*se {
		t.Errorf("trace %v, want %v within %v", got.Mean, mat.Trace(a), 5*se)
	}
	if math.Abs(got.StdErr-se) > 0.1*se {
		t.Errorf("standard error %v, want %v", got.StdErr, se)
	}
	again, err := HessianTrace(q.vm, TraceConfig{Probes: probes, Seed: 5}, q.w)
	if err != nil || again != got {
		t.Errorf("the same seed gives %v, before %v (%v)", again, got, err)
	}
}

// The trace of a network is the sum of the second differences of its loss.
func TestHessianTraceOfANetwork(t *testing.T) {
	n := newNet(t, tensor.Float64, 1, 8, 5, 4, 3)
	evaluate := func() float64 {
		n.vm.Reset()
		if err := n.vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		return n.loss.Data().(float64)
	}
	const h = 1e-4
	want := 0.0
	middle := evaluate()
	for _, node := range n.learnables {
		v := must(vecOf(node.Value()))(t)
		for i, x := range v.f64 {
			v.f64[i] = x + h
			ahead := evaluate()
			v.f64[i] = x - h
			want += (ahead - 2*middle + evaluate()) / (h * h)
			v.f64[i] = x
		}
	}
	got, err := HessianTrace(n.vm, TraceConfig{Probes: 2000}, n.learnables...)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Mean-want) > 5*got.StdErr || got.StdErr > 0.02*want {
		t.Errorf("trace %v, by second differences %v", got, want)
	}
}

func TestNoiseRegulariser(t *testing.T) {
	const n, sigma = 6, 0.3
	a := dense(n)
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		q := newQuadraticForm(t, dtype, a, []float64{100, -200, 300, 400, 500, 600})
		got, err := NoiseRegulariser(q.vm, &q.loss, sigma, RegulariserConfig{Pairs: 4000, Seed: 6}, q.w)
		if err != nil {
			t.Fatal(err)
		}
		squares := mat.Norm(a, 2) * mat.Norm(a, 2)
		want, se := sigma*sigma/2*mat.Trace(a), sigma*sigma/2*math.Sqrt(2*squares/4000)
		if math.Abs(got.Mean-want) > 5*se {
			t.Errorf("%v: regulariser %v, want %v within %v", dtype, got.Mean, want, 5*se)
		}
		if math.Abs(got.StdErr-se) > 0.1*se {
			t.Errorf("%v: standard error %v, want %v: the pairs are not antithetic", dtype, got.StdErr, se)
		}
	}
}

// measurements are the two functions, reduced to the arguments they share.
var measurements = map[string]func(vm G.VM, loss *G.Value, learnables ...*G.Node) (Estimate, error){
	"trace": func(vm G.VM, _ *G.Value, learnables ...*G.Node) (Estimate, error) {
		return HessianTrace(vm, TraceConfig{Probes: 3}, learnables...)
	},
	"regulariser": func(vm G.VM, loss *G.Value, learnables ...*G.Node) (Estimate, error) {
		return NoiseRegulariser(vm, loss, 0.5, RegulariserConfig{Pairs: 3}, learnables...)
	},
}

// A training has the same bits whether it is measured or not, whenever that happens, and the measurement does not see the
// noise: of all the learnables, and of some of them while noise may be in others.
func TestMeasurementsTouchNothing(t *testing.T) {
	for name, all := range measurements {
		for _, guarded := range []bool{true, false} {
			name := name + map[bool]string{true: "/guarded", false: "/carried"}[guarded]
			t.Run(name, func(t *testing.T) { touchesNothing(t, all, guarded, All()) })
			some := func(vm G.VM, loss *G.Value, learnables ...*G.Node) (Estimate, error) {
				return all(vm, loss, learnables[1:3]...)
			}
			t.Run(name+"/some", func(t *testing.T) { touchesNothing(t, some, guarded, Cyclic()) })
		}
	}
}

func touchesNothing(t *testing.T, measure func(vm G.VM, loss *G.Value, learnables ...*G.Node) (Estimate, error), guarded bool, selection Selection) {
	train := func(measured bool) (*net, []byte) {
		n := newNet(t, tensor.Float32, 2, 8, 5, 4, 3)
		s := perturbed(t, ours(NewAdam(0.01)), 0.3, WithSelection(selection))
		vm := n.vm
		if guarded {
			vm = must(s.Guard(vm, n.learnables...))(t)
		}
		check := func() {
			if !measured {
				return
			}
			weights := n.weights()
			last := s.Last()
			got, err := measure(vm, &n.loss, n.learnables...)
			if err != nil {
				t.Fatal(err)
			}
			if !equalBits(n.weights(), weights) || s.Last().NoiseNorm != last.NoiseNorm {
				t.Fatal("the measurement changed the weights or the noise")
			}
			clean := newNet(t, tensor.Float32, 2, 8, 5, 4, 3)
			noisy := s.noise.in()
			s.noise.restore()
			for i, node := range clean.learnables {
				must(vecOf(node.Value()))(t).copyFrom(must(vecOf(n.learnables[i].Value()))(t))
			}
			if noisy {
				if err := s.Perturb(); err != nil {
					t.Fatal(err)
				}
			}
			want, err := measure(clean.vm, &clean.loss, clean.learnables...)
			if err != nil || got != want {
				t.Fatalf("measured %v, at clean weights without a solver %v (%v)", got, want, err)
			}
		}
		for range 4 {
			check()
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			check()
			if err := s.Step(n.model); err != nil {
				t.Fatal(err)
			}
			check()
			vm.Reset()
		}
		return n, must(s.MarshalBinary())(t)
	}
	plain, plainState := train(false)
	measured, measuredState := train(true)
	if !equalBits(plain.weights(), measured.weights()) {
		t.Error("the measured training ends at other weights")
	}
	if !bytes.Equal(plainState, measuredState) {
		t.Error("the measured training ends in another state of the solver")
	}
}

func equalBits(a, b []uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// failingAt is a machine that fails, or panics, at one of its passes.
type failingAt struct {
	G.VM
	at     int
	panics bool
}

var errPass = errors.New("pass")

func (f *failingAt) RunAll() error {
	if f.at--; f.at < 0 {
		if f.panics {
			panic(errPass)
		}
		return errPass
	}
	return f.VM.RunAll()
}

// recovered calls f and returns its error, or the one that it panics with.
func recovered(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = cause.(error)
		}
	}()
	return f()
}

func TestMeasurementsRestoreAfterAnError(t *testing.T) {
	for name, measure := range measurements {
		for at := range 6 {
			for _, panics := range []bool{false, true} {
				for _, shared := range []bool{false, true} {
					what := fmt.Sprintf("%s, pass %d, panics %v, shared %v", name, at, panics, shared)
					n := newNet(t, tensor.Float64, 2, 8, 5, 4, 3)
					if shared {
						shareWeights(n)
					}
					if err := n.vm.RunAll(); err != nil { // leaves a gradient for a later step
						t.Fatal(err)
					}
					weights, gradients := n.weights(), n.gradients(t)
					err := recovered(func() error {
						_, err := measure(&failingAt{n.vm, at, panics}, &n.loss, n.learnables...)
						return err
					})
					if !errors.Is(err, errPass) {
						t.Fatalf("%s: error %v", what, err)
					}
					if !equalBits(weights, n.weights()) {
						t.Errorf("%s: the weights changed", what)
					}
					if !slices.EqualFunc(gradients, n.gradients(t), slices.Equal) {
						t.Fatalf("%s: the gradient changed", what)
					}
				}
			}
		}
	}
}

// A measurement is the same whether or not tensors can be pointed at other memory.
func TestMeasurementsOfSharedWeights(t *testing.T) {
	for name, measure := range measurements {
		n, m := newNet(t, tensor.Float32, 2, 8, 5, 4, 3), newNet(t, tensor.Float32, 2, 8, 5, 4, 3)
		shareWeights(m)
		weights := m.weights()
		want, err := measure(n.vm, &n.loss, n.learnables...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := measure(m.vm, &m.loss, m.learnables...); err != nil || got != want {
			t.Errorf("%s: %v, error %v, want %v", name, got, err, want)
		}
		if !equalBits(weights, m.weights()) {
			t.Errorf("%s: the weights changed", name)
		}
	}
}

func TestMeasurementsRefuse(t *testing.T) {
	n := newNet(t, tensor.Float64, 2, 8, 5, 4, 3)
	for name, f := range map[string]func() error{
		"no machine":    func() error { _, err := HessianTrace(nil, TraceConfig{}, n.learnables...); return err },
		"no learnables": func() error { _, err := HessianTrace(n.vm, TraceConfig{}); return err },
		"nil learnable": func() error { _, err := HessianTrace(n.vm, TraceConfig{}, nil); return err },
		"same learnable": func() error {
			_, err := HessianTrace(n.vm, TraceConfig{}, n.learnables[0], n.learnables[0])
			return err
		},
		"no gradient": func() error { _, err := HessianTrace(n.vm, TraceConfig{}, n.x); return err },
		"probes":      func() error { _, err := HessianTrace(n.vm, TraceConfig{Probes: -1}, n.learnables...); return err },
		"step":        func() error { _, err := HessianTrace(n.vm, TraceConfig{Step: math.NaN()}, n.learnables...); return err },
		"no loss": func() error {
			_, err := NoiseRegulariser(n.vm, nil, 1, RegulariserConfig{}, n.learnables...)
			return err
		},
		"loss not read": func() error {
			var v G.Value
			_, err := NoiseRegulariser(n.vm, &v, 1, RegulariserConfig{}, n.learnables...)
			return err
		},
		"sigma": func() error {
			_, err := NoiseRegulariser(n.vm, &n.loss, math.Inf(1), RegulariserConfig{}, n.learnables...)
			return err
		},
		"pairs": func() error {
			_, err := NoiseRegulariser(n.vm, &n.loss, 1, RegulariserConfig{Pairs: -1}, n.learnables...)
			return err
		},
	} {
		if err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEstimate(t *testing.T) {
	got := estimateOf([]float64{1, 2, 4})
	if math.Abs(got.Mean-7./3) > 1e-15 || math.Abs(got.StdErr-math.Sqrt(7./9)) > 1e-15 || got.Draws != 3 {
		t.Errorf("mean %v, standard error %v of %d draws, want 7/3, the root of 7/9, 3", got.Mean, got.StdErr, got.Draws)
	}
}

// TestConstantOfTheRegulariser checks the constant in the package documentation: for n groups in turn, and for all with
// sigma/sqrt(n), noise adds sigma^2/(2n) tr H to the loss. On R = sum a w^2/2, whose Hessian is diag(a), that is exact for
// each pair of Rademacher draws, whose squares are 1.
func TestConstantOfTheRegulariser(t *testing.T) {
	const sigma = 0.5
	curvature := [][]float64{{1, 2, 3}, {10}, {0.5, 7}, {4, 4, 4, 4}, {6}}
	trace := 0.0
	for _, a := range curvature {
		for _, x := range a {
			trace += x
		}
	}
	for _, c := range []struct {
		name string
		n    int // groups
		opts []PerturbOpt
	}{
		{"one tensor at a time", 5, nil},
		{"all tensors", 5, []PerturbOpt{WithSelection(All())}},
		{"one layer at a time", 3, []PerturbOpt{WithGrouping(ByLayer())}},
		{"all layers", 3, []PerturbOpt{WithGrouping(ByLayer()), WithSelection(All())}},
		{"one tensor at a time in random order", 5, []PerturbOpt{WithSelection(Shuffled())}},
	} {
		g := G.NewGraph()
		var learnables G.Nodes
		var cost *G.Node
		for i, a := range curvature {
			ones := make([]float64, len(a))
			for j := range ones {
				ones[j] = float64(i) - float64(j) + 0.5
			}
			w := G.NewVector(g, tensor.Float64, G.WithName([]string{"a.weight", "a.bias", "b.weight", "b.bias", "c.weight"}[i]),
				G.WithShape(len(a)), G.WithValue(denseOf(tensor.Float64, ones, len(a))))
			learnables = append(learnables, w)
			half := G.NewConstant(denseOf(tensor.Float64, scaled(a, 0.5), len(a)))
			term := G.Must(G.Sum(G.Must(G.HadamardProd(half, G.Must(G.Square(w))))))
			if cost == nil {
				cost = term
			} else {
				cost = G.Must(G.Add(cost, term))
			}
		}
		var loss G.Value
		G.Read(cost, &loss)
		if _, err := G.Grad(cost, learnables...); err != nil {
			t.Fatal(err)
		}
		vm := G.NewTapeMachine(g, G.BindDualValues(learnables...))
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		clean := loss.Data().(float64)
		vm.Reset()
		var extra []float64
		watched := &watchedVM{VM: vm, after: func() { extra = append(extra, loss.Data().(float64)-clean) }}
		s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), sigma, append(c.opts, WithNoise(Rademacher()), WithAntithetic())...)
		guarded := must(s.Guard(watched, learnables...))(t)
		for range c.n {
			if err := guarded.RunAll(); err != nil {
				t.Fatal(err)
			}
			if err := s.Step(G.NodesToValueGrads(learnables)); err != nil {
				t.Fatal(err)
			}
			guarded.Reset()
		}
		if len(extra) != 2*c.n {
			t.Fatalf("%s: %d evaluations of %d", c.name, len(extra), 2*c.n)
		}
		mean := 0.0
		for _, x := range extra {
			mean += x / float64(len(extra))
		}
		if want := sigma * sigma / (2 * float64(c.n)) * trace; math.Abs(mean-want) > 1e-12*want {
			t.Errorf("%s: noise adds %v on average, want %v", c.name, mean, want)
		}
	}
}

// watchedVM calls after once it has run.
type watchedVM struct {
	G.VM
	after func()
}

func (v *watchedVM) RunAll() error {
	err := v.VM.RunAll()
	v.after()
	return err
}

func scaled(a []float64, by float64) []float64 {
	out := make([]float64, len(a))
	for i, x := range a {
		out[i] = by * x
	}
	return out
}

// TestMeasurementsDrawTheirOwn: with the same seed, an estimate shares no draws with a training, nor with the other
// estimate. Otherwise an estimate after a training would use the very noise that the training has fitted, and be biased.
func TestMeasurementsDrawTheirOwn(t *testing.T) {
	const steps, seed = 100, 0
	seen := map[string]string{} // the owner of each draw, by its direction
	for _, dist := range []struct {
		name  string
		noise Noise
	}{{"gaussian", Gaussian()}, {"rademacher", Rademacher()}} {
		n := newNet(t, tensor.Float64, 1, 8, 16, 8, 4)
		clean := weightsOf(n)
		// look records the direction, up to the sign, in which the first weight is moved.
		look := func(whose string) {
			now := weightsOf(n)
			at, size := "", 0.0
			for i, x := range now {
				d := x - clean[i]
				if size == 0 && d != 0 {
					size = d
				}
				if d != 0 {
					at += fmt.Sprintf("%.6f ", d/size)
				}
			}
			if other, drawn := seen[at]; drawn && other != whose {
				t.Errorf("%s: %s and %s draw the same", dist.name, whose, other)
			}
			seen[at] = whose
		}
		spy := func(whose string) G.VM {
			return &spyVM{VM: n.vm, look: func() error { look(whose); return nil }}
		}
		weight := n.learnables[0]
		s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), 1, WithSeed(seed), WithNoise(dist.noise))
		vm := must(s.Guard(spy("training"), weight))(t)
		for range steps {
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			if err := s.Step([]G.ValueGrad{weight}); err != nil {
				t.Fatal(err)
			}
			vm.Reset()
		}
		if dist.name == "gaussian" {
			seen[""] = "regulariser" // which also evaluates at clean weights
			if _, err := NoiseRegulariser(spy("regulariser"), &n.loss, 1, RegulariserConfig{Pairs: steps, Seed: seed}, weight); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, err := HessianTrace(spy("trace"), TraceConfig{Probes: steps, Seed: seed, Step: 1}, weight); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) < 4*steps {
		t.Errorf("%d directions seen, want %d", len(seen), 4*steps)
	}
}

// weightsOf returns the first weight of a network.
func weightsOf(n *net) []float64 { return floatsOf(n.learnables[0].Value()) }

// TestRegulariserAfterTraining measures a loss whose curvature lies along the noise of a training's first hundred steps, the
// worst case of a training fitted to its noise. Measured with that noise itself, the estimate would be more than twice as
// large.
func TestRegulariserAfterTraining(t *testing.T) {
	const n, sigma, steps = 150, 0.5, defaultPairs
	a := mat.NewSymDense(n, nil)
	eps := make([]float64, n)
	for step := range steps {
		if err := Gaussian().Sample(eps, Draw{Step: uint64(step)}); err != nil {
			t.Fatal(err)
		}
		a.SymRankOne(a, 1.0/steps, mat.NewVecDense(n, eps))
	}
	q := newQuadraticForm(t, tensor.Float64, a, make([]float64, n))
	got, err := NoiseRegulariser(q.vm, &q.loss, sigma, RegulariserConfig{}, q.w)
	if err != nil {
		t.Fatal(err)
	}
	if want := sigma * sigma / 2 * mat.Trace(a); math.Abs(got.Mean-want) > 5*got.StdErr || got.StdErr > 0.05*want {
		t.Errorf("extra loss %v, want %v", got, want)
	}
}
