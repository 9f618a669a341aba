package layers_test

import (
	"strings"
	"testing"

	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// halves is a world of two ranks that have the same numbers.
type halves struct{ sums int }

func (*halves) Rank() int                         { return 0 }
func (*halves) Size() int                         { return 2 }
func (*halves) Share(data []byte) ([]byte, error) { return data, nil }
func (*halves) Withdraw(int, string) error        { return nil }

func (h *halves) Sum(x []float64) error {
	h.sums++
	for i := range x {
		x[i] *= 2
	}
	return nil
}

// opaque is a custom layer.
type opaque struct{ layers.Layer }

// TestSyncBatchNormFinds: every batch norm of a network exchanges numbers twice in a training pass, and none in an evaluation.
func TestSyncBatchNormFinds(t *testing.T) {
	net := layers.NewResNet18(10, layers.Init{Seed: 1})
	world := new(halves)
	if err := layers.SyncBatchNorm(net, world); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[layers.Mode]int{layers.Training: 20, layers.Evaluation: 0} {
		world.sums = 0
		x := tensor.New(tensor.WithShape(1, 3, 8, 8), tensor.Of(tensor.Float32)) // one image per rank, and at the end one pixel
		g := G.NewGraph()
		y, err := net.Forward(layers.NewBuilder(g, mode), G.NewTensor(g, tensor.Float32, 4, G.WithShape(1, 3, 8, 8), G.WithName("x"), G.WithValue(x)))
		if err != nil {
			t.Fatal(err)
		}
		vm := G.NewTapeMachine(y.Graph())
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if world.sums != want {
			t.Errorf("mode %v: %d exchanges, want %d", mode, world.sums, want)
		}
	}
}

// TestSyncBatchNormMisuse: what cannot be synchronised is an error, and is not changed.
func TestSyncBatchNormMisuse(t *testing.T) {
	norm := func(name string) *layers.BatchNorm { return layers.NewBatchNorm(name, 3, layers.Init{}) }
	first, inner := norm("bn1"), norm("bn2")
	net := layers.NewSequential(first, opaque{inner})
	world, other := new(halves), new(halves)
	if err := layers.SyncBatchNorm(net, world); err == nil || !strings.Contains(err.Error(), "bn2.running_mean") {
		t.Errorf("a layer that keeps statistics of its own: %v", err)
	}
	forward := func(net layers.Layer) error {
		x := tensor.New(tensor.WithShape(4, 3), tensor.Of(tensor.Float32))
		g := G.NewGraph()
		y, err := net.Forward(layers.NewBuilder(g, layers.Training), G.NewMatrix(g, tensor.Float32, G.WithShape(4, 3), G.WithName("x"), G.WithValue(x)))
		if err != nil {
			return err
		}
		return G.NewTapeMachine(y.Graph()).RunAll()
	}
	if err := forward(net); err != nil || world.sums > 0 {
		t.Errorf("after the error: %d exchanges, %v", world.sums, err)
	}
	for norm, world := range map[*layers.BatchNorm]layers.World{first: world, inner: other} {
		if err := layers.SyncBatchNorm(norm, world); err != nil {
			t.Fatal(err)
		}
	}
	if err := forward(net); err == nil || !strings.Contains(err.Error(), "over two worlds") {
		t.Errorf("two worlds: %v", err)
	}
	if err := layers.SyncBatchNorm(net, nil); err == nil {
		t.Error("no world is no error")
	}
	if err := layers.SyncBatchNorm(nil, world); err == nil {
		t.Error("no network is no error")
	}
}
