package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/layernoise/layernoise/datasets"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// widths of the network, from pixels to classes.
var widths = []int{784, 256, 256, 256, 10}

// network is a perceptron, written as Gorgonia users would.
type network struct {
	g          *G.ExprGraph
	x, y       *G.Node // a batch of images (batch, 784) and of classes, one-hot (batch, 10)
	learnables G.Nodes
	cost       *G.Node // mean cross entropy
	loss       G.Value // its value
	logProb    G.Value // logarithms of the probabilities, (batch, 10)
}

// newWeights draws the initial weights of every layer uniformly in ±1/sqrt(inputs), as PyTorch does. Biases are zero.
func newWeights(seed uint64) []*tensor.Dense {
	random := rand.New(rand.NewPCG(seed, 0))
	var weights []*tensor.Dense
	for i := 1; i < len(widths); i++ {
		w := make([]float32, widths[i-1]*widths[i])
		for j := range w {
			w[j] = float32((2*random.Float64() - 1) / math.Sqrt(float64(widths[i-1])))
		}
		weights = append(weights,
			tensor.New(tensor.WithShape(widths[i-1], widths[i]), tensor.WithBacking(w)),
			tensor.New(tensor.WithShape(widths[i]), tensor.WithBacking(make([]float32, widths[i]))))
	}
	return weights
}

// newNetwork builds the graph over weights, which several graphs may share.
func newNetwork(batch int, weights []*tensor.Dense) *network {
	n := &network{g: G.NewGraph()}
	n.x = G.NewMatrix(n.g, tensor.Float32, G.WithShape(batch, widths[0]), G.WithName("x"))
	n.y = G.NewMatrix(n.g, tensor.Float32, G.WithName("y"),
		G.WithValue(tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(batch, widths[len(widths)-1]))))

	h := n.x
	for i := 0; i < len(weights); i += 2 {
		if i > 0 {
			h = G.Must(G.Rectify(h))
		}
		w := G.NewMatrix(n.g, tensor.Float32, G.WithName(fmt.Sprintf("w%d", i/2)), G.WithValue(weights[i]))
		b := G.NewVector(n.g, tensor.Float32, G.WithName(fmt.Sprintf("b%d", i/2)), G.WithValue(weights[i+1]))
		n.learnables = append(n.learnables, w, b)
		h = G.Must(G.BroadcastAdd(G.Must(G.Mul(h, w)), b, nil, []byte{0}))
	}
	logProb := G.Must(G.LogSoftMax(h)) // Log of SoftMax would be -Inf for probabilities below the smallest float32
	n.cost = G.Must(G.Neg(G.Must(G.Mean(G.Must(G.Sum(G.Must(G.HadamardProd(logProb, n.y)), 1))))))
	G.Read(n.cost, &n.loss)
	G.Read(logProb, &n.logProb)
	return n
}

// feed puts a batch into the graph.
func (n *network) feed(batch *datasets.Loader) error {
	y := n.y.Value().Data().([]float32)
	clear(y)
	for i, label := range batch.Labels() {
		y[i*widths[len(widths)-1]+label] = 1
	}
	return G.Let(n.x, batch.Images())
}
