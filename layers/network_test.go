package layers_test

import (
	"math"
	"testing"

	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network is one of the networks that this package builds.
type network struct {
	name            string
	make            func(layers.Init) *layers.Sequential
	image           []int
	classes         int
	params, tensors int // learnt numbers, and the tensors that hold them

	logit float64 // the first for the image sin(0), sin(1), ..., HeNormal with seed 1
	peer  bool    // testdata/networks.py has it
}

var networks = []network{
	{"mlp1", layers.NewMLP1, []int{784}, 10, 898_510, 8, -0.350971, true},
	{"mlp2", layers.NewMLP2, []int{784}, 10, 53_985_010, 8, 0.811235, false},
	{"mlp3", layers.NewMLP3, []int{784}, 10, 4_799_010, 12, 0.891339, false},
	{"cnn1", layers.NewCNN1, []int{3, 32, 32}, 10, 62_006, 10, 0.603423, true},
	{"cnn2", layers.NewCNN2, []int{3, 32, 32}, 10, 334_346, 10, 0.290508, false},
	{"cnn3", layers.NewCNN3, []int{3, 32, 32}, 10, 1_028_066, 12, 0.850434, true},
	{"resnet18", forClasses(10, layers.NewResNet18), []int{3, 32, 32}, 10, 11_173_962, 62, -24.719852, true},
	{"resnet34", forClasses(10, layers.NewResNet34), []int{3, 32, 32}, 10, 21_282_122, 110, -570.797058, false},
	{"vgg11", forClasses(100, layers.NewVGG11), []int{3, 32, 32}, 100, 28_518_244, 38, 0.077693, true},
	{"vit", newViT, []int{3, 32, 32}, 10, 1_205_642, 79, -0.051582, true},
	{"vit_token", newTokenViT, []int{3, 32, 32}, 10, 1_205_898, 80, 0.543172, true},
}

// forClasses returns a constructor of networks for the given number of classes.
func forClasses(classes int, make func(int, layers.Init) *layers.Sequential) func(layers.Init) *layers.Sequential {
	return func(init layers.Init) *layers.Sequential { return make(classes, init) }
}

// newViT makes the vision transformer of the tests and benchmarks.
func newViT(init layers.Init) *layers.Sequential {
	return layers.NewViT(vitConfig, init)
}

// newTokenViT makes one with a class token.
func newTokenViT(init layers.Init) *layers.Sequential {
	c := vitConfig
	c.ClassToken = true
	return layers.NewViT(c, init)
}

var vitConfig = layers.ViTConfig{Transformer: layers.Transformer{Width: 128, Heads: 4, Depth: 6}, Channels: 3, Height: 32, Width: 32, Patch: 4, Classes: 10}

// large reports whether making the network takes a noticeable time.
func (n network) large() bool { return n.params > 5_000_000 }

// TestNetworks pins the number of parameters and the result for one image. The results are right because TestPyTorch says so
// of the structure and TestInitBits of the initial values.
func TestNetworks(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			if n.large() && testing.Short() {
				t.Skip("a large network: not in -short")
			}
			net := n.make(layers.Init{Seed: 1, Scheme: layers.HeNormal})
			if err := net.Err(); err != nil {
				t.Fatal(err)
			}
			if got := layers.NumParams(net); got != n.params {
				t.Errorf("%d parameters, want %d", got, n.params)
			}
			tensors := 0
			for _, p := range net.Params() {
				if !p.Buffer {
					tensors++
				}
			}
			if tensors != n.tensors {
				t.Errorf("%d tensors, want %d", tensors, n.tensors)
			}
			logits, largest := evaluate(t, net, n.image), 0.0
			for _, v := range logits {
				largest = max(largest, math.Abs(v))
			}
			// Rounding errors do not depend on the size of a logit: they are at most 1.5e-6 of the largest one, with any
			// algorithm of convolutions and any kernels.
			if len(logits) != n.classes || !(math.Abs(logits[0]-n.logit) <= 1e-5*largest) {
				t.Errorf("logit %.6f of %d, want %.6f of %d", logits[0], len(logits), n.logit, n.classes)
			}
		})
	}
}

// evaluate returns the network's result for the image sin(0), sin(1), ... of the given shape, in float32.
func evaluate(t *testing.T, net layers.Layer, shape []int) []float64 {
	image := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(append([]int{1}, shape...)...))
	set(image, floats(wave(image.Shape(), math.Sin)))
	g := G.NewGraph()
	y, err := net.Forward(layers.NewBuilder(g, layers.Evaluation), G.NodeFromAny(g, image))
	if err != nil {
		t.Fatal(err)
	}
	var logits G.Value
	G.Read(y, &logits)
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		t.Fatal(err)
	}
	return floats(logits)
}
