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

// Of equal elements the first gets the gradient, and only that.
func TestMaxPoolOfEqualElements(t *testing.T) {
	for _, c := range []struct {
		name string
		pool graph.Pool
		want []float64
	}{
		{"2x2", graph.Pool{Kernel: [2]int{2, 2}}, []float64{
			1, 0, 1, 0,
			0, 0, 0, 0,
			0, 1, 0, 0,
			0, 0, 1, 0,
		}},
		{"2x2 with padding", graph.Pool{Kernel: [2]int{2, 2}, Padding: [2]int{1, 1}}, []float64{
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
	for _, p := range []graph.Pool{{Kernel: [2]int{2, 2}}, {Kernel: [2]int{3, 2}}} {
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
