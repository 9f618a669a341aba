package layers

import (
	"context"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// A World is the processes that train one network together, its ranks; distributed.World is one. Its calls are collective:
// each returns when all ranks have made it, and all make the same ones in the same order.
type World interface {
	// Rank returns this process's number, from 0 to Size()-1.
	Rank() int

	// Size returns the number of processes.
	Size() int

	// Sum sets x, on every rank, to the sum of all ranks' x, element by element, to the same bits on all. Its length is the
	// same on all.
	Sum(x []float64) error

	// Share returns, on every rank, the data that rank 0 gives. What the others give is not looked at.
	Share(data []byte) ([]byte, error)
}

// alone is the world of a model that has joined no other.
type alone struct{}

func (alone) Rank() int                         { return 0 }
func (alone) Size() int                         { return 1 }
func (alone) Sum([]float64) error               { return nil }
func (alone) Share(data []byte) ([]byte, error) { return data, nil }

// ranks is what a model does with its world.
type ranks struct {
	World
	memory []float64
}

// A rank's state is the first thing that it tells the others when they exchange numbers.
var states = []error{nil, context.Canceled, context.DeadlineExceeded, ErrNotFinite, errors.New("it failed")}

// stateOf returns the number of the state that err is.
func stateOf(err error) float64 {
	for i, s := range states {
		if errors.Is(err, s) {
			return float64(i)
		}
	}
	return float64(len(states) - 1)
}

// sum sets x, on all ranks, to the sum of theirs, unless a rank comes with an error. Then all return one: that rank its own, the
// others one that names it. So they all end at the same place, and none waits for one that has left.
func (r *ranks) sum(x []float64, err error) error {
	if r.Size() == 1 {
		return err
	}
	r.memory = append(append(r.memory[:0], make([]float64, r.Size())...), x...)
	r.memory[r.Rank()] = stateOf(err)
	if failed := r.Sum(r.memory); failed != nil && err == nil {
		return errors.WithMessage(failed, "layers")
	}
	if err != nil {
		return err
	}
	for rank, state := range r.memory[:r.Size()] {
		if state != 0 {
			return errors.Wrapf(states[int(state)], "layers: rank %d of %d", rank, r.Size())
		}
	}
	copy(x, r.memory[r.Size():])
	return nil
}

// agree returns an error on all ranks if one comes with an error.
func (r *ranks) agree(err error) error { return r.sum(nil, err) }

// first returns, on all ranks, what get returns on rank 0.
func (r *ranks) first(get func() ([]byte, error)) ([]byte, error) {
	const sound, broken = 0, 1
	if r.Size() == 1 {
		return get()
	}
	var message []byte
	if r.Rank() == 0 {
		data, err := get()
		if message = append([]byte{sound}, data...); err != nil {
			message = append([]byte{broken}, err.Error()...)
		}
	}
	message, err := r.Share(message)
	if err != nil {
		return nil, errors.WithMessage(err, "layers")
	}
	if len(message) == 0 || message[0] == broken {
		return nil, errors.Errorf("layers: rank 0: %s", message[min(1, len(message)):])
	}
	return message[1:], nil
}

// shares reports whether the ranks of the world share batches, or all have the same. Those that another number of ranks shares are
// an error.
func (r *ranks) shares(batches AnyBatches) (bool, error) {
	b, ok := batches.(interface{ Ranks() (rank, ranks int) })
	if !ok {
		return false, nil
	}
	rank, of := b.Ranks()
	if of == 1 {
		return false, nil
	}
	if rank != r.Rank() || of != r.Size() {
		return false, errors.Errorf("layers: the batches are those of rank %d of %d, the model has joined a world as rank %d of %d", rank, of, r.Rank(), r.Size())
	}
	return true, nil
}

// check refuses to train on batches that the ranks do not share, and with a solver that does not take the mean of their gradients.
func (r *ranks) check(batches AnyBatches, solver G.Solver) error {
	shared, err := r.shares(batches)
	if err != nil {
		return err
	}
	if _, tells := batches.(interface{ Ranks() (rank, ranks int) }); tells && !shared && r.Size() > 1 {
		return errors.Errorf("layers: all %d ranks would train on the same batches: set Rank and Ranks of the loader's configuration", r.Size())
	}
	if of := ranksOf(solver); of != r.Size() {
		return errors.Errorf("layers: the solver steps by the gradients of %d ranks, the model has joined a world of %d: "+
			"want Join(world), and distributed.NewSolver(base, world) as the base solver", of, r.Size())
	}
	return nil
}

// within returns the first of the solver, the one that it wraps and so on that is a T; the zero T if none is.
func within[T any](solver G.Solver) (found T, ok bool) {
	for {
		if found, ok = solver.(T); ok {
			return found, true
		}
		wrapper, wraps := solver.(interface{ Base() G.Solver })
		if !wraps {
			return found, false
		}
		solver = wrapper.Base()
	}
}

// ranksOf returns how many ranks the mean is over that the solver, or the one it wraps, steps by.
func ranksOf(solver G.Solver) int {
	if s, ok := within[interface{ Ranks() int }](solver); ok {
		return s.Ranks()
	}
	return 1
}

// averager is a solver that takes the mean of the ranks' gradients. Average does it before the next Step, which does not do it
// again, and Discard says that no step will follow.
type averager interface {
	Average(model []G.ValueGrad) error
	Discard()
}
