package optim

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// TraceConfig are the settings of HessianTrace. The zero value is ready to use.
type TraceConfig struct {
	// Probes is the number of random directions. By default 10.
	Probes int

	// Seed selects the directions. Whatever the seed, they are none that a training with Rademacher noise draws.
	Seed uint64

	// Step is how far the weights are moved, each by plus or minus Step. By default it is the cubic root of the machine
	// epsilon, 0.0049 in float32 and 6.1e-6 in float64, times the root mean square of all the weights, or times 1 where they
	// are all zero: the error of the difference, of second order in the step, then balances that of rounding.
	Step float64
}

// defaultProbes is the number of probes by default.
const defaultProbes = 10

// HessianTrace estimates the trace of the Hessian of the cost with respect to the learnables, with M. F. Hutchinson's
// estimator: the mean over random directions v, each element -1 or 1, of
//
//	v' (grad R(w + h v) - grad R(w - h v)) / (2h)
//
// with step h. The difference is exact on a quadratic R, but for rounding. The variance over the directions comes from the
// Hessian's elements off the diagonal alone, so on a diagonal Hessian one probe gives the trace. Two passes a probe.
//
// The vm runs a graph on which gorgonia.Grad was called with the learnables, on the values that its inputs hold; for the
// trace over several batches call it for each of them with the same seed, and take the mean. A guarded machine (Guard) is
// measured without its noise. The learnables may be some of those that are trained: it is the trace of their block then.
//
// Differences count the kinks of ReLUs and max pools that the step crosses, as noise does and automatic differentiation does
// not: for a ReLU network the two traces are different numbers, and for one that has fitted its data the kinks may be most
// of this one.
//
// Weights and gradients are as before afterwards, bit for bit, also after an error, and no solver takes notice: noise of the
// carried protocol is out of the weights during the measurement and back in them afterwards. The machine is reset. Losses read from the graph are those of the last pass. Ops with a memory of their own remember the passes, as
// dropouts and batch norms that train: measure on a graph for evaluation over the same tensors. NaN in a gradient makes the
// result NaN.
//
// Source: M. F. Hutchinson, A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines,
// Communications in Statistics 19(2), 1990, https://doi.org/10.1080/03610919008812866.
func HessianTrace(vm G.VM, config TraceConfig, learnables ...*G.Node) (trace Estimate, err error) {
	if config.Probes < 0 {
		return trace, errors.Errorf("optim: %d probes: want 1 or more, or 0 for %d", config.Probes, defaultProbes)
	}
	if !finite(config.Step) {
		return trace, errors.Errorf("optim: step %v of the weights: want more than 0, or 0 for the default", config.Step)
	}
	if config.Probes == 0 {
		config.Probes = defaultProbes
	}
	err = measure(vm, learnables, func(m *measurement) error {
		step := config.Step
		if step == 0 {
			step = defaultStep(m.params)
		}
		draws := make([]float64, config.Probes)
		for k := range draws {
			var err error
			if draws[k], err = m.curvature(config.Seed, uint64(k), step); err != nil {
				return err
			}
		}
		trace = estimateOf(draws)
		return nil
	})
	return trace, err
}

// curvature returns v'Hv by a central difference, for direction number k.
func (m *measurement) curvature(seed, k uint64, step float64) (float64, error) {
	var slope [2]float64 // v'grad ahead and behind
	for side, sign := range []float64{1, -1} {
		if err := m.move(traceDirections, seed, k, sign*step); err != nil {
			return 0, err
		}
		if err := m.evaluate(); err != nil {
			return 0, err
		}
		err := m.each(traceDirections, seed, k, func(i int, v []float64) error {
			g, err := m.params[i].grad(m.model[i])
			slope[side] += g.dot(v)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return (slope[0] - slope[1]) / (2 * step), nil
}

// dot returns the inner product with x, in float64.
func (v vec) dot(x []float64) float64 {
	return dot(v.f32, x) + dot(v.f64, x)
}

func dot[T float32 | float64](v []T, x []float64) float64 {
	var sums eightSums
	for i, g := range v {
		sums[i%8] += float64(float64(g) * x[i])
	}
	return sums.total()
}

// defaultStep returns the step of TraceConfig.
func defaultStep(params []*Param) float64 {
	root := 6.0554544523933429e-06 // third root of 2^-52
	size, norm2 := 0, 0.0
	for _, p := range params {
		if p.vec.f32 != nil {
			root = 0.0049215666011518501 // of 2^-23
		}
		size += p.vec.len()
		norm2 += p.vec.norm2()
	}
	rms := math.Sqrt(norm2 / float64(size))
	if rms == 0 {
		rms = 1
	}
	return root * rms
}
