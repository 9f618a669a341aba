package closedform

import (
	"math"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// ReLU is a network with one hidden layer on n inputs, the columns of X, with R = |W2 relu(W1 X) - Y|^2/n, where Y is the
// network's output without noise, so that R(w) is zero. The weights are W1, (Width, d0), and W2, (d2, Width). Unlike for the
// linear network, what noise adds is not a sum of squares, but it is known for any sigma.
//
// With noise A in W1, unit j has the input z + s g at an input x, where z is its input without noise, s = sigma |x|, and g
// is a standard normal number, independent for each unit. Let mean and square be the expectations of relu(z + s g) and of
// its square. Then, summed over the inputs and divided by n,
//
//	E |W2 relu((W1 + sigma*A) x) - W2 relu(W1 x)|^2 = |W2 (mean - relu(z))|^2 + sum_j |W2_j|^2 (square_j - mean_j^2)
//
// with the columns W2_j: the first part is the bias that the kink makes of noise, the second the variance. Noise B in W2 is
// multiplied by the output of the hidden units and adds sigma^2 d2 |relu(z)|^2, or, with noise in both, sigma^2 d2 sum_j
// square_j.
type ReLU struct {
	X       *mat.Dense // d0 rows, a column for each input
	Width   int
	Outputs int       // d2
	Bias    []float64 // biases of the hidden units, which take no noise; nil for zeros
}

// reluParts is what noise adds to R: in W1 alone, in W2 alone, and in W2 when W1 is noisy too.
type reluParts struct{ first, second, secondAfterFirst float64 }

// parts sums over the inputs and the hidden units, with a standard deviation for each matrix.
func (r *ReLU) parts(weights [2][]float64, sigma [2]float64) (reluParts, error) {
	d0, n := r.X.Dims()
	if len(weights[0]) != r.Width*d0 || len(weights[1]) != r.Outputs*r.Width || r.Bias != nil && len(r.Bias) != r.Width {
		return reluParts{}, errors.Errorf("closedform: %d and %d weights and %d biases of a network %d-%d-%d",
			len(weights[0]), len(weights[1]), len(r.Bias), d0, r.Width, r.Outputs)
	}
	w2 := mat.NewDense(r.Outputs, r.Width, weights[1])
	var z mat.Dense // inputs of the hidden units
	z.Mul(mat.NewDense(r.Width, d0, weights[0]), r.X)
	if r.Bias != nil {
		z.Apply(func(j, _ int, z float64) float64 { return z + r.Bias[j] }, &z)
	}
	columns := make([]float64, r.Width) // |W2_j|^2
	for j := range columns {
		column := mat.Col(nil, j, w2)
		columns[j] = floats.Dot(column, column)
	}
	var p reluParts
	variance2 := float64(r.Outputs) * sigma[1] * sigma[1]
	shift, bias := mat.NewVecDense(r.Width, nil), mat.NewVecDense(r.Outputs, nil)
	for i := range n {
		s := sigma[0] * floats.Norm(mat.Col(nil, i, r.X), 2)
		for j := range r.Width {
			clean := math.Max(0, z.At(j, i))
			mean, square := rectified(z.At(j, i), s)
			shift.SetVec(j, mean-clean)
			p.first += columns[j] * (square - mean*mean)
			p.second += variance2 * clean * clean
			p.secondAfterFirst += variance2 * square
		}
		bias.MulVec(w2, shift)
		p.first += mat.Dot(bias, bias)
	}
	return reluParts{p.first / float64(n), p.second / float64(n), p.secondAfterFirst / float64(n)}, nil
}

// rectified returns the expectations of relu(z + s g) and of its square for a standard normal g and s > 0:
//
//	z P(z/s) + s p(z/s)   and   (z^2 + s^2) P(z/s) + z s p(z/s)
//
// with P and p the distribution function and density of the normal distribution.
func rectified(z, s float64) (mean, square float64) {
	if s == 0 {
		mean = math.Max(0, z)
		return mean, mean * mean
	}
	below, density := distuv.UnitNormal.CDF(z/s), distuv.UnitNormal.Prob(z/s)
	return z*below + s*density, (z*z+s*s)*below + z*s*density
}

// ExtraAll returns E R(w + sigma*eps) for noise on all weights, with a standard deviation for each of the two matrices.
func (r *ReLU) ExtraAll(weights [2][]float64, sigma [2]float64) (float64, error) {
	p, err := r.parts(weights, sigma)
	return p.first + p.secondAfterFirst, err
}

// ExtraLayer returns E R(w + sigma*eps) for noise on one of the two matrices, each with probability one half.
func (r *ReLU) ExtraLayer(weights [2][]float64, sigma [2]float64) (float64, error) {
	p, err := r.parts(weights, sigma)
	return (p.first + p.second) / 2, err
}
