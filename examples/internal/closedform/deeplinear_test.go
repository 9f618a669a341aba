package closedform

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
)

// deep is a linear network with three layers of 6, 12 and 12 weights.
func deep() *DeepLinear {
	random := rand.New(rand.NewPCG(1, 7))
	y := mat.NewDense(3, 2, nil)
	y.Apply(func(_, _ int, _ float64) float64 { return random.NormFloat64() }, y)
	return &DeepLinear{Y: y, Widths: []int{3, 4}}
}

func (d *DeepLinear) random(seed uint64, scale float64) [][]float64 {
	random := rand.New(rand.NewPCG(seed, 8))
	var weights [][]float64
	for _, s := range d.Shapes() {
		w := make([]float64, s[0]*s[1])
		for i := range w {
			w[i] = scale * random.NormFloat64()
		}
		weights = append(weights, w)
	}
	return weights
}

// linear is a network's graph, ready to run.
type linear struct {
	weights    [][]float64
	learnables G.Nodes
	vm         G.VM
	loss       G.Value
}

func newLinear(t *testing.T, d *DeepLinear, weights [][]float64, sigma float64) *linear {
	t.Helper()
	m := &linear{}
	for _, w := range weights {
		m.weights = append(m.weights, append([]float64(nil), w...))
	}
	g := G.NewGraph()
	loss, learnables, err := d.Graph(g, m.weights, sigma)
	if err != nil {
		t.Fatal(err)
	}
	G.Read(loss, &m.loss)
	if _, err := G.Grad(loss, learnables...); err != nil {
		t.Fatal(err)
	}
	m.learnables, m.vm = learnables, G.NewTapeMachine(g, G.BindDualValues(learnables...))
	return m
}

// step makes a step of the solver with the machine, which may be guarded.
func (m *linear) step(t *testing.T, vm G.VM, solver G.Solver) {
	t.Helper()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if err := solver.Step(G.NodesToValueGrads(m.learnables)); err != nil {
		t.Fatal(err)
	}
	vm.Reset()
}

// basis stands in for noise of unit variance. Draw number i is the unit vector of element i times the square root of the number
// of elements, so that the mean over all of these, with both signs, of a quadratic function is its expectation exactly.
type basis struct{ layers uint64 }

func (b basis) Sample(eps []float64, d optim.Draw) error {
	clear(eps)
	eps[int(d.Step/b.layers)%len(eps)] = math.Sqrt(float64(len(eps)))
	return nil
}

// sumGradients is a base solver that adds up the gradients and does not change the weights.
type sumGradients struct{ sums [][]float64 }

func (s *sumGradients) Step(model []G.ValueGrad) error {
	if s.sums == nil {
		s.sums = make([][]float64, len(model))
	}
	for j, source := range model {
		grad, err := source.Grad()
		if err != nil {
			return err
		}
		g := grad.Data().([]float64)
		if s.sums[j] == nil {
			s.sums[j] = make([]float64, len(g))
		}
		floats.Add(s.sums[j], g)
		clear(g)
	}
	return nil
}

// TestDeepLinearIsExact: the means of losses and gradients under the solver's noise, over the draws of basis, are the
// regularised loss and its gradient.
func TestDeepLinearIsExact(t *testing.T) {
	const sigma, layers, steps = 0.7, 3, 3 * 12 // each element of each layer as often as the others
	d := deep()
	weights := d.random(1, 1)
	sum := &sumGradients{}
	solver, err := optim.NewPerturbedSolver(sum, sigma, optim.WithNoise(basis{layers}), optim.WithAntithetic())
	if err != nil {
		t.Fatal(err)
	}
	m := newLinear(t, d, weights, 0)
	losses := &lossSum{VM: m.vm, loss: &m.loss}
	vm, err := solver.Guard(losses, m.learnables...)
	if err != nil {
		t.Fatal(err)
	}
	for range steps {
		m.step(t, vm, solver)
	}
	want, err := d.Loss(weights, sigma)
	if err != nil {
		t.Fatal(err)
	}
	if got := losses.sum / (2 * steps); math.Abs(got-want) > 1e-12*want {
		t.Errorf("expected loss %v, by the closed form %v", got, want)
	}
	regularised := newLinear(t, d, weights, sigma)
	gradient := &sumGradients{}
	regularised.step(t, regularised.vm, gradient)
	if got := regularised.loss.Data().(float64); math.Abs(got-want) > 1e-12*want {
		t.Errorf("the graph's regularised loss is %v, want %v", got, want)
	}
	for j, g := range gradient.sums {
		for i := range g {
			if got := sum.sums[j][i] / steps; math.Abs(got-g[i]) > 1e-11*floats.Norm(g, 2) {
				t.Errorf("layer %d, weight %d: expected gradient %v, that of the closed form %v", j+1, i, got, g[i])
			}
		}
	}
}

