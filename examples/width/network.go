package main

import (
	"math"
	"math/rand/v2"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Sizes of the network before it is widened.
const (
	inputs  = 10
	units   = 10
	outputs = 10
	samples = 32
)

// network is the graph of R = |W2 f(W1 X) - Y|^2/n with f the identity or a ReLU, at weights where R is zero: Y is what they
// compute. X has orthogonal rows of length sqrt(n), so that for a linear network R = |W2 W1 - M|^2, where M is the matrix
// that it computes.
type network struct {
	learnables G.Nodes
	loss       *G.Value // allocated separately from vm: a cycle with the machine, which has a finalizer, would leak
	vm         G.VM
}

// weights are W1 (width, inputs) and W2 (outputs, width), row by row.
type weights = [2][]float64

// split returns the weights of a random network of the given width, a multiple of units. It computes the same function for
// any width: each unit occurs width/units times, with its weights divided by the square root of that number. The norms of
// the weights do not depend on the width either.
func split(seed uint64, width int) weights {
	narrow := small(seed, units)
	scale := math.Sqrt(float64(width / units))
	w1, w2 := mat.NewDense(units, inputs, narrow[0]), mat.NewDense(outputs, units, narrow[1])
	return each(width, func(i, j int) float64 { return w1.At(i%units, j) / scale }, func(i, j int) float64 { return w2.At(i, j%units) / scale })
}

// he returns weights initialised as by K. He et al., https://arxiv.org/abs/1502.01852: independent, with variance 2/fan-in.
func he(seed uint64, width int) weights {
	return independent(seed, width, 2.0/inputs, 2/float64(width))
}

// small returns independent weights of variance 1/width.
func small(seed uint64, width int) weights {
	return independent(seed, width, 1/float64(width), 1/float64(width))
}

// independent draws weights of the given variances.
func independent(seed uint64, width int, variance1, variance2 float64) weights {
	random := rand.New(rand.NewPCG(seed, 1))
	draw := func(variance float64) func(int, int) float64 {
		return func(int, int) float64 { return random.NormFloat64() * math.Sqrt(variance) }
	}
	return each(width, draw(variance1), draw(variance2))
}

// each makes weights from functions of their indices in W1 and in W2.
func each(width int, first, second func(i, j int) float64) weights {
	w1, w2 := mat.NewDense(width, inputs, nil), mat.NewDense(outputs, width, nil)
	w1.Apply(func(i, j int, _ float64) float64 { return first(i, j) }, w1)
	w2.Apply(func(i, j int, _ float64) float64 { return second(i, j) }, w2)
	return weights{w1.RawMatrix().Data, w2.RawMatrix().Data}
}

// newNetwork builds the graph. It takes ownership of the weights.
func newNetwork(w weights, x *mat.Dense, relu bool) (*network, error) {
	n, width := &network{}, len(w[0])/inputs
	g := G.NewGraph()
	node := func(name string, rows, cols int, data []float64) *G.Node {
		value := tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(data))
		return G.NewMatrix(g, tensor.Float64, G.WithName(name), G.WithShape(rows, cols), G.WithValue(value))
	}
	w1, w2 := node("W1", width, inputs, w[0]), node("W2", outputs, width, w[1])
	hidden, err := G.Mul(w1, node("X", inputs, samples, x.RawMatrix().Data))
	if err == nil && relu {
		hidden, err = G.Rectify(hidden)
	}
	if err != nil {
		return nil, errors.Wrap(err, "hidden layer")
	}
	y := compute(w, x, relu)
	loss, err := meanSquares(hidden, w2, node("Y", outputs, samples, y.RawMatrix().Data))
	if err != nil {
		return nil, errors.Wrap(err, "loss")
	}
	n.learnables = G.Nodes{w1, w2}
	n.loss = new(G.Value)
	G.Read(loss, n.loss)
	if _, err := G.Grad(loss, n.learnables...); err != nil {
		return nil, errors.Wrap(err, "gradient")
	}
	n.vm = G.NewTapeMachine(g, G.BindDualValues(n.learnables...))
	return n, nil
}

// meanSquares builds |W2 H - Y|^2/n.
func meanSquares(hidden, w2, y *G.Node) (*G.Node, error) {
	out, err := G.Mul(w2, hidden)
	if err != nil {
		return nil, err
	}
	residual, err := G.Sub(out, y)
	if err != nil {
		return nil, err
	}
	squares, err := G.Square(residual)
	if err != nil {
		return nil, err
	}
	sum, err := G.Sum(squares)
	if err != nil {
		return nil, err
	}
	return G.Mul(sum, G.NewConstant(1.0/samples))
}

// compute returns the output of a network with the given weights for x.
func compute(w weights, x *mat.Dense, relu bool) *mat.Dense {
	width := len(w[0]) / inputs
	var hidden, out mat.Dense
	hidden.Mul(mat.NewDense(width, inputs, w[0]), x)
	if relu {
		hidden.Apply(func(_, _ int, v float64) float64 { return math.Max(0, v) }, &hidden)
	}
	out.Mul(mat.NewDense(outputs, width, w[1]), &hidden)
	return &out
}

// orthogonalRows draws the inputs, (inputs, samples).
func orthogonalRows(seed uint64) *mat.Dense {
	random := rand.New(rand.NewPCG(seed, 2))
	draw := mat.NewDense(samples, inputs, nil)
	draw.Apply(func(int, int, float64) float64 { return random.NormFloat64() }, draw)
	var qr mat.QR
	var q, x mat.Dense
	qr.Factorize(draw)
	qr.QTo(&q)
	x.Scale(math.Sqrt(samples), q.Slice(0, samples, 0, inputs).T())
	return &x
}
