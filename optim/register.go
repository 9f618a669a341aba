package optim

import (
	"sync"
	"sync/atomic"
	"weak"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// noisy registers the tensors of the process that currently carry noise. A solver that meets noise of another one first
// removes it, even if that solver has been garbage-collected: noise is never left behind in weights.
//
// The register does not keep tensors alive. It holds the memory with their clean weights, and from time to time drops that
// of tensors that are gone.
var noisy register

type register struct {
	mu     sync.Mutex
	byData map[uintptr]*carrier // keyed by the memory with the noise
	size   atomic.Int32         // of byData, to see without a lock that it is empty
	sweep  int                  // size of byData at the next sweep
}

// carrier is the noise of one injection: everything that a solver injects and removes together.
type carrier struct {
	owner   string // describes the solver
	tensors []carried
	in      atomic.Bool
	running atomic.Bool // a guarded machine is evaluating a graph
}

// carried is a tensor with noise. Without noise, the clean weights are in memory and the noisy ones in spare. That remains
// so with noise if the tensor can be pointed at the spare memory; otherwise the two are swapped.
type carried struct {
	name    string
	pointed bool
	dense   weak.Pointer[tensor.Dense] // the tensor that is pointed at spare
	memory  vec                        // of the parameter
	spare   vec
}

// shows returns the memory through which the noise is seen.
func (c *carried) shows() vec {
	if c.pointed {
		return c.spare
	}
	return c.memory
}

// put shows graphs the noisy weights, or the clean ones.
func (c *carried) put(noise bool) {
	if !c.pointed {
		c.memory.swap(c.spare)
		return
	}
	t := c.dense.Value()
	switch {
	case t == nil: // the tensor is gone
	case noise:
		t.Raw = c.spare.bytes()
	default:
		t.Raw = c.memory.bytes()
	}
}

// putBack restores the noise that clear removed.
func (s *paramSet) putBack() {
	for _, m := range s.met {
		if !m.carrier.in.Load() {
			noisy.put(m.carrier)
		}
	}
}

// put puts the carrier's noise into the weights, which must not hold it yet.
func (r *register) put(c *carrier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byData == nil {
		r.byData = map[uintptr]*carrier{}
	}
	for i := range c.tensors {
		t := &c.tensors[i]
		t.put(true)
		r.byData[uintptr(t.shows().data())] = c
	}
	c.in.Store(true)
	if len(r.byData) > r.sweep {
		r.forget()
		r.sweep = 2*len(r.byData) + 64
	}
	r.size.Store(int32(len(r.byData)))
}

// take removes the carrier's noise from the weights, if it is there.
func (r *register) take(c *carrier) {
	if !c.in.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range c.tensors {
		t := &c.tensors[i]
		delete(r.byData, uintptr(t.shows().data()))
		t.put(false)
	}
	c.in.Store(false)
	r.size.Store(int32(len(r.byData)))
}

// forget drops the carriers whose tensors are all gone.
func (r *register) forget() {
	for data, c := range r.byData {
		if c.gone() {
			delete(r.byData, data)
		}
	}
}

func (c *carrier) gone() bool {
	for _, t := range c.tensors {
		if !t.pointed || t.dense.Value() != nil {
			return false
		}
	}
	return true
}

// behind returns the clean weights of a parameter whose current value is v, and the carrier of the noise that hides them, if
// any.
func (r *register) behind(v vec) (vec, *carrier) {
	if r.size.Load() == 0 {
		return v, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.byData[uintptr(v.data())]
	if c == nil {
		return v, nil
	}
	for _, t := range c.tensors {
		if t.shows().data() == v.data() {
			return t.memory, c
		}
	}
	return v, nil
}

// clear removes the noise of carriers other than own from the parameters that s resolved last, or returns an error if a
// guarded machine is running with it. After an error nothing has changed.
func (r *register) clear(s *paramSet, own *carrier) error {
	for _, m := range s.met {
		if m.carrier != own && m.carrier.running.Load() {
			p, by := s.order[m.place], "this solver"
			if own != nil {
				by = own.owner
			}
			return errors.Wrapf(ErrProtocol, "optim: parameter %s %v carries noise of %s, whose guarded machine is running: "+
				"%s cannot have it at the same time; is one machine guarded twice?", p.name, p.shape, m.carrier.owner, by)
		}
	}
	for _, m := range s.met {
		if m.carrier != own {
			r.take(m.carrier)
		}
	}
	return nil
}
