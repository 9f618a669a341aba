package optim

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// RegulariserConfig are the settings of NoiseRegulariser. The zero value is ready to use.
type RegulariserConfig struct {
	// Pairs is the number of antithetic pairs. By default 100.
	Pairs int

	// Seed selects the noise. Whatever the seed, it is none that a training draws.
	Seed uint64
}

// defaultPairs is the number of pairs by default.
const defaultPairs = 100

// NoiseRegulariser estimates what Gaussian noise of standard deviation sigma on the learnables adds to the loss,
//
//	E R(w + sigma*eps) - R(w) = (sigma^2/2) tr(Hessian of R) + terms of fourth and higher even order
//
// as a mean over antithetic pairs, (R(w + sigma*eps) + R(w - sigma*eps))/2 - R(w), in which all odd orders cancel: on a
// linear R it is zero. Two passes a pair, and one beside. Give all the learnables for noise on all of them at once; for
// noise on one layer at a time take the mean of the results for each layer's own, which is what training minimises.
//
// The loss is where gorgonia.Read puts the value of R, a scalar; Read it before the machine is made. The graph needs no
// gradients. In all else, what vm may be and what is left untouched, NoiseRegulariser is like [HessianTrace].
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
	err = measure(vm, learnables, func(m *measurement) error {
		clean, err := m.loss(loss)
		if err != nil {
			return err
		}
		draws := make([]float64, config.Pairs)
		for k := range draws {
			for _, sign := range []float64{1, -1} {
				if err := m.move(regulariserNoise, config.Seed, uint64(k), sign*sigma); err != nil {
					return err
				}
				noisy, err := m.loss(loss)
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

// loss evaluates the graph and returns its loss.
func (m *measurement) loss(read *G.Value) (float64, error) {
	if err := m.evaluate(); err != nil {
		return 0, err
	}
	v, err := vecOf(*read)
	if err != nil {
		return 0, errors.Wrap(err, "optim: the loss")
	}
	if v.len() != 1 {
		return 0, errors.Errorf("optim: the loss has %d elements, want 1", v.len())
	}
	return v.dot([]float64{1}), nil
}
