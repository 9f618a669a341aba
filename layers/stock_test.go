package layers_test

import (
	"math"
	"testing"

	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestStockOperations trains a network of this package and one of Gorgonia's own operations from the same weights, on the same
// batches, with the same solver: the losses must agree.
func TestStockOperations(t *testing.T) {
	const batch, steps = 7, 25
	widths := []int{12, 9, 8, 4}
	net := layers.NewMLP(layers.Init{Seed: 6, Dtype: tensor.Float64}, widths...)
	model, err := layers.NewClassifier(net, batch, widths[0])
	if err != nil {
		t.Fatal(err)
	}
	images := random(8, tensor.Float64, batch, widths[0])
	labels := []int{3, 0, 1, 2, 2, 0, 1}
	stock := newStockMLP(t, net, images, labels)
	want := stock.train(t, steps)

	batches := &list{images: []*tensor.Dense{images}, labels: [][]int{labels}}
	history, err := model.Fit(ctx, batches, G.NewMomentum(G.WithLearnRate(0.1)), layers.FitConfig{Epochs: steps})
	if err != nil {
		t.Fatal(err)
	}
	for i, loss := range history.Losses {
		if !(math.Abs(loss-want[i]) <= 1e-10) {
			t.Fatalf("step %d: loss %v, with stock operations %v", i, loss, want[i])
		}
	}
	if last := history.Losses[steps-1]; !(last < history.Losses[0]/2) {
		t.Errorf("loss went from %v to %v: the test tests little", history.Losses[0], last)
	}
}

// stockMLP is a perceptron made of Gorgonia's own operations.
type stockMLP struct {
	learnables G.Nodes
	cost       G.Value
	vm         G.VM
}

// newStockMLP copies the weights of net, dense layers with ReLUs between them.
func newStockMLP(t *testing.T, net layers.Layer, images *tensor.Dense, labels []int) *stockMLP {
	g := G.NewGraph()
	s := &stockMLP{}
	x := G.NodeFromAny(g, images, G.WithName("x"))
	params := net.Params()
	for i := 0; i < len(params); i += 2 {
		w := G.NodeFromAny(g, params[i].Value.Clone().(*tensor.Dense), G.WithName(params[i].Name))
		b := params[i+1].Value.Clone().(*tensor.Dense)
		if err := b.Reshape(1, b.Size()); err != nil {
			t.Fatal(err)
		}
		bias := G.NodeFromAny(g, b, G.WithName(params[i+1].Name))
		s.learnables = append(s.learnables, w, bias)
		if i > 0 {
			x = G.Must(G.Rectify(x))
		}
		x = G.Must(G.BroadcastAdd(G.Must(G.Mul(x, G.Must(G.Transpose(w)))), bias, nil, []byte{0}))
	}
	n, classes := x.Shape()[0], x.Shape()[1]
	oneHot := make([]float64, n*classes)
	for i, l := range labels {
		oneHot[i*classes+l] = -1 / float64(n)
	}
	y := G.NodeFromAny(g, tensor.New(tensor.WithShape(n, classes), tensor.WithBacking(oneHot)), G.WithName("y"))
	cost := G.Must(G.Sum(G.Must(G.HadamardProd(y, G.Must(G.Log(G.Must(G.SoftMax(x))))))))
	G.Read(cost, &s.cost)
	if _, err := G.Grad(cost, s.learnables...); err != nil {
		t.Fatal(err)
	}
	s.vm = G.NewTapeMachine(g, G.BindDualValues(s.learnables...))
	return s
}

// train returns the loss before each step.
func (s *stockMLP) train(t *testing.T, steps int) []float64 {
	solver := G.NewMomentum(G.WithLearnRate(0.1))
	var losses []float64
	for range steps {
		if err := s.vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		losses = append(losses, floats(s.cost)...)
		if err := solver.Step(G.NodesToValueGrads(s.learnables)); err != nil {
			t.Fatal(err)
		}
		s.vm.Reset()
	}
	return losses
}
