package closedform

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// The moments of a rectified normal variable agree with numerical integration.
func TestRectified(t *testing.T) {
	for _, z := range []float64{-2, -0.3, 0, 0.7, 3} {
		for _, s := range []float64{0.2, 1, 1.7} {
			moment := func(power float64) float64 {
				of := func(g float64) float64 { return math.Pow(math.Max(0, z+s*g), power) * distuv.UnitNormal.Prob(g) }
				return quad.Fixed(of, -z/s, max(12, 12-z/s), 200, nil, 0) // from the kink on
			}
			mean, square := rectified(z, s)
			if m, q := moment(1), moment(2); math.Abs(mean-m) > 1e-12 || math.Abs(square-q) > 1e-12 {
				t.Errorf("z %v, s %v: mean %v and square %v, integrated %v and %v", z, s, mean, square, m, q)
			}
		}
	}
	if mean, square := rectified(1.5, 0); mean != 1.5 || square != 2.25 {
		t.Errorf("without noise mean %v and square %v", mean, square)
	}
}

// What noise in each matrix alone and in both adds agrees with draws, within five standard errors.
func TestReLU(t *testing.T) {
	const d0, width, d2, n, draws = 3, 4, 2, 5, 100_000
	sigma := [2]float64{0.6, 0.4}
	random := rand.New(rand.NewPCG(1, 1))
	normal := func(size int) []float64 {
		x := make([]float64, size)
		for i := range x {
			x[i] = random.NormFloat64()
		}
		return x
	}
	r := &ReLU{X: mat.NewDense(d0, n, normal(d0*n)), Width: width, Outputs: d2, Bias: normal(width)}
	w := [2][]float64{normal(width * d0), normal(d2 * width)}
	outputs := func(w1, w2 []float64) []float64 {
		var hidden, out mat.Dense
		hidden.Mul(mat.NewDense(width, d0, w1), r.X)
		hidden.Apply(func(j, _ int, z float64) float64 { return math.Max(0, z+r.Bias[j]) }, &hidden)
		out.Mul(mat.NewDense(d2, width, w2), &hidden)
		return out.RawMatrix().Data
	}
	clean := outputs(w[0], w[1])
	drawn := func(first, second float64) (mean, err float64) { // with these multiples of sigma in the two matrices
		losses := make([]float64, draws)
		for k := range losses {
			w1, w2 := normal(len(w[0])), normal(len(w[1]))
			floats.Scale(first*sigma[0], w1)
			floats.Scale(second*sigma[1], w2)
			floats.Add(w1, w[0])
			floats.Add(w2, w[1])
			d := floats.Distance(outputs(w1, w2), clean, 2)
			losses[k] = d * d / n
		}
		mean, std := stat.MeanStdDev(losses, nil)
		return mean, std / math.Sqrt(draws)
	}
	first, e1 := drawn(1, 0)
	second, e2 := drawn(0, 1)
	both, e := drawn(1, 1)
	layer, err := r.ExtraLayer(w, sigma)
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.ExtraAll(w, sigma)
	if err != nil {
		t.Fatal(err)
	}
	if want, e := (first+second)/2, math.Hypot(e1, e2)/2; !(math.Abs(layer-want) <= 5*e && e < 0.01*want) {
		t.Errorf("one layer: %v, drawn %v ± %v", layer, want, e)
	}
	if !(math.Abs(all-both) <= 5*e && e < 0.01*both) {
		t.Errorf("all: %v, drawn %v ± %v", all, both, e)
	}
}

// If every unit is far from its kink, the network is linear, and so are the closed forms.
func TestReLUWithoutKinks(t *testing.T) {
	const width, far = 3, 1e3
	x := mat.NewDense(2, 2, []float64{math.Sqrt2, 0, 0, math.Sqrt2}) // X X'/n = I
	w := [2][]float64{{far, far, 2 * far, far, far, 3 * far}, {1, 2, -1, 0.5, -3, 1}}
	r, f := &ReLU{X: x, Width: width, Outputs: 2}, &Factorisation{Y: mat.NewDense(2, 2, nil), Width: width}
	layer, err := r.ExtraLayer(w, [2]float64{0.4, 0.4})
	if want := ExtraLayer(f, w, 0.4); err != nil || math.Abs(layer-want) > 1e-9*want {
		t.Errorf("one layer: %v, linear %v (%v)", layer, want, err)
	}
	all, err := r.ExtraAll(w, [2]float64{0.4, 0.4})
	if want := ExtraAll(f, w, 0.4); err != nil || math.Abs(all-want) > 1e-9*want {
		t.Errorf("all: %v, linear %v (%v)", all, want, err)
	}
	if _, err := r.ExtraAll([2][]float64{{1}, {1}}, [2]float64{0.4, 0.4}); err == nil {
		t.Error("weights of another network: no error")
	}
}
