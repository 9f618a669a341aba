package layers

import (
	"context"
	"fmt"
	"math"
	"strings"

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

	// Withdraw tells the other ranks, in the place of the call that they make next or in which they wait now, that this rank
	// does not make it. Theirs returns an error that has, or wraps one that has, the method Withdrawn() (rank, code int,
	// reason string), and the calls after it are again those that all make.
	Withdraw(code int, reason string) error
}

// alone is the world of a model that has joined no other.
type alone struct{}

func (alone) Rank() int                         { return 0 }
func (alone) Size() int                         { return 1 }
func (alone) Sum([]float64) error               { return nil }
func (alone) Share(data []byte) ([]byte, error) { return data, nil }
func (alone) Withdraw(int, string) error        { return nil }

// ranks is what a model does with its world. An operation of all ranks, such as Fit, may fail on one of them at any place:
// it returns its error, and the end of the operation tells the others.
type ranks struct {
	World
	told error // by this rank to the others, in the operation that goes on
}

// reasons are the errors that a rank tells the others by a number, so that errors.Is finds them on all ranks.
var reasons = []error{nil, context.Canceled, context.DeadlineExceeded, ErrNotFinite}

// codeOf returns the number of the reason that err is, 0 for another one.
func codeOf(err error) int {
	for code, reason := range reasons {
		if reason != nil && errors.Is(err, reason) {
			return code
		}
	}
	return 0
}

// rankError is why another rank ended.
type rankError struct {
	text   string
	reason error // of reasons
}

func (e *rankError) Error() string { return e.text }
func (e *rankError) Unwrap() error { return e.reason }

// heard returns the error of a call that another rank withdrew from, or of what such a call was a part of: it says which one
// and why. Nil for other errors.
func (r *ranks) heard(err error) error {
	var withdrawal interface {
		Withdrawn() (rank, code int, reason string)
	}
	var machine interface{ Err() error } // the error of a Gorgonia machine, which cannot be unwrapped
	var known *rankError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &withdrawal):
		rank, code, reason := withdrawal.Withdrawn()
		e := &rankError{text: fmt.Sprintf("layers: rank %d of %d: %s", rank, r.Size(), reason)}
		if code >= 0 && code < len(reasons) {
			e.reason = reasons[code]
		}
		return e
	case errors.As(err, &machine):
		return r.heard(machine.Err())
	}
	return nil
}

// begin begins an operation of all ranks.
func (r *ranks) begin() { r.told = nil }

// tell makes sure that the other ranks know of an error, and returns it: that of another rank as that of this one.
func (r *ranks) tell(err error) error {
	if r.Size() == 1 || err == nil {
		return err
	}
	if heard := r.heard(err); heard != nil {
		return heard
	}
	if r.told == nil || !errors.Is(err, r.told) {
		r.told = err
		_ = r.Withdraw(codeOf(err), err.Error()) // an error of the world is no news
	}
	return err
}

// refuse ends an operation that this rank does not begin.
func (r *ranks) refuse(err error) error {
	r.begin()
	return r.tell(err)
}

// agree returns an error on all ranks if one comes with an error. An operation of all ranks ends with it.
func (r *ranks) agree(err error) error { return r.sum(nil, err) }

// sum sets x, on all ranks, to the sum of theirs, unless a rank comes with an error. Then all return one: that rank its own,
// the others one that names it. So they all end at the same place, and none waits for one that has left.
func (r *ranks) sum(x []float64, err error) error {
	if err == nil && r.Size() > 1 {
		err = errors.WithMessage(r.Sum(x), "layers")
	}
	return r.tell(err)
}

// first returns, on all ranks, what get returns on rank 0.
func (r *ranks) first(get func() ([]byte, error)) (data []byte, err error) {
	if r.Rank() == 0 {
		data, err = get()
	}
	if err == nil && r.Size() > 1 {
		data, err = r.Share(data)
		err = errors.WithMessage(err, "layers")
	}
	return data, r.tell(err)
}

// alike returns an error on each rank whose lines, which say what it is about to do, are not those of rank 0.
func (r *ranks) alike(lines ...string) error {
	if r.Size() == 1 {
		return nil
	}
	theirs, err := r.first(func() ([]byte, error) { return []byte(strings.Join(lines, "\n")), nil })
	if err != nil {
		return err
	}
	for i, line := range strings.Split(string(theirs), "\n") {
		if i < len(lines) && lines[i] != line {
			return errors.Errorf("layers: rank %d has %s, rank 0 has %s: all ranks must have the same", r.Rank(), lines[i], line)
		}
	}
	return nil
}

// description says how many batches there are, and of loaders what determines their order.
func description(batches AnyBatches) string {
	if of, ok := batches.(interface {
		fmt.Stringer
		Ranks() (rank, ranks int)
	}); ok && hasPasses(batches) {
		return of.String()
	}
	return fmt.Sprintf("%d batches a pass", batches.Len())
}

// digest returns a hash of the bits of a []float32 or []float64.
func digest(data any) uint64 {
	const prime = 1099511628211
	hash := uint64(14695981039346656037)
	if x, ok := data.([]float32); ok {
		for _, v := range x {
			hash = (hash ^ uint64(math.Float32bits(v))) * prime
		}
		return hash
	}
	for _, v := range data.([]float64) {
		hash = (hash ^ math.Float64bits(v)) * prime
	}
	return hash
}

// shares reports whether the ranks of the world share batches, or all have the same. Those that another number of ranks
// shares are an error.
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

// check refuses to train on batches that the ranks do not share, and with a solver that does not take the mean of their
// gradients.
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

// overlapper is a solver that takes the mean of the ranks' gradients. The machine that Overlap returns may do so while a
// pass still computes other gradients, if Overlaps says that it is worth it.
type overlapper interface {
	Overlaps() bool
	Overlap(vm G.VM, learnables ...*G.Node) G.VM
}

// averager is a solver that takes the mean of the ranks' gradients. Average does it before the next Step, which does not do
// it again, and Discard says that no step will follow.
type averager interface {
	Average(model []G.ValueGrad) error
	Discard()
}
