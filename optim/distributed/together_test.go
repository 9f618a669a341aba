package distributed

import (
	"bytes"
	"testing"

	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// checkShare shares data of any length, which the other ranks need not know.
func checkShare(w *World) error {
	for _, n := range []int{0, 1, 8, 9, 100_003} {
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(7 * i)
		}
		data := []byte("another one's")
		if w.Rank() == 0 {
			data = want
		}
		got, err := w.Share(data)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return errors.Errorf("rank %d has %d bytes: want the %d of rank 0", w.Rank(), len(got), n)
		}
	}
	return nil
}

func TestShare(t *testing.T) {
	for n := 1; n <= 4; n++ {
		everyRank(t, n, checkShare)
	}
}

// TestAverage: Average makes the gradients means, which Step does not exchange again, unless they were thrown away in
// between.
func TestAverage(t *testing.T) {
	everyRank(t, 2, func(w *World) error {
		tr, err := newTraining(images/2, 1)
		if err != nil {
			return err
		}
		sgd, err := optim.NewSGD(0)
		if err != nil {
			return err
		}
		solver, err := NewSolver(sgd, w)
		if err != nil {
			return err
		}
		model := G.NodesToValueGrads(tr.learnables)
		gradients := func() (all []float64) {
			for _, n := range tr.learnables {
				g, _ := n.Grad()
				all = append(all, g.Data().([]float64)...)
			}
			return all
		}
		for _, discarded := range []bool{false, true} {
			if err := tr.give(0, images/2*w.Rank(), images/2); err != nil {
				return err
			}
			if err := tr.machine.RunAll(); err != nil {
				return err
			}
			want := gradients()
			if err := Allreduce(w, want); err != nil {
				return err
			}
			for i := range want {
				want[i] /= 2
			}
			if err := solver.Average(model); err != nil {
				return err
			}
			if err := sameBits(gradients(), want); err != nil {
				return errors.WithMessage(err, "after Average")
			}
			if discarded {
				solver.Discard()
			}
			calls := w.number
			if err := solver.Step(model); err != nil {
				return err
			}
			if again := w.number > calls; again != discarded {
				return errors.Errorf("discarded %v, and Step exchanges gradients: %v", discarded, again)
			}
			tr.machine.Reset()
		}
		return nil
	})
}
