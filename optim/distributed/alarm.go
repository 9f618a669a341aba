package distributed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// failure is why a world broke. All ranks that hear of it tell it in the same words.
type failure struct {
	text    string
	missing []int    // ranks that were waited for in vain; none if a rank said itself that it failed
	host    []string // of each rank, if they are on several
}

func (f *failure) Error() string {
	if len(f.missing) == 0 {
		return "distributed: " + f.text
	}
	missing := slices.Clone(f.missing)
	slices.Sort(missing)
	var names []string
	for _, rank := range slices.Compact(missing) {
		name := fmt.Sprint("rank ", rank)
		if rank < len(f.host) {
			name += " on " + f.host[rank]
		}
		names = append(names, name)
	}
	return fmt.Sprintf("distributed: %s for %s, which has died, hangs, or does not take part", f.text, strings.Join(names, " and "))
}

// alarmSize is the length of an alarm in bytes: the number of missing ranks, that many ranks of four bytes, the text.
const (
	alarmSize  = 1024
	mostInText = 64 // missing ranks
)

func (f *failure) encode() []byte {
	b := make([]byte, alarmSize)
	missing := f.missing[:min(len(f.missing), mostInText)]
	b[0] = byte(len(missing))
	for i, rank := range missing {
		binary.LittleEndian.PutUint32(b[1+4*i:], uint32(rank))
	}
	copy(b[1+4*len(missing):], f.text)
	return b
}

// decodeAlarm returns nil for an alarm without a text: its rank has ended in order.
func decodeAlarm(b []byte) *failure {
	n := int(b[0])
	text, _, _ := bytes.Cut(b[1+4*n:], []byte{0})
	if len(text) == 0 {
		return nil
	}
	f := &failure{text: string(text)}
	for i := range n {
		f.missing = append(f.missing, int(binary.LittleEndian.Uint32(b[1+4*i:])))
	}
	return f
}

// An alarm is the message of a rank that fails, which may come at any time. Each rank sends every other one a single alarm
// in its life: an empty one when it ends in order, which it does when all ranks have called Finalize, though others may not
// have heard that from all yet.
type alarm struct {
	waiting
	text []byte
}

// listen begins to wait for the alarms of all other ranks.
func (w *World) listen() error {
	w.said = make(map[int]*failure)
	for rank := range w.size {
		if rank == w.rank {
			continue
		}
		a := alarm{text: make([]byte, alarmSize)}
		var err error
		if a.waiting, err = w.receive(a.text, rank, tagAlarm); err != nil {
			return err
		}
		w.alarms = append(w.alarms, a)
	}
	return nil
}

// hear takes the alarms that have come. Its error is of a rank of which none can come.
func (w *World) hear() (lost error) {
	w.alarms = slices.DeleteFunc(w.alarms, func(a alarm) bool {
		done, err := w.done(a.waiting)
		if done {
			w.said[a.rank] = decodeAlarm(a.text)
		}
		if lost == nil {
			lost = err
		}
		return done || err != nil
	})
	return lost
}

// alarmed returns the failure of a rank that has told one, if there is any.
func (w *World) alarmed() error {
	lost := w.hear()
	if f := w.told(); f != nil {
		return f
	}
	return lost
}

// told returns what has been heard: the failure of a rank itself before what others say of missing ones.
func (w *World) told() (first *failure) {
	for rank := range w.size {
		f := w.said[rank]
		if f != nil && (first == nil || len(first.missing) > 0 && len(f.missing) == 0) {
			first = f
		}
	}
	return first
}

// hush ends the waiting for alarms: each rank sends all others an empty one.
func (w *World) hush() error {
	sends, err := w.sendAll(make([]byte, alarmSize), tagAlarm)
	if err != nil {
		return err
	}
	p := patience{world: w, call: call{kind: finalize, Number: w.number - 1}}
	for len(sends) > 0 || len(w.alarms) > 0 {
		news, err := w.progress(&sends)
		if err != nil {
			return err
		}
		before := len(w.alarms)
		if err := w.alarmed(); err != nil {
			return err
		}
		missing := slices.Clone(sends)
		for _, a := range w.alarms {
			missing = append(missing, a.waiting)
		}
		if err := p.look(news+before-len(w.alarms), missing); err != nil {
			return err
		}
	}
	return nil
}

// moment is how long a rank that fails waits for its alarms to leave, and then for those of others. It may be the only one
// that is left.
const moment = time.Second

// breakDown breaks the world because of reason and tells the other ranks, once. It returns the error of all further calls.
func (w *World) breakDown(reason error) error {
	if w.broken != nil {
		return w.broken
	}
	w.broken = reason
	var f *failure
	if !errors.As(reason, &f) {
		f = &failure{text: fmt.Sprintf("rank %d of %d failed: %v", w.rank, w.size, reason)}
	}
	known := make(chan error, 1)
	go func() { // which stays behind if MPI hangs
		_ = w.do(func() error {
			w.tell(f)
			if len(f.missing) > 0 {
				known <- w.rollCall(f)
			}
			close(known)
			return nil
		})
	}()
	select {
	case named := <-known:
		if named != nil {
			w.broken = named
		}
	case <-time.After(3 * moment):
	}
	if errors.As(w.broken, &f) && w.hosts > 1 {
		f.host = w.host
	}
	return w.broken
}

// tell sends an alarm to all other ranks that can be reached, and waits a moment for it to leave.
func (w *World) tell(f *failure) {
	var sends []waiting
	text := f.encode()
	for rank := range w.size {
		if rank == w.rank {
			continue
		}
		if m, err := w.send(text, rank, tagAlarm); err == nil {
			sends = append(sends, m)
		}
	}
	for limit := time.Now().Add(moment); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		sends = slices.DeleteFunc(sends, func(m waiting) bool {
			done, err := w.done(m)
			return done || err != nil
		})
		if len(sends) == 0 {
			break
		}
	}
}

// rollCall finds out which ranks are missing. A rank that was waited for in vain may itself have waited for another one. So
// each rank that fails or hears of it says so to all; those that somebody missed and that say nothing for a moment are
// the ones.
func (w *World) rollCall(f *failure) error {
	limit := time.Now().Add(moment)
	for len(w.alarms) > 0 && time.Now().Before(limit) {
		_ = w.hear() // a rank of which nothing can come is silent
		time.Sleep(time.Millisecond)
	}
	if first := w.told(); first != nil && len(first.missing) == 0 {
		return first // it was not missing: it failed, and said so late
	}
	missed := slices.Clone(f.missing)
	for _, said := range w.said {
		if said != nil {
			missed = append(missed, said.missing...)
		}
	}
	slices.Sort(missed)
	missed = slices.Compact(missed)
	silent := slices.DeleteFunc(slices.Clone(missed), func(rank int) bool {
		_, spoke := w.said[rank]
		return spoke || rank == w.rank
	})
	if len(silent) == 0 { // all are alive: the messages between some of them are lost, or this rank is the one that was missed
		silent = missed
	}
	return &failure{text: f.text, missing: silent}
}

// sendAll begins to send data to all other ranks.
func (w *World) sendAll(data []byte, tag int) (sends []waiting, err error) {
	for rank := range w.size {
		if rank == w.rank {
			continue
		}
		m, err := w.send(data, rank, tag)
		if err != nil {
			return sends, err
		}
		sends = append(sends, m)
	}
	return sends, nil
}
