package optim

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// noises are the distributions of the package, with their fourth moments and distribution functions.
var noises = map[string]struct {
	noise  Noise
	fourth float64
	cdf    func(float64) float64 // nil if there is no density
}{
	"gaussian":   {Gaussian(), 3, distuv.UnitNormal.CDF},
	"rademacher": {Rademacher(), 1, nil},
	"uniform":    {UniformNoise(), 9.0 / 5, distuv.Uniform{Min: -math.Sqrt(3), Max: math.Sqrt(3)}.CDF},
}

const draws = 1_000_000

func sample(t *testing.T, n Noise, d Draw) []float64 {
	t.Helper()
	eps := make([]float64, draws)
	if err := n.Sample(eps, d); err != nil {
		t.Fatal(err)
	}
	return eps
}

// TestNoiseStatistics: moments, quantiles and the Kolmogorov-Smirnov distance of a million draws, each within five standard
// errors, or at a level of about 1e-6.
func TestNoiseStatistics(t *testing.T) {
	for name, c := range noises {
		eps := sample(t, c.noise, Draw{Seed: 12, Step: 3, Tensor: 2})
		root := math.Sqrt(draws)
		within := func(what string, got, want, sd float64) {
			if !(math.Abs(got-want) <= 5*sd/root+1e-9) { // 1e-9 for rounding
				t.Errorf("%s: %s is %v, want %v within %v", name, what, got, want, 5*sd/root)
			}
		}
		var m [5]float64
		for _, x := range eps {
			for k, p := 1, x; k <= 4; k, p = k+1, p*x {
				m[k] += p / draws
			}
		}
		eighth := map[string]float64{"gaussian": 105, "rademacher": 1, "uniform": 9}[name]
		sixth := map[string]float64{"gaussian": 15, "rademacher": 1, "uniform": 27.0 / 7}[name]
		within("mean", m[1], 0, 1)
		within("variance", m[2], 1, math.Sqrt(c.fourth-1))
		within("third moment", m[3], 0, math.Sqrt(sixth))
		within("fourth moment", m[4], c.fourth, math.Sqrt(eighth-c.fourth*c.fourth))
		if c.cdf == nil {
			for _, x := range eps {
				if x != 1 && x != -1 {
					t.Fatalf("%s: a draw of %v", name, x)
				}
			}
			continue
		}
		slices.Sort(eps)
		for _, p := range []float64{0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999} {
			x := stat.Quantile(p, stat.Empirical, eps, nil)
			within("distribution function at a quantile", c.cdf(x), p, math.Sqrt(p*(1-p)))
		}
		distance := 0.0
		for i, x := range eps {
			p := c.cdf(x)
			distance = max(distance, p-float64(i)/draws, float64(i+1)/draws-p)
		}
		if distance*root > 2.7 { // exceeded with probability 1e-6
			t.Errorf("%s: Kolmogorov-Smirnov statistic %v", name, distance*root)
		}
	}
}

// TestNoiseStreamsAreIndependent: the correlation of a draw with that of another tensor, step, sample or seed, and with
// itself shifted by some elements, is zero within five standard errors.
func TestNoiseStreamsAreIndependent(t *testing.T) {
	base := Draw{Seed: 12, Step: 3, Sample: 1, Tensor: 2}
	for name, c := range noises {
		x := sample(t, c.noise, base)
		correlate := func(what string, a, b []float64) {
			sum := 0.0
			for i := range a {
				sum += a[i] * b[i]
			}
			if r := sum / math.Sqrt(float64(len(a))); math.Abs(r) > 5 {
				t.Errorf("%s: correlation with %s is %v standard errors", name, what, r)
			}
		}
		for what, d := range map[string]Draw{
			"the next tensor": {Seed: 12, Step: 3, Sample: 1, Tensor: 3},
			"the next step":   {Seed: 12, Step: 4, Sample: 1, Tensor: 2},
			"the next sample": {Seed: 12, Step: 3, Sample: 2, Tensor: 2},
			"the next seed":   {Seed: 13, Step: 3, Sample: 1, Tensor: 2},
			"a far seed":      {Seed: 12 << 40, Step: 3, Sample: 1, Tensor: 2},
			"swapped numbers": {Seed: 12, Step: 2, Sample: 1, Tensor: 3},
		} {
			correlate(what, x, sample(t, c.noise, d))
		}
		for _, lag := range []int{1, 2, 4, 8, 16, 31, 32, 33, 64, 1000} {
			correlate("itself, shifted", x[lag:], x[:draws-lag])
		}
		again := sample(t, c.noise, base)
		if !slices.Equal(x, again) {
			t.Errorf("%s: the same draw twice gave other numbers", name)
		}
	}
}