// lossSum adds up the losses of a machine.
type lossSum struct {
	G.VM
	loss *G.Value
	sum  float64
}

func (v *lossSum) RunAll() error {
	err := v.VM.RunAll()
	v.sum += (*v.loss).Data().(float64)
	return err
}

// TestDeepLinearGraph: the gradient of the regularised graph is that of the closed form, for several depths. With two layers
// the closed form is that of the factorisation.
func TestDeepLinearGraph(t *testing.T) {
	const sigma = 0.7
	for _, widths := range [][]int{nil, {5}, {3, 4}, {4, 2, 3}} {
		d := &DeepLinear{Y: deep().Y, Widths: widths}
		weights := d.random(2, 1)
		m := newLinear(t, d, weights, sigma)
		gradient := &sumGradients{}
		m.step(t, m.vm, gradient)
		for j, w := range weights {
			want := fd.Gradient(nil, func(x []float64) float64 {
				moved := append([][]float64(nil), weights...)
				moved[j] = x
				loss, err := d.Loss(moved, sigma)
				if err != nil {
					t.Fatal(err)
				}
				return loss
			}, w, &fd.Settings{Formula: fd.Central})
			if !floats.EqualApprox(gradient.sums[j], want, 1e-6*floats.Norm(want, 2)) {
				t.Errorf("widths %v, layer %d: gradient %v, want %v", widths, j+1, gradient.sums[j], want)
			}
		}
		if len(widths) != 1 {
			continue
		}
		f := &Factorisation{Y: d.Y, Width: widths[0]}
		two := [2][]float64{weights[0], weights[1]}
		loss, err := d.Loss(weights, sigma)
		if want := f.Loss(f.Solution(two)) + ExtraLayer(f, two, sigma); err != nil || math.Abs(loss-want) > 1e-12*want {
			t.Errorf("two layers: %v, a factorisation's %v (%v)", loss, want, err)
		}
	}
}

// TestDeepLinearMonteCarlo: Gaussian noise on one layer at a time adds what the closed form says.
func TestDeepLinearMonteCarlo(t *testing.T) {
	const sigma = 0.5
	d := deep()
	weights := d.random(3, 1)
	m := newLinear(t, d, weights, 0)
	extra, variance := 0.0, 0.0
	for j, w := range m.learnables {
		e, err := optim.NoiseRegulariser(m.vm, &m.loss, sigma, optim.RegulariserConfig{Pairs: 2000, Seed: uint64(j)}, w)
		if err != nil {
			t.Fatal(err)
		}
		extra += e.Mean / 3
		variance += e.StdErr * e.StdErr / 9
	}
	clean, err := d.Loss(weights, 0)
	if err != nil {
		t.Fatal(err)
	}
	loss, err := d.Loss(weights, sigma)
	if err != nil {
		t.Fatal(err)
	}
	if want := loss - clean; math.Abs(extra-want) > 5*math.Sqrt(variance) || math.Sqrt(variance) > 0.05*want {
		t.Errorf("noise adds %v (standard error %v), by the closed form %v", extra, math.Sqrt(variance), want)
	}
}

