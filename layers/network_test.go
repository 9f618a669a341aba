package layers_test

import (
	"testing"

	"github.com/layernoise/layernoise/layers"
)

// network is one of the networks that this package builds.
type network struct {
	name            string
	make            func(layers.Init) *layers.Sequential
	image           []int
	classes         int
	params, tensors int // learnt numbers and the tensors they are in
}

var networks = []network{
	{"mlp1", layers.NewMLP1, []int{784}, 10, 898_510, 8},
	{"mlp2", layers.NewMLP2, []int{784}, 10, 53_985_010, 8},
	{"mlp3", layers.NewMLP3, []int{784}, 10, 4_799_010, 12},
	{"cnn1", layers.NewCNN1, []int{3, 32, 32}, 10, 62_006, 10},
	{"cnn2", layers.NewCNN2, []int{3, 32, 32}, 10, 334_346, 10},
	{"cnn3", layers.NewCNN3, []int{3, 32, 32}, 10, 1_028_066, 12},
	{"resnet18", layers.NewResNet18, []int{3, 32, 32}, 10, 11_173_962, 62},
	{"resnet34", layers.NewResNet34, []int{3, 32, 32}, 10, 21_282_122, 110},
	{"vgg11", layers.NewVGG11, []int{3, 32, 32}, 100, 28_518_244, 38},
}

// large says that making the network takes a noticeable time.
func (n network) large() bool { return n.params > 5_000_000 }

func TestParameterCounts(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			if n.large() && testing.Short() {
				t.Skip("a large network: not in -short")
			}
			net := n.make(layers.Init{Seed: 1})
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
		})
	}
}
