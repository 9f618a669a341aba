package closedform

import (
	"math"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Coordinate descent stops when no coefficient moves by more than this in a sweep.
const (
	sweepTolerance = 1e-12
	sweepLimit     = 100_000
)

// Minimiser returns the beta with the least |X beta - y|^2/(2n) + strength*P(beta) by coordinate descent, group after group:
// with the other groups fixed, the minimiser in group g is
//
//	beta_g = (1 - lambda_g/|z|)_+ z/c_g,   z = X_g'r/n + c_g beta_g,   lambda_g = strength sqrt(K) c_g
//
// where r = y - X beta is the residual.
//
// Source: M. Yuan, Y. Lin, Model selection and estimation in regression with grouped variables, JRSS B 68(1), 2006,
// https://doi.org/10.1111/j.1467-9868.2005.00532.x, section 2.3.
func (r *Regression) Minimiser(strength float64) ([]float64, error) {
	beta := make([]float64, len(r.scale)*r.K)
	for range sweepLimit {
		if r.sweep(beta, strength) <= sweepTolerance {
			return beta, nil
		}
	}
	return nil, errors.Errorf("closedform: coordinate descent has not converged in %d sweeps", sweepLimit)
}

// sweep goes once through the groups and returns the largest change of a coefficient.
func (r *Regression) sweep(beta []float64, strength float64) (largest float64) {
	residual := mat.NewVecDense(len(r.Y), r.residual(beta))
	z, change := mat.NewVecDense(r.K, nil), mat.NewVecDense(r.K, nil)
	n := float64(len(r.Y))
	for g, c := range r.scale {
		if c == 0 { // columns of zeros: any coefficient is optimal, so leave it at zero
			continue
		}
		x, own := r.columns(g), mat.NewVecDense(r.K, r.group(beta, g))
		z.MulVec(x.T(), residual)
		z.ScaleVec(1/n, z)
		z.AddScaledVec(z, c, own)
		shrink := 0.0
		if norm, lambda := mat.Norm(z, 2), strength*math.Sqrt(float64(r.K))*c; norm > lambda {
			shrink = (1 - lambda/norm) / c
		}
		z.ScaleVec(shrink, z)
		change.SubVec(z, own)
		own.CopyVec(z)
		update := mat.NewVecDense(len(r.Y), nil)
		update.MulVec(x, change)
		residual.SubVec(residual, update)
		largest = math.Max(largest, floats.Norm(change.RawVector().Data, math.Inf(1)))
	}
	return largest
}
