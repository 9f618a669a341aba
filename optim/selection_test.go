package optim

import (
	"math"
	"slices"
	"testing"
)

func namedGroups(n int) []Group {
	groups := make([]Group, n)
	for i := range groups {
		groups[i].Name = string(rune('a' + i))
	}
	return groups
}

func TestCyclicTakesTurns(t *testing.T) {
	s := Cyclic()
	for step := range uint64(10) {
		chosen, factor := s.Select(1, step, namedGroups(3))
		if !slices.Equal(chosen, []int{int(step % 3)}) || factor != 1 {
			t.Errorf("step %d: groups %v, factor %v", step, chosen, factor)
		}
	}
}

func TestAllSharesTheVariance(t *testing.T) {
	chosen, factor := All().Select(1, 5, namedGroups(4))
	if !slices.Equal(chosen, []int{0, 1, 2, 3}) || factor != 0.5 {
		t.Errorf("groups %v, factor %v, want all of four with 1/2", chosen, factor)
	}
}

// TestUniformIsUniform: all groups are selected equally often, independently of the previous step.
func TestUniformIsUniform(t *testing.T) {
	const n, steps = 5, 50000
	s := Uniform()
	var pairs [n][n]float64
	last := 0
	for step := range uint64(steps) {
		chosen, factor := s.Select(3, step, namedGroups(n))
		if len(chosen) != 1 || factor != 1 {
			t.Fatalf("groups %v, factor %v", chosen, factor)
		}
		pairs[last][chosen[0]]++
		last = chosen[0]
	}
	chi2 := 0.0
	for _, row := range pairs {
		for _, count := range row {
			const want = float64(steps) / (n * n)
			chi2 += (count - want) * (count - want) / want
		}
	}
	if chi2 < 6 || chi2 > 56 { // 24 degrees of freedom: beyond these with probability 1e-4 each
		t.Errorf("chi-square of successive choices is %v", chi2)
	}
}

// TestSelectionBits pins the first choices of a seed: runs that are resumed, or repeated elsewhere, depend on them.
func TestSelectionBits(t *testing.T) {
	for _, c := range []struct {
		selection Selection
		want      string
	}{
		{Uniform(), "ddaeeccabbbcabdbcbaa"},
		{Shuffled(), "abcedecabdecbdabcade"},
	} {
		picks := ""
		for step := range uint64(20) {
			chosen, _ := c.selection.Select(7, step, namedGroups(5))
			picks += namedGroups(5)[chosen[0]].Name
		}
		if picks != c.want {
			t.Errorf("%T picks %s, want %s", c.selection, picks, c.want)
		}
	}
}

// TestShuffledCoversEveryCycle: each cycle is a permutation, and cycles differ.
func TestShuffledCoversEveryCycle(t *testing.T) {
	const n = 6
	s := Shuffled()
	orders := map[[n]int]bool{}
	first := make([]float64, n)
	for cycle := range uint64(600) {
		var order, sorted [n]int
		for i := range order {
			chosen, _ := s.Select(9, cycle*n+uint64(i), namedGroups(n))
			order[i] = chosen[0]
		}
		sorted = order
		slices.Sort(sorted[:])
		if sorted != [n]int{0, 1, 2, 3, 4, 5} {
			t.Fatalf("cycle %d is %v", cycle, order)
		}
		orders[order] = true
		first[order[0]]++
	}
	if len(orders) < 350 { // 720 orders, 600 drawn: 407 distinct ones expected
		t.Errorf("%d different orders in 600 cycles", len(orders))
	}
	for i, count := range first {
		if math.Abs(count-100) > 5*math.Sqrt(600*(1.0/6)*(5.0/6)) {
			t.Errorf("group %d comes first in %v of 600 cycles", i, count)
		}
	}
}

// TestSelectionDependsOnSeed: the random selections differ between seeds and agree for one.
func TestSelectionDependsOnSeed(t *testing.T) {
	for name, make := range map[string]func() Selection{"uniform": Uniform, "shuffled": Shuffled} {
		choices := func(seed uint64) []int {
			s := make()
			var all []int
			for step := range uint64(40) {
				chosen, _ := s.Select(seed, step, namedGroups(7))
				all = append(all, chosen...)
			}
			return all
		}
		if !slices.Equal(choices(1), choices(1)) {
			t.Errorf("%s: one seed, two orders", name)
		}
		if slices.Equal(choices(1), choices(2)) {
			t.Errorf("%s: two seeds, one order", name)
		}
	}
}
