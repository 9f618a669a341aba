package distributed

import (
	"math"
	"testing"

	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// checkSAM makes one step of SAM, of which each rank climbs by its own gradient: the step is the mean of those that the
// ranks would have made alone.
func checkSAM(w *World) error {
	if images%w.Size() != 0 {
		return nil
	}
	step := func(base G.Solver, rank int) ([]float64, error) {
		batch := images / w.Size()
		tr, err := newTraining(batch, 1)
		if err != nil {
			return nil, err
		}
		sam, err := optim.NewSAM(base, 0.1)
		if err != nil {
			return nil, err
		}
		machine, err := sam.Guard(tr.machine, tr.learnables...)
		if err != nil {
			return nil, err
		}
		if err := tr.give(0, rank*batch, batch); err != nil {
			return nil, err
		}
		if err := machine.RunAll(); err != nil {
			return nil, err
		}
		err = sam.Step(G.NodesToValueGrads(tr.learnables))
		return tr.weights(), err
	}
	sgd := func() *optim.SGD {
		s, _ := optim.NewSGD(0.1)
		return s
	}
	mean, err := NewSolver(sgd(), w)
	if err != nil {
		return err
	}
	got, err := step(mean, w.Rank())
	if err != nil {
		return err
	}
	want := make([]float64, len(got))
	for rank := range w.Size() {
		part, err := step(sgd(), rank)
		if err != nil {
			return err
		}
		for i, x := range part {
			want[i] += x / float64(w.Size())
		}
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) < 1e-12) {
			return errors.Errorf("weight %d of %d ranks is %v, want %v", i, w.Size(), got[i], want[i])
		}
	}
	return nil
}

func TestSAM(t *testing.T) {
	for n := 1; n <= 4; n++ {
		everyRank(t, n, checkSAM)
	}
}
