package optim

import (
	"math"
	"slices"

	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Estimate is a mean over random draws.
type Estimate struct {
	Mean   float64 // of the draws
	StdErr float64 // standard error of the mean, from the spread of the draws; NaN for a single draw
	Draws  int     // number of draws
}

// estimateOf returns the mean of independent draws.
func estimateOf(draws []float64) Estimate {
	n := float64(len(draws))
	e := Estimate{Draws: len(draws)}
	for _, x := range draws {
		e.Mean += x / n
	}
	squares := 0.0
	for _, x := range draws {
		squares += float64((x - e.Mean) * (x - e.Mean))
	}
	e.StdErr = math.Sqrt(squares / (n - 1) / n)
	return e
}

// TraceConfig holds the settings of HessianTrace. The zero value is ready to use.
type TraceConfig struct {
	// Probes is the number of random directions. By default it is 10.
	Probes int

	// Seed selects the directions. They are independent of a training's noise, even with the same seed.
	Seed uint64

	// Step is how far the weights are moved, each by plus or minus Step. By default it is the cube root of the machine epsilon,
	// 0.0049 in float32 and 6.1e-6 in float64, times the root mean square of all the weights, or times 1 if they are all zero:
	// this balances the truncation error, of second order in the step, with the rounding error.
	Step float64
}

// defaultProbes is the default number of probes.
const defaultProbes = 10

// HessianTrace estimates the trace of the Hessian of the cost with respect to the learnables, by Hutchinson's estimator: the
// mean over random directions v, each element -1 or 1, of
//
//	v' (grad R(w + h v) - grad R(w - h v)) / (2h)
//
// with step h. On a quadratic R the difference is exact up to rounding. The variance over the directions comes only from the
// off-diagonal elements of the Hessian, so for a diagonal Hessian one probe gives the trace. Each probe takes two passes.
//
// vm runs a graph on which gorgonia.Grad was called with the learnables, on the current values of its inputs. For the trace
// over several batches call it for each of them with the same seed, and take the mean. A guarded machine (Guard) is measured
// without its noise. The learnables may be a subset of those being trained; the result is then the trace of their block, at
// weights without noise in the others.
//
// Finite differences include the kinks of ReLUs and max pools that the step crosses, as noise does and automatic
// differentiation does not: for a ReLU network the two traces differ, and for one that has fitted its data the kinks may
// dominate this one.
//
// Weights and gradients are restored bit for bit, also after an error, and no solver is affected: noise of the carried
// protocol is removed from the weights during the measurement and restored afterwards. The machine is reset. Losses read
// from the graph are those of the last pass. Ops with internal state, such as dropouts and batch norms in training mode, are
// changed by the passes: measure on a graph for evaluation over the same tensors. NaN in a gradient makes the result NaN.
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
	err = measure(vm, learnables, traceDirections, func(m *measurement) error {
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
		if err := m.evaluateAt(seed, k, sign*step); err != nil {
			return 0, err
		}
		for i, p := range m.params {
			g, err := p.grad(m.model[i])
			if err != nil {
				return 0, err
			}
			v, err := m.noise.sampleOf(p)
			if err != nil {
				return 0, err
			}
			slope[side] += g.dot(v)
		}
	}
	return (slope[0] - slope[1]) / (2 * step), nil
}

// defaultStep returns the default of TraceConfig.Step.
func defaultStep(params []*Param) float64 {
	root := 6.0554544523933429e-06 // third root of 2^-52
	size, norm2 := 0, 0.0
	for _, p := range params {
		if p.vec.f32 != nil {
			root = 0.0049215666011518501 // third root of 2^-23
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

// RegulariserConfig holds the settings of NoiseRegulariser. The zero value is ready to use.
type RegulariserConfig struct {
	// Pairs is the number of antithetic pairs. By default it is 100.
	Pairs int

	// Seed selects the noise. It is independent of a training's noise, even with the same seed. Measurements of several
	// layers with the same seed share their draws: give each its own seed if their errors are to be independent.
	Seed uint64
}

// defaultPairs is the default number of pairs.
const defaultPairs = 100

// NoiseRegulariser estimates what Gaussian noise of standard deviation sigma on the learnables adds to the loss,
//
//	E R(w + sigma*eps) - R(w) = (sigma^2/2) tr(Hessian of R) + terms of fourth and higher even order
//
// as a mean over antithetic pairs, (R(w + sigma*eps) + R(w - sigma*eps))/2 - R(w), in which all odd orders cancel: on a
// linear R it is zero. It takes two passes per pair, plus one. Pass all the learnables for noise on all of them at once; for
// noise on one layer at a time take the mean over the layers of each layer's result, which is what training minimises.
//
// The loss is the value into which gorgonia.Read reads the scalar R; call Read before the machine is made. The graph needs
// no gradients. In all other respects (vm, and what is restored) NoiseRegulariser is like [HessianTrace].
func NoiseRegulariser(vm G.VM, loss *G.Value, sigma float64, config RegulariserConfig, learnables ...*G.Node) (extra Estimate, err error) {
	switch {
	case loss == nil:
		return extra, errors.New("optim: the loss is nil: want where gorgonia.Read puts it")
	case !finite(sigma):
		return extra, errors.Errorf("optim: sigma is %v: want a finite number, 0 or more", sigma)
	case config.Pairs < 0:
		return extra, errors.Errorf("optim: %d pairs: want 1 or more, or 0 for %d", config.Pairs, defaultPairs)
	case config.Pairs == 0:
		config.Pairs = defaultPairs
	}
	err = measure(vm, learnables, regulariserNoise, func(m *measurement) error {
		if err := m.evaluate(); err != nil {
			return err
		}
		clean, err := lossOf(*loss)
		if err != nil {
			return err
		}
		draws := make([]float64, config.Pairs)
		for k := range draws {
			for _, sign := range []float64{1, -1} {
				if err := m.evaluateAt(config.Seed, uint64(k), sign*sigma); err != nil {
					return err
				}
				noisy, err := lossOf(*loss)
				if err != nil {
					return err
				}
				draws[k] += float64((noisy - clean) / 2)
			}
		}
		extra = estimateOf(draws)
		return nil
	})
	return extra, err
}

// lossOf returns the loss read from a graph.
func lossOf(loss G.Value) (float64, error) {
	v, err := vecOf(loss)
	if err != nil {
		return 0, errors.Wrap(err, "optim: the loss")
	}
	if v.len() != 1 {
		return 0, errors.Errorf("optim: the loss has %d elements, want 1", v.len())
	}
	return v.dot([]float64{1}), nil
}

// probe draws the moves of a measurement, independently of a training's noise.
type probe struct {
	dist  Noise
	first int // number of the first tensor
}

var (
	regulariserNoise = probe{Gaussian(), noise.RegulariserTensors}
	traceDirections  = probe{Rademacher(), noise.ProbeTensors}
)

// measurement evaluates a graph at moved weights.
type measurement struct {
	vm     G.VM
	model  []G.ValueGrad
	params []*Param
	noise  injector
	grads  savedGradients
}

// measure calls f with a measurement on vm, which moves weights by draws of by. Afterwards, even if f panics, weights and
// gradients are as before, bit for bit, also those of the graph's other inputs. During f no solver's noise is in the weights.
func measure(vm G.VM, learnables []*G.Node, by probe, f func(m *measurement) error) (err error) {
	if g, guarded := vm.(*guard); guarded {
		vm = g.VM // the guard would add its own noise
	}
	if isnil.Of(vm) {
		return errors.New("optim: the machine is nil")
	}
	if err := checkMachine(vm); err != nil {
		return err
	}
	m := &measurement{vm: vm, model: G.NodesToValueGrads(learnables)}
	m.noise = injector{dist: by.dist, first: by.first, carrier: &carrier{owner: "a measurement of sharpness"}}
	var set paramSet
	if m.params, err = set.resolve(m.model); err != nil {
		return err
	}
	if err := noisy.clear(&set, nil); err != nil {
		return err
	}
	defer set.putBack()
	if err := m.grads.save(m.params, m.model); err != nil {
		return err
	}
	defer m.grads.putBack(m.params, m.model)
	var others bystanders
	defer others.putBack()
	if err := others.save(learnables); err != nil {
		return err
	}
	defer vm.Reset()
	return f(m)
}

// bystanders are the inputs of a graph that a measurement does not move. During the measurement they are free of noise;
// afterwards their gradients, to which each pass adds, are restored.
type bystanders struct {
	sets      []*paramSet // those whose noise was removed
	gradients []bystander
}

// bystander is an input with its gradient before the measurement.
type bystander struct {
	node   *G.Node
	before vec // empty if there was no gradient
}

// save removes the noise of the inputs that are not among the learnables, and saves their gradients.
func (b *bystanders) save(learnables []*G.Node) error {
	for _, n := range learnables[0].Graph().Inputs() {
		if slices.Contains(learnables, n) {
			continue
		}
		if _, _, met, err := memoryOf(n, 0); err == nil && met != nil {
			set := new(paramSet)
			if _, err := set.resolve([]G.ValueGrad{n}); err != nil {
				return err
			}
			if err := noisy.clear(set, nil); err != nil {
				return err
			}
			b.sets = append(b.sets, set)
		}
		if n.Deriv() == nil {
			continue
		}
		other := bystander{node: n}
		if g, there := other.gradient(); there {
			other.before = newVec(g, g.len())
			other.before.copyFrom(g)
		}
		b.gradients = append(b.gradients, other)
	}
	return nil
}

// gradient returns the memory that passes add to, if it exists.
func (b bystander) gradient() (g vec, there bool) {
	value, err := b.node.Grad()
	if err != nil || isnil.Of(value) || !addsUp(b.node) {
		return g, false
	}
	g, err = vecOf(value)
	return g, err == nil
}

// putBack undoes the effects of save and of the passes.
func (b *bystanders) putBack() {
	for _, other := range b.gradients {
		g, there := other.gradient()
		switch {
		case !there:
		case g.len() == other.before.len():
			g.copyFrom(other.before)
		default:
			g.zero()
		}
	}
	for _, set := range b.sets {
		set.putBack()
	}
}

// evaluateAt runs the graph at the weights plus scale times draw number k.
func (m *measurement) evaluateAt(seed, k uint64, scale float64) error {
	n := &m.noise
	n.begin(n.dist, seed, k, scale)
	for _, p := range m.params {
		if err := n.target(p, math.Abs(scale)); err != nil {
			return err
		}
	}
	n.reserve()
	n.carrier.running.Store(true)
	defer n.carrier.running.Store(false)
	if err := n.inject(0, math.Copysign(1, scale)); err != nil {
		return err
	}
	defer n.restore()
	return m.evaluate()
}

// evaluate runs the graph at the current weights, with gradients starting at zero.
func (m *measurement) evaluate() error {
	for i, p := range m.params {
		if g, err := p.grad(m.model[i]); err == nil { // before the first pass there is none
			g.zero()
		}
	}
	m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		return errors.Wrap(err, "optim: evaluate the graph")
	}
	return nil
}
