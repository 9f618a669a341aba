package closedform

import (
	"fmt"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
)

// DeepLinear is a linear network of L layers that approximates a matrix, R = |W_L ... W_1 - Y|^2. W_j is (m_j, m_{j-1}) with
// the sizes m_0 and m_L of Y, (m_L, m_0), and the widths between.
//
// Noise E of standard deviation sigma in W_j adds B_j E A_j to the residual, with the products of the layers before and
// after it, A_j = W_{j-1} ... W_1 and B_j = W_L ... W_{j+1}, identities at the ends. Its expected square is sigma^2 |A_j|^2
// |B_j|^2. So noise on one layer, each with probability 1/L or all in turn, makes the expected loss
//
//	R + sigma^2/L S,   S = sum_j |A_j|^2 |B_j|^2
//
// exactly, for any sigma: R is a square of each layer. For L = 2 it is [Factorisation].
type DeepLinear struct {
	Y      *mat.Dense
	Widths []int // of the hidden layers
}

// Shapes returns the rows and columns of each layer, the first layer first.
func (d *DeepLinear) Shapes() [][2]int {
	out, in := d.Y.Dims()
	var shapes [][2]int
	for _, m := range append(append([]int(nil), d.Widths...), out) {
		shapes = append(shapes, [2]int{m, in})
		in = m
	}
	return shapes
}

// layers returns the layers as matrices over weights in row-major order.
func (d *DeepLinear) layers(weights [][]float64) ([]*mat.Dense, error) {
	shapes := d.Shapes()
	if len(weights) != len(shapes) {
		return nil, errors.Errorf("closedform: weights of %d layers, want %d", len(weights), len(shapes))
	}
	layers := make([]*mat.Dense, len(shapes))
	for j, s := range shapes {
		if len(weights[j]) != s[0]*s[1] {
			return nil, errors.Errorf("closedform: layer %d is (%d, %d), and has %d weights", j, s[0], s[1], len(weights[j]))
		}
		layers[j] = mat.NewDense(s[0], s[1], weights[j])
	}
	return layers, nil
}

// Product returns W_L ... W_1, (m_L, m_0).
func (d *DeepLinear) Product(weights [][]float64) (*mat.Dense, error) {
	layers, err := d.layers(weights)
	if err != nil {
		return nil, err
	}
	product := mat.DenseCopyOf(layers[0])
	for _, w := range layers[1:] {
		longer := new(mat.Dense)
		longer.Mul(w, product)
		product = longer
	}
	return product, nil
}

// Loss returns R + sigma^2/L S at the weights; for sigma 0 that is R.
func (d *DeepLinear) Loss(weights [][]float64, sigma float64) (float64, error) {
	layers, err := d.layers(weights)
	if err != nil {
		return 0, err
	}
	n := len(layers)
	before, after := make([]mat.Dense, n+1), make([]mat.Dense, n+1) // the products of the layers below j, and of those from j on
	out, in := d.Y.Dims()
	before[0].CloneFrom(identity(in))
	after[n].CloneFrom(identity(out))
	for j := range n {
		before[j+1].Mul(layers[j], &before[j])
		after[n-1-j].Mul(&after[n-j], layers[n-1-j])
	}
	square := func(m *mat.Dense) float64 { return floats.Dot(m.RawMatrix().Data, m.RawMatrix().Data) }
	squares := 0.0
	for j := range n {
		squares += square(&before[j]) * square(&after[j+1])
	}
	residual := before[n]
	residual.Sub(&residual, d.Y)
	return square(&residual) + sigma*sigma/float64(n)*squares, nil
}

// LossAll returns the expectation of R for noise of standard deviation sigma on all layers at once.
//
// Let P_j = (W_j + sigma E_j) P_{j-1} and G_j = E[P_j P_j']. Then G_j = W_j G_{j-1} W_j' + sigma^2 tr(G_{j-1}) I, and the
// mean of P_L is W_L ... W_1, as without noise. So the expectation is R + tr(G_L) - |W_L ... W_1|^2.
func (d *DeepLinear) LossAll(weights [][]float64, sigma float64) (float64, error) {
	layers, err := d.layers(weights)
	if err != nil {
		return 0, err
	}
	_, in := d.Y.Dims()
	var gram, product mat.Dense
	gram.CloneFrom(identity(in))
	product.CloneFrom(identity(in))
	for _, w := range layers {
		var half, next, longer mat.Dense
		half.Mul(w, &gram)
		next.Mul(&half, w.T())
		spread := sigma * sigma * mat.Trace(&gram)
		for i := range next.RawMatrix().Rows {
			next.Set(i, i, next.At(i, i)+spread)
		}
		longer.Mul(w, &product)
		gram, product = next, longer
	}
	square := func(m *mat.Dense) float64 { return floats.Dot(m.RawMatrix().Data, m.RawMatrix().Data) }
	added := mat.Trace(&gram) - square(&product)
	product.Sub(&product, d.Y)
	return square(&product) + added, nil
}

func identity(n int) mat.Matrix {
	diagonal := mat.NewDiagDense(n, nil)
	for i := range n {
		diagonal.SetDiag(i, 1)
	}
	return diagonal
}

// Graph adds R + sigma^2/L S to g, with learnables W1, W2, ... over the given slices of initial weights. Use sigma 0, which
// gives R, to train with noise, and another sigma to train without noise on the closed form.
func (d *DeepLinear) Graph(g *G.ExprGraph, weights [][]float64, sigma float64) (loss *G.Node, learnables G.Nodes, err error) {
	if _, err := d.layers(weights); err != nil {
		return nil, nil, err
	}
	shapes := d.Shapes()
	for j, s := range shapes {
		learnables = append(learnables, matrixOf(g, fmt.Sprint("W", j+1), s[0], s[1], weights[j]))
	}
	n := len(shapes)
	b := builder{}
	square := func(m *G.Node) *G.Node { return b.node(G.Sum(b.node(G.Square(m)))) }
	before, after := make(G.Nodes, n+1), make(G.Nodes, n+1) // as in Loss; nil for an identity
	for j, w := range learnables {
		before[j+1] = b.times(w, before[j])
	}
	for j := n - 1; j > 0; j-- {
		after[j] = b.times(after[j+1], learnables[j])
	}
	loss = square(b.node(G.Sub(before[n], matrixNode(g, "Y", d.Y))))
	if sigma == 0 {
		return loss, learnables, b.err
	}
	out, in := d.Y.Dims()
	for j := range n {
		factor := sigma * sigma / float64(n)
		var term *G.Node
		switch {
		case n == 1:
			return b.node(G.Add(loss, G.NewConstant(factor*float64(in*out)))), learnables, b.err
		case j == 0:
			factor *= float64(in)
			term = square(after[1])
		case j == n-1:
			factor *= float64(out)
			term = square(before[j])
		default:
			term = b.node(G.Mul(square(before[j]), square(after[j+1])))
		}
		loss = b.node(G.Add(loss, b.node(G.Mul(term, G.NewConstant(factor)))))
	}
	return loss, learnables, b.err
}

// times multiplies two matrices; nil is an identity.
func (b *builder) times(x, y *G.Node) *G.Node {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return b.node(G.Mul(x, y))
}
