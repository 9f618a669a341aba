package layers_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// apart is a ReLU that containers do not recognise.
var apart = layers.NewFunc("relu", graph.ReLU)

// TestFusedReLU builds each layer that can be fused with a ReLU after it, with a ReLU and with apart: outputs, gradients and
// running statistics agree, and the fused graph has fewer nodes.
func TestFusedReLU(t *testing.T) {
	for _, s := range subjects {
		if !s.fuses {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			testFused(t, s, func(l, relu layers.Layer) layers.Layer { return layers.NewSequential(layers.NewSequential(l), relu) })
		})
	}
}

// TestReLUBeforePool is TestFusedReLU for the ReLU before a max pool, which is fused too.
func TestReLUBeforePool(t *testing.T) {
	for _, s := range subjects {
		if s.name != "conv2d" && s.name != "batch norm of images" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			fused := testFused(t, s, func(l, relu layers.Layer) layers.Layer {
				pool := layers.NewMaxPool2D(layers.PoolConfig{Kernel: [2]int{2, 1}, Stride: layers.Square(1)})
				return layers.NewSequential(l, relu, pool, pool)
			})
			for _, n := range fused.AllNodes() {
				if n.Op() != nil && n.Op().String() == "MaxPool2DReLU" {
					return
				}
			}
			t.Error("the last pool has not taken in the ReLU")
		})
	}
}

// TestPoolBehindConv is TestFusedReLU for a max pool of 2x2 after a convolution, which is fused with it and the ReLU.
func TestPoolBehindConv(t *testing.T) {
	pool := layers.NewMaxPool2D(layers.PoolConfig{Kernel: layers.Square(2)})
	conv := func(c layers.Init) layers.Layer {
		return layers.NewConv2D("conv", 1, 3, layers.ConvConfig{Kernel: [2]int{2, 3}, Padding: [2]int{1, 1}}, c)
	}
	s := subject{name: "conv2d", row: tensor.Shape{1, 5, 4}, make: conv}
	fused := testFused(t, s, func(l, relu layers.Layer) layers.Layer { return layers.NewSequential(l, relu, pool) })
	for _, n := range fused.AllNodes() {
		if n.Op() != nil && strings.Contains(n.Op().String(), "MaxPool") {
			t.Errorf("a %v of its own", n.Op())
		}
	}
}

// TestFusedGELU builds a dense layer with a GELU after it, and with one that containers do not recognise. A ReLU between them
// keeps them apart.
func TestFusedGELU(t *testing.T) {
	dense := func(c layers.Init) layers.Layer { return layers.NewDense("fc", 4, 5, c) }
	s := subject{name: "dense", row: tensor.Shape{3, 4}, make: dense}
	testFused(t, s, func(l, relu layers.Layer) layers.Layer {
		if relu == layers.Layer(apart) {
			return layers.NewSequential(l, layers.NewFunc("gelu", graph.GELU))
		}
		return layers.NewSequential(l, layers.NewGELU())
	})
	s.make = func(c layers.Init) layers.Layer {
		return layers.NewSequential(dense(c), layers.NewReLU(), layers.NewGELU())
	}
	r := newRun(t, s.made(tensor.Float64), layers.Training, s.rows(tensor.Float64, 2), upstream)
	var names []string
	for _, n := range r.x.Graph().AllNodes() {
		if n.Op() != nil {
			names = append(names, n.Op().String())
		}
	}
	if !slices.Contains(names, "DenseReLU") || !slices.Contains(names, "GELU") {
		t.Errorf("a dense layer, a ReLU and a GELU are %v", names)
	}
}

// testFused compares what make builds around the subject's layer with a ReLU and with apart. It returns the graph with the
// ReLU.
func testFused(t *testing.T, s subject, make func(l, relu layers.Layer) layers.Layer) *G.ExprGraph {
	t.Helper()
	build := func(relu layers.Layer) (*run, layers.Layer) {
		l := make(s.made(tensor.Float64), relu)
		return newRun(t, l, layers.Training, s.rows(tensor.Float64, 3), upstream), l
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
	return fused.x.Graph()
}
