package graph_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// useBLAS puts the package's products in place for one test.
func useBLAS(t *testing.T) {
	before := G.WhichBLAS()
	graph.UseBLAS()
	t.Cleanup(func() { G.Use(before) })
}

// Stock products of every kind agree with gonum's.
func TestUseBLAS(t *testing.T) {
	useBLAS(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		random := func(shape ...int) *tensor.Dense {
			x := tensor.New(tensor.Of(dtype), tensor.WithShape(shape...))
			for i := range x.Shape().TotalSize() {
				if dtype == tensor.Float32 {
					x.Set(i, float32(r.NormFloat64()))
				} else {
					x.Set(i, r.NormFloat64())
				}
			}
			return x
		}
		a, b, x, y := random(30, 20), random(20, 40), random(20), random(30)
		for name, product := range map[string]func() (tensor.Tensor, error){
			"matrices": func() (tensor.Tensor, error) { return tensor.MatMul(a, b) },
			"vector":   func() (tensor.Tensor, error) { return tensor.MatVecMul(a, x) },
			"outer":    func() (tensor.Tensor, error) { return tensor.Outer(x, y) },
			"inner": func() (tensor.Tensor, error) {
				v, err := tensor.Inner(x, x)
				return tensor.New(tensor.FromScalar(v)), err
			},
		} {
			got, err := product()
			if err != nil {
				t.Fatal(err)
			}
			G.Use(gonum.Implementation{})
			want, err := product()
			graph.UseBLAS()
			if err != nil {
				t.Fatal(err)
			}
			tolerance := 1e-12
			if dtype == tensor.Float32 {
				tolerance = 1e-4
			}
			if p, q := numbers(got), numbers(want); !close(p, q, tolerance) {
				t.Errorf("%v, %s: %v, gonum has %v", dtype, name, p, q)
			}
		}
	}
}

func numbers(t tensor.Tensor) []float64 {
	switch x := t.Data().(type) {
	case []float64:
		return x
	case []float32:
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = float64(v)
		}
		return y
	case float32:
		return []float64{float64(x)}
	case float64:
		return []float64{x}
	}
	panic("other numbers")
}

func close(x, y []float64, tolerance float64) bool {
	for i, v := range y {
		if !(math.Abs(x[i]-v) <= tolerance) {
			return false
		}
	}
	return len(x) == len(y)
}

// Vectors with gaps between their elements, transposed matrices, and vectors with negative increments.
func TestBLASIncrements(t *testing.T) {
	useBLAS(t)
	own, want := G.WhichBLAS(), G.BLAS(gonum.Implementation{})
	r := rand.New(rand.NewPCG(3, 4))
	vector := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	for _, inc := range [][2]int{{1, 1}, {2, 3}, {-1, 2}, {1, -2}} {
		for _, ta := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			a, x, y := vector(100), vector(30), vector(30)
			run := func(l G.BLAS) []float64 {
				y, a := append([]float64(nil), y...), append([]float64(nil), a...)
				l.Dgemv(ta, 7, 9, 0.5, a, 11, x, inc[0], -2, y, inc[1])
				l.Dger(7, 9, 0.5, x, inc[0], y, inc[1], a, 11)
				return append(append(y, a...), l.Ddot(8, x, inc[0], y, inc[1]))
			}
			if got, want := run(own), run(want); !close(got, want, 1e-12) {
				t.Errorf("increments %v, %c: %v, want %v", inc, ta, got, want)
			}
		}
	}
}
