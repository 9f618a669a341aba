package closedform

import (
	"math"
	"math/rand/v2"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/mat"
)

// Planted is a problem whose data were made from a known solution and Gaussian errors.
type Planted struct {
	Problem
	Truth   []float64    // the known solution
	Initial [2][]float64 // initial weights, Gaussian
}

// PlantGroups makes a regression on n observations with the given number of groups of k columns. The coefficients of active
// groups have norm 1, those of the others are zero. Columns are orthogonal within a group, with c = 1, and random and
// independent between groups. The observations have Gaussian errors of standard deviation noise.
func PlantGroups(n, groups, k, active int, noise float64, seed uint64) (*Planted, error) {
	if k < 1 || n < k || active < 0 || active > groups {
		return nil, errors.Errorf("closedform: %d active of %d groups of %d columns, %d observations", active, groups, k, n)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	x := mat.NewDense(n, groups*k, nil)
	for g := range groups {
		q := orthonormal(random, n, k)
		for j := range k {
			for i := range n {
				x.Set(i, g*k+j, math.Sqrt(float64(n))*q.At(i, j))
			}
		}
	}
	beta := mat.NewVecDense(groups*k, nil)
	for _, g := range random.Perm(groups)[:active] {
		direction := mat.NewVecDense(k, gaussian(random, k, 1, 1).RawMatrix().Data)
		for j := range k {
			beta.SetVec(g*k+j, direction.AtVec(j)/mat.Norm(direction, 2))
		}
	}
	y := mat.NewVecDense(n, gaussian(random, n, 1, noise).RawMatrix().Data)
	fit := mat.NewVecDense(n, nil)
	fit.MulVec(x, beta)
	y.AddVec(y, fit)
	problem, err := NewRegression(x, y.RawVector().Data, k)
	if err != nil {
		return nil, err
	}
	return plant(problem, beta.RawVector().Data, initialScale, random), nil
}

// PlantLowRank makes a factorisation, by a network of the given width, of a (d2, d0) matrix of the given rank, whose nonzero
// singular values are all sqrt(d0 d2), observed with Gaussian errors of standard deviation noise.
func PlantLowRank(d0, d2, rank, width int, noise float64, seed uint64) (*Planted, error) {
	if rank < 1 || rank > min(d0, d2) || width < 1 {
		return nil, errors.Errorf("closedform: rank %d of a matrix (%d, %d), width %d", rank, d2, d0, width)
	}
	random := rand.New(rand.NewPCG(seed, 2))
	truth, y := lowRank(random, d0, d2, rank, noise)
	scale := initialScale / math.Sqrt(float64(width))
	return plant(&Factorisation{Y: y, Width: width}, truth.RawMatrix().Data, scale, random), nil
}

// lowRank draws the matrix of PlantLowRank, without and with errors.
func lowRank(random *rand.Rand, d0, d2, rank int, noise float64) (truth, observed *mat.Dense) {
	truth, observed = new(mat.Dense), new(mat.Dense)
	left, right := orthonormal(random, d2, rank), orthonormal(random, d0, rank)
	truth.Mul(left, right.T())
	truth.Scale(math.Sqrt(float64(d0)*float64(d2)), truth)
	observed.Add(truth, gaussian(random, d2, d0, noise))
	return truth, observed
}

// PlantedDeep is a linear network for a matrix that was made from a known one and Gaussian errors.
type PlantedDeep struct {
	DeepLinear
	Truth   *mat.Dense  // the matrix without errors
	Initial [][]float64 // initial weights, Gaussian
}

// PlantDeepLinear makes a linear network with hidden layers of the given widths for a matrix like that of [PlantLowRank].
// Initial weights have the standard deviation 1/sqrt(fan-in).
func PlantDeepLinear(d0, d2, rank int, widths []int, noise float64, seed uint64) (*PlantedDeep, error) {
	if rank < 1 || rank > min(d0, d2) {
		return nil, errors.Errorf("closedform: rank %d of a matrix (%d, %d)", rank, d2, d0)
	}
	random := rand.New(rand.NewPCG(seed, 3))
	truth, y := lowRank(random, d0, d2, rank, noise)
	p := &PlantedDeep{DeepLinear: DeepLinear{Y: y, Widths: widths}, Truth: truth}
	for _, shape := range p.Shapes() {
		scale := 1 / math.Sqrt(float64(shape[1]))
		p.Initial = append(p.Initial, gaussian(random, shape[0], shape[1], scale).RawMatrix().Data)
	}
	return p, nil
}

// initialScale is the standard deviation of initial weights; a factorisation divides it by the square root of its width.
const initialScale = 0.5

func plant(p Problem, truth []float64, scale float64, random *rand.Rand) *Planted {
	planted := &Planted{Problem: p, Truth: truth}
	for i, size := range p.Sizes() {
		planted.Initial[i] = gaussian(random, size, 1, scale).RawMatrix().Data
	}
	return planted
}

// gaussian draws a matrix with independent elements of the given standard deviation.
func gaussian(random *rand.Rand, rows, cols int, std float64) *mat.Dense {
	m := mat.NewDense(rows, cols, nil)
	m.Apply(func(_, _ int, _ float64) float64 { return std * random.NormFloat64() }, m)
	return m
}

// orthonormal draws a matrix of orthonormal columns.
func orthonormal(random *rand.Rand, rows, cols int) *mat.Dense {
	var qr mat.QR
	qr.Factorize(gaussian(random, rows, cols, 1))
	var q mat.Dense
	qr.QTo(&q)
	return mat.DenseCopyOf(q.Slice(0, rows, 0, cols))
}
