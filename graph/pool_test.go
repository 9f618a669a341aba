package graph_test

import (
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Among equal elements only the first gets the gradient.
func TestMaxPoolOfEqualElements(t *testing.T) {
	for _, c := range []struct {
		name string
		pool graph.PoolConfig
		want []float64
	}{
		{"2x2", graph.PoolConfig{Kernel: [2]int{2, 2}}, []float64{
			1, 0, 1, 0,
			0, 0, 0, 0,
			0, 1, 0, 0,
			0, 0, 1, 0,
		}},
		{"2x2 with padding", graph.PoolConfig{Kernel: [2]int{2, 2}, Padding: [2]int{1, 1}}, []float64{
			1, 0, 1, 1,
			1, 0, 0, 1,
			0, 1, 0, 0,
			1, 1, 0, 1,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := tensor.New(tensor.WithShape(1, 1, 4, 4), tensor.WithBacking([]float32{
				0, 0, 1, 1,
				0, 0, 0, 1,
				0, 3, 0, 0,
				3, 3, 2, 2,
			}))
			r := gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) {
				y, err := graph.MaxPool2D(in[0], c.pool)
				if err != nil {
					return nil, err
				}
				return G.Sum(y)
			}, x)
			if err := r.Pass(); err != nil {
				t.Fatal(err)
			}
			if got := r.Gradient(t, 0); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestMaxPoolOfANaN(t *testing.T) {
	for _, p := range []graph.PoolConfig{{Kernel: [2]int{2, 2}}, {Kernel: [2]int{3, 2}}} {
		for at := range 4 {
			data := []float64{1, 2, 3, 4, 0, 0}
			data[at] = math.NaN()
			x := tensor.New(tensor.WithShape(1, 1, 3, 2), tensor.WithBacking(data))
			r := gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) { return graph.MaxPool2D(in[0], p) }, x)
			if err := r.Pass(); err != nil {
				t.Fatal(err)
			}
			if y := r.Result(); len(y) != 1 || !math.IsNaN(y[0]) {
				t.Errorf("kernel %v, NaN at %d: %v", p.Kernel, at, y)
			}
		}
	}
}

// A rectifier before a pool and one after it agree, also at ties, zeros of both signs and infinities; for results also at
// NaN.
func TestMaxPoolOfRectified(t *testing.T) {
	special := []float64{0, math.Copysign(0, -1), -1, 2, math.Inf(1), math.Inf(-1), math.NaN()}
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, p := range []graph.PoolConfig{{Kernel: [2]int{2, 2}}, {Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 1}}} {
			for _, values := range [][]float64{special, special[:6]} {
				x := gradcheck.Random(3, dtype, 4, 3, 9, 23)
				set(x, func(i int, v float64) float64 {
					if i%3 == 0 {
						return values[i/3%len(values)]
					}
					return v
				})
				pass := func(build func(x *G.Node) (*G.Node, error)) (y, dx []float64) {
					r := gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) { return build(in[0]) }, x)
					if err := r.Pass(); err != nil {
						t.Fatal(err)
					}
					return r.Result(), r.Gradient(t, 0)
				}
				y, dx := pass(func(x *G.Node) (*G.Node, error) { return graph.MaxPool2DReLU(x, p) })
				wantY, wantX := pass(func(x *G.Node) (*G.Node, error) { return graph.MaxPool2D(G.Must(graph.ReLU(x)), p) })
				for i, w := range wantY {
					if math.Float64bits(y[i]) != math.Float64bits(w) && (y[i] == y[i] || w == w) {
						t.Fatalf("%v, kernel %v: result %d is %v, want %v", dtype, p.Kernel, i, y[i], w)
					}
				}
				if len(values) == len(special) {
					continue // the cost is NaN, and the gradients mean nothing
				}
				if !slices.Equal(dx, wantX) {
					t.Errorf("%v, kernel %v: gradients %v, want %v", dtype, p.Kernel, dx, wantX)
				}
			}
		}
	}
}

// set replaces the elements of a tensor.
func set(x *tensor.Dense, f func(i int, v float64) float64) {
	switch data := x.Data().(type) {
	case []float32:
		for i, v := range data {
			data[i] = float32(f(i, float64(v)))
		}
	case []float64:
		for i, v := range data {
			data[i] = f(i, v)
		}
	}
}
