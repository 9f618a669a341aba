package optim

import (
	"math"
	"math/rand/v2"

	"github.com/pkg/errors"
)

// A Selection says which groups take noise at a step.
//
// Select returns their places in groups, each at most once, and a factor that multiplies sigma. No place at all means a step
// without noise. It is called once a step, and the result is read before the next call. A selection that is a function of
// its arguments alone, as all below are, resumes by itself; one with a memory is resumed if it has MarshalBinary and
// UnmarshalBinary.
//
// A value belongs to one solver.
type Selection interface {
	Select(seed, step uint64, groups []Group) (chosen []int, factor float64) // which take noise at the step, and what multiplies sigma
}

// Cyclic takes the groups in turn, one a step: group step mod n, as the authors' code does.
func Cyclic() Selection { return new(cyclic) }

type cyclic struct{ chosen [1]int }

func (c *cyclic) Select(_, step uint64, groups []Group) ([]int, float64) {
	c.chosen[0] = int(step % uint64(len(groups)))
	return c.chosen[:], 1
}

// Uniform takes one group a step, drawn with equal probability: the paper's layer-wise noise.
func Uniform() Selection { return new(uniform) }

type uniform struct{ chosen [1]int }

func (u *uniform) Select(seed, step uint64, groups []Group) ([]int, float64) {
	source := selectionSource(seed, step)
	u.chosen[0] = rand.New(&source).IntN(len(groups))
	return u.chosen[:], 1
}

// Shuffled takes the groups one a step in a random order, a new order for every cycle of n steps.
func Shuffled() Selection { return new(shuffled) }

type shuffled struct {
	chosen [1]int
	order  []int
}

func (s *shuffled) Select(seed, step uint64, groups []Group) ([]int, float64) {
	n := uint64(len(groups))
	s.order = s.order[:0]
	for i := range groups {
		s.order = append(s.order, i)
	}
	source := selectionSource(seed, step/n)
	rand.New(&source).Shuffle(len(s.order), func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
	s.chosen[0] = s.order[step%n]
	return s.chosen[:], 1
}

// All takes every group at every step, with sigma/sqrt(n) for n groups, as the authors' code does: the variance of the noise
// summed over the groups is then that of one group at a time. The products of the groups' noises come on top, and in wide
// networks they are the greater part.
func All() Selection { return new(all) }

type all struct{ chosen []int }

func (a *all) Select(_, _ uint64, groups []Group) ([]int, float64) {
	a.chosen = a.chosen[:0]
	for i := range groups {
		a.chosen = append(a.chosen, i)
	}
	return a.chosen, 1 / math.Sqrt(float64(len(groups)))
}

// selectionSource is the source of a random choice: a function of seed and counter, apart from the noise's streams.
func selectionSource(seed, counter uint64) rand.PCG {
	var source rand.PCG
	source.Seed(seed^0x6c617965726e6f69, counter)
	return source
}

// checkChosen refuses what a custom selection may get wrong.
func checkChosen(chosen []int, factor float64, groups []Group) error {
	if !finite(factor) {
		return errors.Errorf("optim: the selection's factor is %v: want a finite number, 0 or more", factor)
	}
	for k, i := range chosen {
		if i < 0 || i >= len(groups) {
			return errors.Errorf("optim: the selection chose group %d of %d", i, len(groups))
		}
		for _, j := range chosen[:k] {
			if i == j {
				return errors.Errorf("optim: the selection chose group %d %q twice", i, groups[i].Name)
			}
		}
	}
	return nil
}
