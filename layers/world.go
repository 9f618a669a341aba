package layers

import (
	"context"
	"fmt"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// A World is a group of processes, its ranks, that train one network together; distributed.World implements it. Sum and
// Share are collective: all ranks must make the same calls in the same order, and each waits for the others.
type World interface {
	// Rank returns this process's number, from 0 to Size()-1.
	Rank() int

	// Size returns the number of processes.
	Size() int

	// Sum sets x, on every rank, to the element-wise sum of x over the ranks, with the same bits on all. The length of x must
	// be the same on all.
	Sum(x []float64) error

	// Share returns, on every rank, the data passed by rank 0. What the others pass is ignored.
	Share(data []byte) ([]byte, error)

	// Withdraw takes the place of this rank's next collective call: the call that the other ranks wait in, or make next, fails
	// on them with an error that has, or wraps one that has, the method Withdrawn() (rank, code int, reason string). Later
	// calls are collective again.
	Withdraw(code int, reason string) error
}

// alone is the world of a model that has not joined one.
type alone struct{}

func (alone) Rank() int                         { return 0 }
func (alone) Size() int                         { return 1 }
func (alone) Sum([]float64) error               { return nil }
func (alone) Share(data []byte) ([]byte, error) { return data, nil }
func (alone) Withdraw(int, string) error        { return nil }

// ranks runs the operations that all ranks make together, such as Fit, so that a failure of one rank, at any point, ends the
// operation on all.
type ranks struct {
	World
	told error // the error of this operation that the other ranks know of
}

// reasons are the errors that are passed between ranks as numbers, so that errors.Is finds them on all ranks.
var reasons = []error{nil, context.Canceled, context.DeadlineExceeded, ErrNotFinite}

// codeOf returns the index in reasons of an error that err wraps, 0 if there is none.
func codeOf(err error) int {
	for code, reason := range reasons {
		if reason != nil && errors.Is(err, reason) {
			return code
		}
	}
	return 0
}

// rankError is the error of another rank.
type rankError struct {
	text   string
	reason error // one of reasons, or nil
}

func (e *rankError) Error() string { return e.text }
func (e *rankError) Unwrap() error { return e.reason }

// heard returns the other rank's error if err is due to a rank that withdrew, otherwise nil.
func (r *ranks) heard(err error) error {
	var withdrawal interface {
		Withdrawn() (rank, code int, reason string)
	}
	var machine interface{ Err() error } // the error of a Gorgonia machine, which has no Unwrap
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

// begin begins an operation.
func (r *ranks) begin() { r.told = nil }

// tell makes sure that all ranks know of err, and returns it, or the other rank's error that caused it.
func (r *ranks) tell(err error) error {
	if r.Size() == 1 || err == nil {
		return err
	}
	if heard := r.heard(err); heard != nil {
		return heard
	}
	if r.told == nil || !errors.Is(err, r.told) {
		r.told = err
		_ = r.Withdraw(codeOf(err), err.Error()) // if the world fails too, err is still the cause
	}
	return err
}

// refuse reports an error that keeps this rank from beginning an operation.
func (r *ranks) refuse(err error) error {
	r.begin()
	return r.tell(err)
}

// agree returns an error on all ranks if one of them has one. It ends an operation.
func (r *ranks) agree(err error) error { return r.sum(nil, err) }

// sum sets x, on all ranks, to the sum over the ranks. If a rank has an error, all return one at this point, so that none
// waits for a rank that has left: that rank returns its own, the others one that names it.
func (r *ranks) sum(x []float64, err error) error {
	if err == nil && r.Size() > 1 {
		err = errors.WithMessage(r.Sum(x), "layers")
	}
	return r.tell(err)
}

// first calls get on rank 0 and returns its result on all ranks.
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

// shares reports whether the batches are divided among the ranks. It is an error if they are divided for another rank, or
// another number of ranks, than the world's.
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

// check returns an error unless the ranks share the batches and the solver averages gradients over them.
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

// within returns the first T among the solver, the one it wraps, and so on.
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

// ranksOf returns the number of ranks over which the solver, or one it wraps, averages gradients.
func ranksOf(solver G.Solver) int {
	if s, ok := within[interface{ Ranks() int }](solver); ok {
		return s.Ranks()
	}
	return 1
}

// overlapper is a solver that averages gradients over the ranks. The machine returned by Overlap does so while a pass still
// computes other gradients; Overlaps reports whether that is worthwhile.
type overlapper interface {
	Overlaps() bool
	Overlap(vm G.VM, learnables ...*G.Node) G.VM
}

// averager is a solver that averages gradients over the ranks. Average does so ahead of the next Step, which then does not;
// Discard says that no Step follows.
type averager interface {
	Average(model []G.ValueGrad) error
	Discard()
}
