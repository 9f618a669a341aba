package main

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/mat"
	G "gorgonia.org/gorgonia"
)

// method is a way to train.
type method struct {
	name      string
	colour    int
	selection func() optim.Selection // nil for no noise
	closed    bool                   // gradient descent on the closed form of the loss under noise on one layer at a time
}

// methods lists the trainings.
var methods = []method{
	{"none", figure.None, nil, false},
	{"layer", figure.Layer, optim.Cyclic, false},
	{"all", figure.All, optim.All, false},
	{"closed form", figure.None, nil, true},
}

// seedsPerPoint is the number of seeds reserved for the measurements at one point: more than there are methods.
const seedsPerPoint = 10

// A curve has at most points points. The loss under noise is measured at every apart-th, few enough to draw error bars.
const (
	points = 57
	apart  = 4
)

// results are the runs of all seeds, observed after the numbers of steps in at.
type results struct {
	settings
	at   []float64
	runs []run
}

// marked returns the points at which the loss under noise is measured. The last point is one of them.
func (x *results) marked() []int {
	var list []int
	for k := (len(x.at) - 1) % apart; k < len(x.at); k += apart {
		list = append(list, k)
	}
	return list
}

// run holds the trainings of one seed.
type run struct {
	truth  []float64 // singular values of the matrix without errors
	traces []trace   // by method
}

// trace is a training.
type trace struct {
	loss     []float64        // at clean weights
	closed   []float64        // closed form of the loss under noise: on all layers for the method "all", otherwise on one at a time
	measured []optim.Estimate // the same by draws of the noise, at the marked points

	values [][]float64 // singular values of the product, the largest first

	fromTruth, fromClosed float64 // relative distances of the product, at the end

	product  *mat.Dense // at the end; nil if the training diverged
	diverged int        // the step after which numbers were not finite, which ended the training; 0 if they always were
}

var errDiverged = errors.New("diverged")

// measure trains with every method on the data of a seed, and calls done after each training.
func (x *results) measure(ctx context.Context, seed uint64, done func()) (r run, err error) {
	widths := make([]int, x.depth-1)
	for i := range widths {
		widths[i] = x.width
	}
	p, err := closedform.PlantDeepLinear(x.cols, x.rows, x.rank, widths, x.errors, seed)
	if err != nil {
		return r, err
	}
	r.truth = singularValues(p.Truth)
	for _, m := range methods {
		t, err := x.train(ctx, p, m, seed)
		if err != nil {
			return r, err
		}
		r.traces = append(r.traces, t)
		done()
	}
	descent := r.traces[len(methods)-1]
	for i := range r.traces {
		t := &r.traces[i]
		t.fromTruth, t.fromClosed = relative(t.product, p.Truth), relative(t.product, descent.product)
	}
	return r, nil
}

// train makes one training, with measurements along it.
func (x *results) train(ctx context.Context, p *closedform.PlantedDeep, m method, seed uint64) (t trace, err error) {
	weights := make([][]float64, len(p.Initial))
	for j, w := range p.Initial {
		weights[j] = slices.Clone(w)
	}
	sigma := 0.0
	if m.closed {
		sigma = x.sigma
	}
	model, err := closedform.NewDeepModel(&p.DeepLinear, weights, sigma)
	if err != nil {
		return t, err
	}
	solver, err := x.solver(m, seed)
	if err != nil {
		return t, err
	}
	err = model.Train(ctx, solver, x.steps, func(step int) error {
		k := len(t.loss)
		if k == len(x.at) || step != int(x.at[k]) {
			return nil
		}
		if err := x.observe(&t, p, weights, m); err != nil {
			if errors.Is(err, errDiverged) {
				t.diverged = step
			}
			return err
		}
		if m.closed || !slices.Contains(x.marked(), k) {
			return nil
		}
		e, err := x.underNoise(model, m, t.loss[k], (seed*points+uint64(k))*seedsPerPoint+uint64(m.colour))
		t.measured = append(t.measured, e)
		return err
	})
	if t.diverged > 0 {
		t.fill(len(x.at), len(x.marked()))
		return t, nil
	}
	if err == nil {
		t.product, err = p.Product(weights)
	}
	return t, err
}

// solver returns gradient descent with a decaying learning rate, with noise if the method has any.
func (x *results) solver(m method, seed uint64) (G.Solver, error) {
	base, err := optim.NewSGD(x.rate, optim.WithLearnRateSchedule(optim.Cosine(uint64(x.steps))))
	if err != nil || m.selection == nil {
		return base, err
	}
	return optim.NewPerturbedSolver(base, x.sigma, optim.WithSelection(m.selection()), optim.WithSeed(seed))
}

// observe records what is computed at clean weights. The error is errDiverged if that is not finite.
func (x *results) observe(t *trace, p *closedform.PlantedDeep, weights [][]float64, m method) error {
	loss, err := p.Loss(weights, 0)
	if err != nil {
		return err
	}
	expected := func() (float64, error) { return p.Loss(weights, x.sigma) }
	if m.name == "all" {
		expected = func() (float64, error) { return p.LossAll(weights, x.sigma/math.Sqrt(float64(x.depth))) }
	}
	closed, err := expected()
	if err != nil {
		return err
	}
	if math.IsNaN(closed) || math.IsInf(closed, 0) {
		return errDiverged
	}
	product, err := p.Product(weights)
	if err != nil {
		return err
	}
	t.loss, t.closed, t.values = append(t.loss, loss), append(t.closed, closed), append(t.values, singularValues(product))
	return nil
}

// underNoise estimates the expected loss under noise by draws with the given seed.
func (x *results) underNoise(model *closedform.Trainer, m method, clean float64, seed uint64) (optim.Estimate, error) {
	config := optim.RegulariserConfig{Pairs: x.pairs, Seed: seed}
	layers := float64(x.depth)
	if m.name == "all" {
		e, err := model.MeasureExtra(x.sigma/math.Sqrt(layers), config, model.Learnables...)
		e.Mean += clean
		return e, err
	}
	mean, variance := clean, 0.0
	for j, w := range model.Learnables {
		config.Seed = seed + uint64(j)<<32 // independent errors for each layer
		e, err := model.MeasureExtra(x.sigma, config, w)
		if err != nil {
			return e, err
		}
		mean += e.Mean / layers
		variance += float64(e.StdErr*e.StdErr) / float64(layers*layers)
	}
	return optim.Estimate{Mean: mean, StdErr: math.Sqrt(variance)}, nil
}

// fill pads a training that diverged with NaN.
func (t *trace) fill(points, marked int) {
	nan := math.NaN()
	for len(t.loss) < points {
		t.loss, t.closed, t.values = append(t.loss, nan), append(t.closed, nan), append(t.values, nil)
	}
	for len(t.measured) < marked {
		t.measured = append(t.measured, optim.Estimate{Mean: nan, StdErr: nan})
	}
}

// singularValues returns the singular values of a matrix, largest first, or nil if they cannot be computed.
func singularValues(m *mat.Dense) []float64 {
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		return nil
	}
	return svd.Values(nil)
}

// relative returns the distance between two matrices relative to the norm of the second, or NaN if one of them is nil.
func relative(m, target *mat.Dense) float64 {
	if m == nil || target == nil {
		return math.NaN()
	}
	var difference mat.Dense
	difference.Sub(m, target)
	return mat.Norm(&difference, 2) / mat.Norm(target, 2)
}
