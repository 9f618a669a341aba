package optim

import (
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
)

// perturbConfig is what the options set.
type perturbConfig struct {
	seed       uint64
	selection  Selection
	grouping   Grouping
	exclude    func(name string) bool
	dist       Noise
	schedule   Schedule
	scaling    Scaling
	samples    int
	antithetic bool
	mixing     float64 // fraction of the gradient taken at noisy weights
	rank, of   uint64  // this process, and the number of processes that draw noise together
}

// defaultConfig is the configuration without options.
func defaultConfig() perturbConfig {
	return perturbConfig{
		selection: Cyclic(),
		grouping:  ByTensor(),
		dist:      Gaussian(),
		schedule:  Constant(1),
		scaling:   Absolute(),
		samples:   1,
		mixing:    1,
		of:        1,
	}
}

// A PerturbOpt is an option of NewPerturbedSolver.
type PerturbOpt interface{ applyPerturb(*perturbConfig) error }

// A SAMOpt is an option of NewSAM.
type SAMOpt interface{ applySAM(*SAM) error }

// A WrapperOpt is an option of both NewPerturbedSolver and NewSAM.
type WrapperOpt interface {
	PerturbOpt
	SAMOpt
}

type perturbOpt func(*perturbConfig) error

func (o perturbOpt) applyPerturb(c *perturbConfig) error { return o(c) }

type wrapperOpt func(*perturbConfig) error

func (o wrapperOpt) applyPerturb(c *perturbConfig) error { return o(c) }
func (o wrapperOpt) applySAM(s *SAM) error               { return o(&s.solver.perturbConfig) }

// WithSeed sets the seed of the noise and the selection. SAM only uses it for random selections. By default it is 0.
func WithSeed(seed uint64) WrapperOpt {
	return wrapperOpt(func(c *perturbConfig) error { c.seed = seed; return nil })
}

// WithSelection sets which groups take noise, or are moved by SAM, at a step. By default it is [Cyclic] for noise and [All]
// for SAM.
func WithSelection(selection Selection) WrapperOpt {
	return wrapperOpt(func(c *perturbConfig) error {
		c.selection = selection
		return notNil("selection", selection)
	})
}

// WithGrouping sets which parameters take noise, or are moved by SAM, together. By default it is [ByTensor].
func WithGrouping(grouping Grouping) WrapperOpt {
	return wrapperOpt(func(c *perturbConfig) error {
		c.grouping = grouping
		return notNil("grouping", grouping)
	})
}

// WithExclude exempts from noise, or from SAM's move, the parameters for whose name excluded returns true: they belong to no
// group and do not count in [All]'s sigma/sqrt(n). By default no parameter is excluded.
func WithExclude(excluded func(name string) bool) WrapperOpt {
	return wrapperOpt(func(c *perturbConfig) error {
		c.exclude = excluded
		return notNil("exclusion", excluded)
	})
}

// WithNoise sets the distribution of the noise. By default it is [Gaussian].
func WithNoise(noise Noise) PerturbOpt {
	return perturbOpt(func(c *perturbConfig) error {
		c.dist = noise
		return notNil("noise", noise)
	})
}

// WithSchedule multiplies sigma, or SAM's rho, by a factor that depends on the step. By default it is 1.
func WithSchedule(schedule Schedule) WrapperOpt {
	return wrapperOpt(func(c *perturbConfig) error {
		c.schedule = schedule
		if err := notNil("schedule", schedule); err != nil {
			return err
		}
		return checkFactor(schedule, 0)
	})
}

// WithScaling multiplies sigma by a factor that depends on the parameter. By default it is [Absolute].
func WithScaling(scaling Scaling) PerturbOpt {
	return perturbOpt(func(c *perturbConfig) error {
		c.scaling = scaling
		return notNil("scaling", scaling)
	})
}

// WithSamples makes the gradient of a step the mean over m draws of the noise, on the same groups. Each draw costs an
// evaluation of the graph. It needs the guarded protocol. By default m is 1.
func WithSamples(m int) PerturbOpt {
	return perturbOpt(func(c *perturbConfig) error {
		if m < 1 {
			return errors.Errorf("optim: %d samples per step: want 1 or more", m)
		}
		c.samples = m
		return nil
	})
}

// WithAntithetic uses every draw twice, with both signs, and takes the mean gradient, so that contributions of odd order in
// sigma cancel. It doubles the evaluations and needs the guarded protocol. By default it is off.
func WithAntithetic() PerturbOpt {
	return perturbOpt(func(c *perturbConfig) error { c.antithetic = true; return nil })
}

// WithRank lets each of n processes that train together draw its own noise; this process is number rank, and draw k of a
// step is number k*n + rank. The mean of their gradients is then that of one process with n times the samples. Groups and
// sigma are the same on all. By default all processes draw the same noise. See package distributed.
func WithRank(rank, n int) PerturbOpt {
	return perturbOpt(func(c *perturbConfig) error {
		if n < 1 || rank < 0 || rank >= n {
			return errors.Errorf("optim: rank %d of %d: want 0 or more, below the number of processes", rank, n)
		}
		c.rank, c.of = uint64(rank), uint64(n)
		return nil
	})
}

// WithMixing makes the gradient of a step lambda times that at noisy weights, or the mean over several samples, plus
// 1-lambda times that at the clean weights: descent on a mixture of the loss and its expectation under noise, which
// tolerates a larger sigma. The clean evaluation comes first. Lambda must be above 0 and at most 1; below 1 it needs the
// guarded protocol. By default it is 1.
//
// Source: T. Li, Q. Tao, W. Yan, Z. Lei, Y. Wu, K. Fang, M. He, X. Huang, Revisiting Random Weight Perturbation for
// Efficiently Improving Generalization, TMLR 2024, https://arxiv.org/abs/2404.00357.
func WithMixing(lambda float64) PerturbOpt {
	return perturbOpt(func(c *perturbConfig) error {
		if !(lambda > 0 && lambda <= 1) {
			return errors.Errorf("optim: lambda is %v: want more than 0, at most 1", lambda)
		}
		c.mixing = lambda
		return nil
	})
}

func notNil(what string, x any) error {
	if isnil.Of(x) {
		return errors.Errorf("optim: the %s is nil", what)
	}
	return nil
}

// evaluations returns how often a guarded machine evaluates the graph per RunAll.
func (c *perturbConfig) evaluations() int { return c.clean() + c.noisy() }

// clean and noisy return the number of evaluations at clean weights, which come first, and at noisy ones.
func (c *perturbConfig) clean() int {
	if c.mixing < 1 {
		return 1
	}
	return 0
}

func (c *perturbConfig) noisy() int {
	if c.antithetic {
		return 2 * c.samples
	}
	return c.samples
}

// draw returns the number of this process's draw number sample of a step.
func (c *perturbConfig) draw(sample uint64) uint64 { return sample*c.of + c.rank }
