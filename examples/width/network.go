package main

import (
	"math"
	"math/rand/v2"

	"github.com/layernoise/layernoise/internal/closedform"
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

// network is the graph of R = |W2 f(W1 X) - Y|^2/n with f the identity or a ReLU, at weights where R is zero. X has orthogonal
// rows of length sqrt(n), so that for a linear network R = |W2 W1 - M|^2 with the matrix M that it computes.
type network struct {
	weights    [2][]float64 // W1 (width, inputs) and W2 (outputs, width)
	learnables G.Nodes
	loss       G.Value
	vm         G.VM
}

// widened returns the weights of a random network of the width, a multiple of units. Whatever the width, it computes the same
// function: each unit stands there width/units times, with its weights divided by the root of that number. The norms of
// the weights do not depend on the width either.
func widened(seed uint64, width int) [2][]float64 {
	random := rand.New(rand.NewPCG(seed, 1))
	draw := func(fanIn int) func(int, int, float64) float64 {
		return func(int, int, float64) float64 { return random.NormFloat64() / math.Sqrt(float64(fanIn)) }
	}
	narrow1, narrow2 := mat.NewDense(units, inputs, nil), mat.NewDense(outputs, units, nil)
	narrow1.Apply(draw(inputs), narrow1)
	narrow2.Apply(draw(units), narrow2)
	scale := math.Sqrt(float64(width / units))
	w1, w2 := mat.NewDense(width, inputs, nil), mat.NewDense(outputs, width, nil)
	w1.Apply(func(i, j int, _ float64) float64 { return narrow1.At(i%units, j) / scale }, w1)
	w2.Apply(func(i, j int, _ float64) float64 { return narrow2.At(i, j%units) / scale }, w2)
	return [2][]float64{w1.RawMatrix().Data, w2.RawMatrix().Data}
}

// newNetwork builds the graph.
func newNetwork(seed uint64, width int, relu bool) (*network, error) {
	n := &network{weights: widened(seed, width)}
	g := G.NewGraph()
	node := func(name string, rows, cols int, data []float64) *G.Node {
		value := tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(data))
		return G.NewMatrix(g, tensor.Float64, G.WithName(name), G.WithShape(rows, cols), G.WithValue(value))
	}
	w1, w2 := node("W1", width, inputs, n.weights[0]), node("W2", outputs, width, n.weights[1])
	x := orthogonalRows(seed)
	hidden, err := G.Mul(w1, node("X", inputs, samples, x.RawMatrix().Data))
	if err == nil && relu {
		hidden, err = G.Rectify(hidden)
	}
	if err != nil {
		return nil, errors.Wrap(err, "hidden layer")
	}
	y := n.outputs(x, width, relu)
	loss, err := meanSquares(hidden, w2, node("Y", outputs, samples, y.RawMatrix().Data))
	if err != nil {
		return nil, errors.Wrap(err, "loss")
	}
	n.learnables = G.Nodes{w1, w2}
	G.Read(loss, &n.loss)
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

// outputs returns what the network computes of x.
func (n *network) outputs(x *mat.Dense, width int, relu bool) *mat.Dense {
	var hidden, out mat.Dense
	hidden.Mul(mat.NewDense(width, inputs, n.weights[0]), x)
	if relu {
		hidden.Apply(func(_, _ int, v float64) float64 { return math.Max(0, v) }, &hidden)
	}
	out.Mul(mat.NewDense(outputs, width, n.weights[1]), &hidden)
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

// form is what the closed forms say of a linear network.
type form struct{ extra, loss, gradient float64 }

func formAll(weights [2][]float64, width int, sigma float64) form {
	f := factorisation(width)
	sigma /= math.Sqrt2
	return form{closedform.ExtraAll(f, weights, sigma), f.LossVarianceAll(weights, sigma), f.GradientVarianceAll(weights, sigma)}
}

func formLayer(weights [2][]float64, width int, sigma float64) form {
	f := factorisation(width)
	return form{closedform.ExtraLayer(f, weights, sigma), f.LossVarianceLayer(weights, sigma), f.GradientVarianceLayer(weights, sigma)}
}

// factorisation returns the linear network's problem. The closed forms do not ask for the matrix that it approximates.
func factorisation(width int) *closedform.Factorisation {
	return &closedform.Factorisation{Y: mat.NewDense(outputs, inputs, nil), Width: width}
}
