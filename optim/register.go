package optim

import (
	"sync"
	"sync/atomic"
	"weak"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// noisy knows the tensors of the process that carry noise now. A solver that meets the noise of another one takes it out
// first, even if that solver is garbage by now: noise never stays behind in weights.
//
// The register does not keep tensors alive. It holds the memory with their clean weights, and drops it, now and then, for
// tensors that are gone.
var noisy register

type register struct {
	mu     sync.Mutex
	byData map[uintptr]*carrier // by the memory that shows the noise
	size   atomic.Int32         // of byData, for those who find it empty
	sweep  int                  // size of byData at which it is swept next
}

// carrier is the noise of one injection: what a solver puts into weights together and takes out together.
type carrier struct {
	owner   string // describes the solver
	tensors []carried
	in      atomic.Bool
	running atomic.Bool // a guarded machine is evaluating a graph
}

// carried is a tensor with noise. Out of it, clean weights are in memory and noisy ones in spare; so they are with noise in
// it, if a tensor can be pointed at the spare memory, and otherwise the two have changed places.
type carried struct {
	name    string
	pointed bool
	dense   weak.Pointer[tensor.Dense] // pointed
	memory  vec                        // the parameter's
	spare   vec
}

// shows returns the memory that shows the noise while it is in.
func (c *carried) shows() vec {
	if c.pointed {
		return c.spare
	}
	return c.memory
}

// put makes the noisy weights those that graphs see, or the clean ones.
func (c *carried) put(noise bool) {
	if !c.pointed {
		c.memory.swap(c.spare)
		return
	}
	t := c.dense.Value()
	switch {
	case t == nil: // nobody can see it
	case noise:
		t.Raw = c.spare.bytes()
	default:
		t.Raw = c.memory.bytes()
	}
}

// putBack puts the noise back that clear took out.
func (s *paramSet) putBack() {
	for _, m := range s.met {
		if !m.carrier.in.Load() {
			noisy.put(m.carrier)
		}
	}
}

// put puts the carrier's noise into the weights. It must be out of them.
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

// take takes the carrier's noise out of the weights, if it is in.
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

// behind returns the clean weights of a parameter whose value shows v, and whose noise it is that hides them, if any does.
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

// clear takes the noise of other carriers than own out of the parameters that s resolved last, or refuses if a guarded
// machine is running with it. With an error nothing has changed.
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
