package closedform

import (
	"math"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Regression is least squares with coefficients in groups, R = |X beta - y|^2/(2n) and beta_g = u_g v_g, where u_g is a
// number and v_g a vector of K numbers. The weights are u and v. With K = 1 it is beta = u.v, elementwise.
//
// Let the columns of each group be orthogonal and of equal length, X_g'X_g = n c_g I, as is always the case for K = 1. Then
// noise a in u and b in v adds X_g(a_g v_g + u_g b_g + a_g b_g) to the residual: three uncorrelated terms with the expected
// squares n c_g times |v_g|^2, K u_g^2 and K. Hence
//
//	S = sum_g c_g (|v_g|^2 + K u_g^2)/2,   F = sum_g c_g K/2,   P = sum_g sqrt(K) c_g |beta_g|
//
// and the minimiser is that of the group lasso, for K = 1 that of the lasso.
type Regression struct {
	K     int
	X     *mat.Dense // n rows, a column for each coefficient, group by group
	Y     []float64
	scale []float64 // c of each group
}

// orthogonality is how far X_g'X_g/n may be from c_g I, relative to c_g.
const orthogonality = 1e-9

// NewRegression returns the regression of y on x with groups of k columns.
func NewRegression(x *mat.Dense, y []float64, k int) (*Regression, error) {
	n, d := x.Dims()
	if k < 1 || d%k != 0 || len(y) != n {
		return nil, errors.Errorf("closedform: X (%d, %d), y (%d), groups of %d", n, d, len(y), k)
	}
	r := &Regression{K: k, X: x, Y: y, scale: make([]float64, d/k)}
	var gram mat.Dense
	for g := range r.scale {
		xg := r.columns(g)
		gram.Reset()
		gram.Mul(xg.T(), xg)
		c := gram.At(0, 0) / float64(n)
		for i := range k {
			for j := range k {
				want := 0.0
				if i == j {
					want = c
				}
				if !(math.Abs(gram.At(i, j)/float64(n)-want) <= orthogonality*c) {
					return nil, errors.Errorf("closedform: the columns of group %d are not orthogonal and of one length", g)
				}
			}
		}
		r.scale[g] = c
	}
	return r, nil
}

// columns returns X_g, (n, K).
func (r *Regression) columns(g int) mat.Matrix {
	n, _ := r.X.Dims()
	return r.X.Slice(0, n, g*r.K, (g+1)*r.K)
}

// Graph builds R from u (groups) and v (groups*K).
func (r *Regression) Graph(g *G.ExprGraph, weights [2][]float64) (*G.Node, G.Nodes, error) {
	n, d := r.X.Dims()
	groups := len(r.scale)
	u := vectorNode(g, "u", weights[0])
	v := vectorNode(g, "v", weights[1])
	spread := mat.NewDense(d, groups, nil) // repeats u_g for each column of the group
	for i := range d {
		spread.Set(i, i/r.K, 1)
	}
	b := builder{}
	repeated := b.node(G.Mul(matrixNode(g, "spread", spread), u))
	beta := b.node(G.HadamardProd(repeated, v))
	predicted := b.node(G.Mul(matrixNode(g, "X", r.X), beta))
	residual := b.node(G.Sub(predicted, vectorNode(g, "y", r.Y)))
	sum := b.node(G.Sum(b.node(G.Square(residual))))
	loss := b.node(G.Mul(sum, G.NewConstant(1/(2*float64(n)))))
	return loss, G.Nodes{u, v}, b.err
}

// Sizes returns the numbers of groups and of coefficients.
func (r *Regression) Sizes() [2]int { return [2]int{len(r.scale), len(r.scale) * r.K} }

// Solution returns beta.
func (r *Regression) Solution(weights [2][]float64) []float64 {
	beta := make([]float64, len(weights[1]))
	for i, v := range weights[1] {
		beta[i] = weights[0][i/r.K] * v
	}
	return beta
}

// Loss returns R at beta.
func (r *Regression) Loss(beta []float64) float64 {
	residual := r.residual(beta)
	return floats.Dot(residual, residual) / (2 * float64(len(residual)))
}

// residual returns y - X beta.
func (r *Regression) residual(beta []float64) []float64 {
	residual := mat.NewVecDense(len(r.Y), nil)
	residual.MulVec(r.X, mat.NewVecDense(len(beta), beta))
	residual.SubVec(mat.NewVecDense(len(r.Y), r.Y), residual)
	return residual.RawVector().Data
}

// Squares returns S.
func (r *Regression) Squares(weights [2][]float64) float64 {
	sum := 0.0
	for g, c := range r.scale {
		u, v := weights[0][g], r.group(weights[1], g)
		sum += c * (floats.Dot(v, v) + float64(r.K)*u*u) / 2
	}
	return sum
}

// Fourth returns F.
func (r *Regression) Fourth() float64 { return floats.Sum(r.scale) * float64(r.K) / 2 }

// Penalty returns P. By the inequality of arithmetic and geometric means |v|^2 + K u^2 >= 2 sqrt(K) |u| |v|, with equality
// if |v| = sqrt(K) |u|.
func (r *Regression) Penalty(beta []float64) float64 {
	sum := 0.0
	for g, c := range r.scale {
		sum += math.Sqrt(float64(r.K)) * c * floats.Norm(r.group(beta, g), 2)
	}
	return sum
}

// group returns the numbers of beta or v that belong to a group.
func (r *Regression) group(x []float64, g int) []float64 { return x[g*r.K : (g+1)*r.K] }

// vectorNode and matrixNode make nodes over the numbers, without copying them.
func vectorNode(g *G.ExprGraph, name string, x []float64) *G.Node {
	value := tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x))
	return G.NewVector(g, tensor.Float64, G.WithName(name), G.WithShape(len(x)), G.WithValue(value))
}

func matrixNode(g *G.ExprGraph, name string, x *mat.Dense) *G.Node {
	rows, cols := x.Dims()
	return matrixOf(g, name, rows, cols, x.RawMatrix().Data)
}

func matrixOf(g *G.ExprGraph, name string, rows, cols int, x []float64) *G.Node {
	value := tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(x))
	return G.NewMatrix(g, tensor.Float64, G.WithName(name), G.WithShape(rows, cols), G.WithValue(value))
}

// builder keeps the first error of a sequence of graph operations.
type builder struct{ err error }

func (b *builder) node(n *G.Node, err error) *G.Node {
	if b.err == nil {
		b.err = errors.Wrap(err, "closedform: graph")
	}
	return n
}
