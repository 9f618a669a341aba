package optim

import (
	"math"
	"math/rand/v2"

	"github.com/pkg/errors"
)

// A Selection says which groups take noise at a step.
//
// Select returns the indices of the chosen groups, each at most once, and a factor that multiplies sigma. No index at all
// means a step without noise. It is called once per step, and the result is read before the next call. A selection that is a
// function of its arguments alone, like all below, needs no saved state; one with state is saved and resumed if it has
// MarshalBinary and UnmarshalBinary.
//
// A Selection belongs to one solver.
type Selection interface {
	Select(seed, step uint64, groups []Group) (chosen []int, factor float64) // the groups that take noise at the step, and the factor of sigma
}

// Cyclic selects the groups in turn, one per step: group step mod n, as in the authors' code.
func Cyclic() Selection { return new(cyclic) }

type cyclic struct{ chosen [1]int }

func (c *cyclic) Select(_, step uint64, groups []Group) ([]int, float64) {
	c.chosen[0] = int(step % uint64(len(groups)))
	return c.chosen[:], 1
}

// Uniform selects one group per step, all equally likely: the paper's layer-wise noise.
func Uniform() Selection { return new(uniform) }

type uniform struct{ chosen [1]int }

func (u *uniform) Select(seed, step uint64, groups []Group) ([]int, float64) {
	source := selectionSource(seed, step)
	u.chosen[0] = rand.New(&source).IntN(len(groups))
	return u.chosen[:], 1
}

// Shuffled selects the groups one per step in random order, with a new order for every cycle of n steps.
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

// All selects every group at every step, with sigma/sqrt(n) for n groups, as in the authors' code: the variance of the noise
// summed over the groups is then that of one group at a time. Products of the noise of several groups add to it, and in wide
// networks they dominate.
func All() Selection { return new(all) }

type all struct{ chosen []int }

func (a *all) Select(_, _ uint64, groups []Group) ([]int, float64) {
	a.chosen = a.chosen[:0]
	for i := range groups {
		a.chosen = append(a.chosen, i)
	}
	return a.chosen, 1 / math.Sqrt(float64(len(groups)))
}

// selectionSource returns the source of a random choice: a function of seed and counter, independent of the noise's streams.
func selectionSource(seed, counter uint64) rand.PCG {
	var source rand.PCG
	source.Seed(seed^0x6c617965726e6f69, counter)
	return source
}

// checkChosen rejects invalid results of a custom selection.
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
