package closedform

import (
	"math"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
)

// Factorisation is a linear network with one hidden layer that approximates a matrix, R = |W2 W1 - Y|^2. The weights are W1,
// (Width, d0), and W2, (d2, Width); Y is (d2, d0).
//
// Noise A in W1 and B in W2 adds W2 A + B W1 + B A to the residual: three uncorrelated terms with the expected squares d0
// |W2|^2, d2 |W1|^2 and d0 Width d2. Hence
//
//	S = d2 |W1|^2 + d0 |W2|^2,   F = d0 Width d2,   P = 2 sqrt(d0 d2) |W2 W1|_*
//
// with the nuclear norm, the sum of the singular values. The minimiser of |M - Y|^2 + strength*P has the singular vectors of
// Y and its singular values reduced by strength*sqrt(d0 d2), but not below zero.
type Factorisation struct {
	Y     *mat.Dense
	Width int // at least the rank of the solution
}

// dims returns the sizes of the network's input and output.
func (f *Factorisation) dims() (d0, d2 int) {
	d2, d0 = f.Y.Dims()
	return d0, d2
}

// Graph builds R from W1 and W2.
func (f *Factorisation) Graph(g *G.ExprGraph, weights [2][]float64) (*G.Node, G.Nodes, error) {
	d0, d2 := f.dims()
	w1 := matrixOf(g, "W1", f.Width, d0, weights[0])
	w2 := matrixOf(g, "W2", d2, f.Width, weights[1])
	b := builder{}
	residual := b.node(G.Sub(b.node(G.Mul(w2, w1)), matrixNode(g, "Y", f.Y)))
	loss := b.node(G.Sum(b.node(G.Square(residual))))
	return loss, G.Nodes{w1, w2}, b.err
}

// Sizes returns the numbers of weights in W1 and W2.
func (f *Factorisation) Sizes() [2]int {
	d0, d2 := f.dims()
	return [2]int{f.Width * d0, d2 * f.Width}
}

// Solution returns W2 W1, row by row.
func (f *Factorisation) Solution(weights [2][]float64) []float64 {
	d0, d2 := f.dims()
	var product mat.Dense
	product.Mul(mat.NewDense(d2, f.Width, weights[1]), mat.NewDense(f.Width, d0, weights[0]))
	return product.RawMatrix().Data
}

// Loss returns R at a matrix, given row by row.
func (f *Factorisation) Loss(m []float64) float64 {
	distance := floats.Distance(m, f.Y.RawMatrix().Data, 2)
	return distance * distance
}

// Squares returns S.
func (f *Factorisation) Squares(weights [2][]float64) float64 {
	d0, d2 := f.dims()
	return float64(d2)*floats.Dot(weights[0], weights[0]) + float64(d0)*floats.Dot(weights[1], weights[1])
}

// Fourth returns F.
func (f *Factorisation) Fourth() float64 {
	d0, d2 := f.dims()
	return float64(d0) * float64(f.Width) * float64(d2)
}

// Penalty returns P of a matrix, given row by row.
func (f *Factorisation) Penalty(m []float64) float64 {
	d0, d2 := f.dims()
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(d2, d0, m), mat.SVDNone) {
		return math.NaN()
	}
	return 2 * math.Sqrt(float64(d0)*float64(d2)) * floats.Sum(svd.Values(nil))
}

// Minimiser returns Y with its singular values soft-thresholded by strength*sqrt(d0 d2), row by row.
func (f *Factorisation) Minimiser(strength float64) ([]float64, error) {
	d0, d2 := f.dims()
	var svd mat.SVD
	if !svd.Factorize(f.Y, mat.SVDThin) {
		return nil, errors.New("closedform: the singular value decomposition of Y has not converged")
	}
	values := svd.Values(nil)
	for i, s := range values {
		values[i] = math.Max(0, s-strength*math.Sqrt(float64(d0)*float64(d2)))
	}
	var u, v, m mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	m.Product(&u, mat.NewDiagDense(len(values), values), v.T())
	return m.RawMatrix().Data, nil
}
