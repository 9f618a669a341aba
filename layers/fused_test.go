package layers_test

import (
	"math"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"gorgonia.org/tensor"
)

// TestFusedReLU builds each layer that takes in the ReLU behind it with a ReLU and with the same function that it does not know:
// outputs, gradients and running statistics agree, and the fused graph has fewer nodes.
func TestFusedReLU(t *testing.T) {
	apart := layers.NewFunc("relu", graph.ReLU)
	for _, s := range subjects {
		if !s.fuses {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			build := func(relu layers.Layer) (*run, layers.Layer) {
				l := layers.NewSequential(layers.NewSequential(s.made(tensor.Float64)), relu)
				r := newRun(t, l, layers.Training, s.rows(tensor.Float64, 3), upstream)
				return r, l
			}
			fused, one := build(layers.NewReLU())
			separate, other := build(apart)
			compare := func(name string, got, want []float64) {
				for i := range want {
					if !(math.Abs(got[i]-want[i]) <= 1e-12*(1+math.Abs(want[i]))) {
						t.Fatalf("%s[%d]: fused %v, separate %v", name, i, got[i], want[i])
					}
				}
			}
			compare("output", fused.pass(t), separate.pass(t))
			grads := fused.grads(t)
			for name, want := range separate.grads(t) {
				compare("gradient of "+name, grads[name], want)
			}
			v := values(one)
			for name, want := range values(other) {
				compare(name, v[name], want)
			}
			if f, s := len(fused.x.Graph().AllNodes()), len(separate.x.Graph().AllNodes()); f >= s {
				t.Errorf("%d nodes fused, %d separate", f, s)
			}
		})
	}
}