// TestDeepLinearTraining: a training with noise follows gradient descent on the regularised loss, from the same weights and
// with the same learning rates; gradient descent without noise does not.
func TestDeepLinearTraining(t *testing.T) {
	const sigma, rate, steps, look = 0.4, 2e-4, 6000, 2000
	d := deep()
	weights := d.random(4, 0.8)
	sgd := func() G.Solver {
		s, err := optim.NewSGD(rate)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	noisy, clean, descent := newLinear(t, d, weights, 0), newLinear(t, d, weights, 0), newLinear(t, d, weights, sigma)
	solver, err := optim.NewPerturbedSolver(sgd(), sigma, optim.WithSelection(optim.Uniform()), optim.WithSeed(1))
	if err != nil {
		t.Fatal(err)
	}
	vm, err := solver.Guard(noisy.vm, noisy.learnables...)
	if err != nil {
		t.Fatal(err)
	}
	cleanSolver, descentSolver := sgd(), sgd()
	regularised := func(m *linear) float64 {
		loss, err := d.Loss(m.weights, sigma)
		if err != nil {
			t.Fatal(err)
		}
		return loss
	}
	var apart float64 // distance of the training without noise, at the end
	for step := 1; step <= steps; step++ {
		noisy.step(t, vm, solver)
		clean.step(t, clean.vm, cleanSolver)
		descent.step(t, descent.vm, descentSolver)
		if step%look != 0 {
			continue
		}
		want := regularised(descent)
		t.Logf("step %d: regularised loss %.4f under noise, %.4f by descent on it, %.4f by descent without it", step, regularised(noisy), want, regularised(clean))
		if got := regularised(noisy); math.Abs(got-want) > 0.03*want {
			t.Errorf("step %d: regularised loss %v under noise, %v by gradient descent on it", step, got, want)
		}
		apart = regularised(clean)/want - 1
	}
	if apart < 0.2 {
		t.Errorf("without noise the regularised loss ends %.0f%% higher, too close to tell", 100*apart)
	}
}

// TestDeepLinearRefuses weights of the wrong sizes.
func TestDeepLinearRefuses(t *testing.T) {
	d := deep()
	weights := d.random(1, 1)
	for name, w := range map[string][][]float64{"a layer missing": weights[:2], "a weight missing": {weights[0], weights[1][1:], weights[2]}} {
		if _, err := d.Loss(w, 0); err == nil {
			t.Errorf("%s: no error of Loss", name)
		}
		if _, _, err := d.Graph(G.NewGraph(), w, 0); err == nil {
			t.Errorf("%s: no error of Graph", name)
		}
	}
}

// The expected loss under noise on all layers is the mean over all signs of noise ±sigma, since R is quadratic in each weight.
// With two layers it is that of the factorisation.
func TestDeepLinearLossAll(t *testing.T) {
	const sigma = 0.7
	d := &DeepLinear{Y: mat.NewDense(1, 2, []float64{0.4, -1}), Widths: []int{2, 3}} // thirteen weights
	w := d.random(3, 1)
	var numbers []*float64
	for _, layer := range w {
		for i := range layer {
			numbers = append(numbers, &layer[i])
		}
	}
	clean := make([]float64, len(numbers))
	for i, x := range numbers {
		clean[i] = *x
	}
	mean := 0.0
	for signs := range 1 << len(numbers) {
		for i, x := range numbers {
			*x = clean[i] + sigma*float64(1-2*(signs>>i&1))
		}
		loss, err := d.Loss(w, 0)
		if err != nil {
			t.Fatal(err)
		}
		mean += loss / float64(int(1)<<len(numbers))
	}
	for i, x := range numbers {
		*x = clean[i]
	}
	if got, err := d.LossAll(w, sigma); err != nil || math.Abs(got-mean) > 1e-10*mean {
		t.Errorf("closed form %v, mean over the signs %v (%v)", got, mean, err)
	}

	f := &Factorisation{Y: mat.NewDense(2, 2, []float64{1, 2, 3, 4}), Width: 3}
	shallow := &DeepLinear{Y: f.Y, Widths: []int{f.Width}}
	v := shallow.random(4, 1)
	pair := [2][]float64{v[0], v[1]}
	want := f.Loss(f.Solution(pair)) + ExtraAll(f, pair, sigma)
	if got, err := shallow.LossAll(v, sigma); err != nil || math.Abs(got-want) > 1e-10*want {
		t.Errorf("two layers: %v, factorisation %v (%v)", got, want, err)
	}
	if _, err := d.LossAll(v, sigma); err == nil {
		t.Error("weights of another network: no error")
	}
}
