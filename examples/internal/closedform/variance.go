package closedform

import (
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// moments are the numbers on which the variances of a factorisation depend.
type moments struct {
	d0, d2, width float64
	w1, w2        float64 // |W1|^2 and |W2|^2
	gram1, gram2  float64 // |W1'W1|^2 and |W2 W2'|^2, equal to |W1 W1'|^2 and |W2'W2|^2
}

func (f *Factorisation) moments(weights [2][]float64) moments {
	d0, d2 := f.dims()
	w1, w2 := mat.NewDense(f.Width, d0, weights[0]), mat.NewDense(d2, f.Width, weights[1])
	var g1, g2 mat.Dense
	g1.Mul(w1.T(), w1)
	g2.Mul(w2, w2.T())
	square := func(x []float64) float64 { return floats.Dot(x, x) }
	return moments{
		d0: float64(d0), d2: float64(d2), width: float64(f.Width),
		w1: square(weights[0]), w2: square(weights[1]),
		gram1: square(g1.RawMatrix().Data), gram2: square(g2.RawMatrix().Data),
	}
}

// spreads returns the expected squares of the products that contain noise in one factor V, which has d rows or columns and
// the given moments. With Gaussian B and the other factor W, for V = W2 and W = W1,
//
//	cross = E |(V + sigma*B)'B W|^2           = |V|^2 |W|^2 + sigma^2 d (d+m+1) |W|^2
//	gram  = E |(V + sigma*B)'(V + sigma*B)|^2 = |V'V|^2 + 2 sigma^2 (d+m+1) |V|^2 + sigma^4 d m (d+m+1)
//
// where m is the width.
func spreads(s2, d, width, v, w, gramV float64) (cross, gram float64) {
	n := d + width + 1
	return v*w + s2*d*n*w, gramV + 2*s2*n*v + s2*s2*d*width*n
}

// LossVarianceLayer returns the variance of R(w + sigma*eps) for noise on one factor, each with probability one half, at
// weights where W2 W1 = Y.
//
// With noise A in W1 it is sigma^2 |W2 A|^2, with mean sigma^2 d0 |W2|^2 and variance 2 sigma^4 d0 |W2'W2|^2, and similarly
// in W2. The variance over the choice of the factor is the square of half the difference of the means.
func (f *Factorisation) LossVarianceLayer(weights [2][]float64, sigma float64) float64 {
	m := f.moments(weights)
	s2 := sigma * sigma
	half := s2 * (m.d0*m.w2 - m.d2*m.w1) / 2
	return s2*s2*(m.d0*m.gram2+m.d2*m.gram1) + half*half
}

// LossVarianceAll returns the variance of R(w + sigma*eps) for noise on both factors, at weights where W2 W1 = Y.
//
// Given the noise B in W2, and V = W2 + sigma*B, the loss is |sigma B W1 + sigma V A|^2 with Gaussian A. Its variance is 4
// sigma^4 |V'B W1|^2 + 2 sigma^4 d0 |V'V|^2, its mean sigma^2 |B W1|^2 + sigma^2 d0 |V|^2. The result is the expectation of
// the first plus the variance of the second over B, a quadratic form of each row of B with the matrix W1 W1' + sigma^2 d0 I
// and a linear form, 2 sigma^3 d0 W2.
func (f *Factorisation) LossVarianceAll(weights [2][]float64, sigma float64) float64 {
	m := f.moments(weights)
	s2 := sigma * sigma
	cross, gram := spreads(s2, m.d2, m.width, m.w2, m.w1, m.gram2)
	form := m.gram1 + 2*s2*m.d0*m.w1 + s2*s2*m.d0*m.d0*m.width // |W1 W1' + sigma^2 d0 I|^2
	return s2 * s2 * (4*cross + 2*m.d0*gram + 2*m.d2*form + 4*s2*m.d0*m.d0*m.w2)
}

// GradientVarianceLayer returns E |grad R(w + sigma*eps) - its mean|^2 for noise on one factor, each with probability one
// half, at weights where W2 W1 = Y.
//
// With noise A in W1 the gradients are 2 sigma W2'W2 A and 2 sigma W2 A (W1 + sigma A)', of means 0 and 2 sigma^2 d0 W2.
func (f *Factorisation) GradientVarianceLayer(weights [2][]float64, sigma float64) float64 {
	m := f.moments(weights)
	s2 := sigma * sigma
	cross1, _ := spreads(s2, m.d0, m.width, m.w1, m.w2, m.gram1)
	cross2, _ := spreads(s2, m.d2, m.width, m.w2, m.w1, m.gram2)
	return 2*s2*(m.d0*m.gram2+m.d2*m.gram1+cross1+cross2) - s2*s2*(m.d0*m.d0*m.w2+m.d2*m.d2*m.w1)
}

// GradientVarianceAll returns E |grad R(w + sigma*eps) - its mean|^2 for noise on both factors, at weights where W2 W1 = Y.
//
// Given B and V as above, the gradient of W1 is 2 sigma V'(B W1 + V A), with expected square 4 sigma^2 (|V'B W1|^2 + d0
// |V'V|^2) over A and mean 2 sigma^2 d2 W1 over both. The gradient of W2 is similar.
func (f *Factorisation) GradientVarianceAll(weights [2][]float64, sigma float64) float64 {
	m := f.moments(weights)
	s2 := sigma * sigma
	cross1, gram1 := spreads(s2, m.d0, m.width, m.w1, m.w2, m.gram1)
	cross2, gram2 := spreads(s2, m.d2, m.width, m.w2, m.w1, m.gram2)
	return 4*s2*(cross1+cross2+m.d0*gram2+m.d2*gram1) - 4*s2*s2*(m.d0*m.d0*m.w2+m.d2*m.d2*m.w1)
}
