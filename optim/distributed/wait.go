package distributed

import (
	"fmt"
	"slices"
	"time"
)

// waiting is a message under way to or from a rank.
type waiting struct {
	pending
	rank int
}

// send begins to send data to a rank.
func (w *World) send(data []byte, to, tag int) (waiting, error) {
	p, err := w.wire.send(data, to, tag)
	return waiting{p, to}, w.lost(to, err)
}

// receive begins to receive data from a rank.
func (w *World) receive(data []byte, from, tag int) (waiting, error) {
	p, err := w.wire.receive(data, from, tag)
	return waiting{p, from}, w.lost(from, err)
}

// done reports whether a message has been carried. It is not asked again after it has, or after an error.
func (w *World) done(m waiting) (bool, error) {
	done, err := w.wire.done(m.pending)
	return done, w.lost(m.rank, err)
}

// lost is the failure of a message to or from a rank: a library that notices that a rank has died, as MPICH over UCX does,
// says so by the error of a message.
func (w *World) lost(rank int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{text: fmt.Sprintf("rank %d of %d has an error of a message, %v,", w.rank, w.size, err), missing: []int{rank}}
}

// progress takes the messages that have been carried out of the list, and returns how many.
func (w *World) progress(list *[]waiting) (int, error) {
	var failed error
	before := len(*list)
	*list = slices.DeleteFunc(*list, func(m waiting) bool {
		if failed != nil {
			return false
		}
		done, err := w.done(m)
		failed = err
		return done || err != nil
	})
	return before - len(*list), failed
}

// patience is what a rank does while nothing comes: it looks often at first, and leaves the processor to others more and
// more.
type patience struct {
	world *World
	call  call
	quiet time.Time // since when nothing comes; zero before the first look
	looks int       // since then
	open  *openList // of an exchange beside a pass, which is to have the processor; nil for one without
}

// defaultSpins is how many looks a rank makes at most before it sleeps between them.
const defaultSpins = 1 << 14

// look is called after each look at the messages; news is how many were carried, and missing those that were not.
func (p *patience) look(news int, missing []waiting) error {
	if news > 0 || p.quiet.IsZero() {
		p.quiet, p.looks = time.Now(), 0
		return nil
	}
	p.looks++
	beside := p.open != nil && !p.open.passed.Load()
	if p.looks%64 != 0 && !beside {
		return nil
	}
	if err := p.world.alarmed(); err != nil {
		return alsoMissing(err, missing)
	}
	since := time.Since(p.quiet)
	switch {
	case since > p.world.timeout:
		return p.world.late(p.call, missing)
	case beside:
		if failed, served := p.open.rest(pause(since)); failed != nil {
			return failed
		} else if served {
			p.quiet = time.Time{} // the others were there
		}
	case since > naps:
		time.Sleep(pause(since))
	case since > time.Millisecond || p.looks > p.world.spins:
		p.world.wire.idle(nap)
	default:
		p.world.wire.idle(0)
	}
	return nil
}

// A rank that has waited for a millisecond sleeps in naps; from the time naps on it does so by Go's timers, which are
// coarse.
const (
	nap  = 50 * time.Microsecond
	naps = 20 * time.Millisecond
)

// pause is how long a rank sleeps that has waited for some time: who waits for a second may do so for a millisecond more.
func pause(since time.Duration) time.Duration {
	return min(max(since/20, 50*time.Microsecond), time.Millisecond)
}

// late is the failure of ranks that did not answer in time.
func (w *World) late(c call, missing []waiting) error {
	return &failure{text: fmt.Sprintf("rank %d of %d waited %v in %v", w.rank, w.size, w.timeout, c), missing: ranksOf(missing)}
}

// alsoMissing adds the ranks that this one waits for to those that another one has waited for in vain: that one may have
// waited for this one alone.
func alsoMissing(err error, missing []waiting) error {
	f, ok := err.(*failure)
	if !ok || len(f.missing) == 0 {
		return err
	}
	return &failure{text: f.text, missing: append(ranksOf(missing), f.missing...)}
}

// ranksOf returns the ranks that messages are to come from or to go to.
func ranksOf(list []waiting) (ranks []int) {
	for _, m := range list {
		ranks = append(ranks, m.rank)
	}
	slices.Sort(ranks)
	return slices.Compact(ranks)
}

// wait waits until all messages of the list have been carried.
func (w *World) wait(c call, list []waiting) error {
	p := patience{world: w, call: c}
	for len(list) > 0 {
		news, err := w.progress(&list)
		if err != nil {
			return err
		}
		if err := p.look(news, list); err != nil {
			return err
		}
	}
	return nil
}