// TestNoiseEnds: counters have 32 bits, and exceeding them is an error, not a repetition.
func TestNoiseEnds(t *testing.T) {
	for _, d := range []Draw{{Step: 1 << 32}, {Sample: 1 << 32}} {
		if err := Gaussian().Sample(make([]float64, 3), d); err == nil {
			t.Errorf("draw %+v was made", d)
		}
	}
}

// TestCustomNoise: custom noise, here the package's with the tails cut off, reaches the weights scaled.
func TestCustomNoise(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	clean := floatsOf(n.learnables[0].Value())
	var eps []float64
	s := perturbed(t, bases["sgd"](), 0.25, WithNoise(clipped{&eps}))
	vm := must(s.Guard(&spyVM{look: func() error {
		for i, x := range floatsOf(n.learnables[0].Value()) {
			if want := float64(float32(clean[i]) + float32(0.25*eps[i])); x != want {
				t.Fatalf("weight %d is %v, want %v", i, x, want)
			}
		}
		return nil
	}}, n.learnables...))(t)
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	last := s.Last()
	if want := 0.25 * math.Sqrt(norm2(eps)); math.Abs(last.NoiseNorm-want) > 1e-12 {
		t.Errorf("noise norm %v, want %v", last.NoiseNorm, want)
	}
}

type clipped struct{ eps *[]float64 }

func (c clipped) Sample(eps []float64, d Draw) error {
	if err := Gaussian().Sample(eps, d); err != nil {
		return err
	}
	for i := range eps {
		eps[i] = max(-1, min(1, eps[i]))
	}
	*c.eps = slices.Clone(eps)
	return nil
}

// TestLast: the norms are those of the noise that was in the weights.
func TestLast(t *testing.T) {
	n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
	s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), 0.3, WithSelection(All()))
	if last := s.Last(); last.Layers != nil || last.NoiseNorm != 0 {
		t.Errorf("before the first injection: %+v", last)
	}
	clean := n.weights()
	var noise2, weights2 float64
	vm := must(s.Guard(&spyVM{VM: n.vm, look: func() error {
		noise2, weights2 = 0, 0
		for i, b := range n.weights() {
			w := math.Float64frombits(clean[i])
			d := math.Float64frombits(b) - w
			noise2 += d * d
			weights2 += w * w
		}
		return nil
	}}, n.learnables...))(t)
	for step := range uint64(3) {
		n.loop(t, vm, s, 1)
		last := s.Last()
		if last.Step != step || len(last.Layers) != 4 || last.Sigma != 0.15 {
			t.Errorf("step %d: %+v", step, last)
		}
		if want := math.Sqrt(noise2); math.Abs(last.NoiseNorm-want) > 1e-12*want {
			t.Errorf("step %d: noise norm %v, want %v", step, last.NoiseNorm, want)
		}
		if want := math.Sqrt(noise2 / weights2); math.Abs(last.RelativeNorm-want) > 1e-12*want {
			t.Errorf("step %d: relative norm %v, want %v", step, last.RelativeNorm, want)
		}
	}
}
