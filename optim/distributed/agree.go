package distributed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// Tags of messages. Those of data follow: two for each block of an all-reduce, which MPI has room for up to 32767.
const (
	tagCall = iota
	tagAlarm
	tagData
)

// kind is what a collective call does.
type kind uint32

const (
	barrier kind = iota
	finalize
	broadcast
	allreduce
	comparison
)

func (k kind) String() string {
	return [...]string{"Barrier", "Finalize", "Broadcast", "Allreduce", "Step"}[k]
}

// call is what ranks tell each other before they exchange data, so that an error can say who does something else.
type call struct {
	Number uint64 // of the call, from 0
	kind   kind
	Count  uint64 // elements
	Bytes  uint32 // an element
	Root   int32
}

const callSize = 28

func (c call) encode() []byte {
	b := make([]byte, 0, callSize)
	b = binary.LittleEndian.AppendUint64(b, c.Number)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.kind))
	b = binary.LittleEndian.AppendUint64(b, c.Count)
	b = binary.LittleEndian.AppendUint32(b, c.Bytes)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Root))
	return b
}

func decodeCall(b []byte) call {
	return call{
		Number: binary.LittleEndian.Uint64(b),
		kind:   kind(binary.LittleEndian.Uint32(b[8:])),
		Count:  binary.LittleEndian.Uint64(b[12:]),
		Bytes:  binary.LittleEndian.Uint32(b[20:]),
		Root:   int32(binary.LittleEndian.Uint32(b[24:])),
	}
}

func (c call) String() string {
	switch c.kind {
	case broadcast:
		return fmt.Sprintf("%v of %d elements of %d bytes from rank %d (its call %d)", c.kind, c.Count, c.Bytes, c.Root, c.Number)
	case allreduce:
		return fmt.Sprintf("%v of %d elements of %d bytes (its call %d)", c.kind, c.Count, c.Bytes, c.Number)
	case comparison:
		return fmt.Sprintf("%v with %d parameters (its call %d)", c.kind, c.Count, c.Number)
	}
	return fmt.Sprintf("%v (its call %d)", c.kind, c.Number)
}

// An alarm is the message of a rank that fails, which may come at any time.
type alarm struct {
	rank int
	text []byte
	pending
}

const alarmSize = 512

// listen begins to wait for the alarms of all other ranks.
func (w *World) listen() error {
	for rank := range w.size {
		if rank == w.rank {
			continue
		}
		a := alarm{rank: rank, text: make([]byte, alarmSize)}
		var err error
		if a.pending, err = w.wire.receive(a.text, rank, tagAlarm); err != nil {
			return err
		}
		w.alarms = append(w.alarms, a)
	}
	return nil
}

// hush ends the waiting for alarms: each rank sends all others an empty one.
func (w *World) hush() error {
	if err := w.sendAll(make([]byte, alarmSize), tagAlarm); err != nil {
		return err
	}
	var waiting []waiting
	for _, a := range w.alarms {
		waiting = append(waiting, wait(a.pending, a.rank))
	}
	w.alarms = nil
	return w.wait(call{kind: finalize}, waiting)
}

// fail tells all other ranks why this one fails. It waits a moment for the message to leave, and no longer.
func (w *World) fail(reason error) {
	text := make([]byte, alarmSize)
	copy(text, fmt.Sprintf("rank %d of %d failed: %v", w.rank, w.size, reason))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = w.do(func() error {
			w.alarms = nil
			return w.sendAll(text, tagAlarm)
		})
	}()
	select {
	case <-sent:
	case <-time.After(time.Second):
	}
}

// sendAll sends data to all other ranks, and waits until it has left.
func (w *World) sendAll(data []byte, tag int) error {
	var sends []waiting
	for rank := range w.size {
		if rank == w.rank {
			continue
		}
		p, err := w.wire.send(data, rank, tag)
		if err != nil {
			return err
		}
		sends = append(sends, wait(p, rank))
	}
	limit := time.Now().Add(min(w.timeout, time.Second))
	for len(sends) > 0 && time.Now().Before(limit) {
		if _, err := w.progress(&sends); err != nil {
			return err
		}
	}
	return nil
}

// waiting is a message under way to or from a rank.
type waiting struct {
	pending
	rank int
}

func wait(p pending, rank int) waiting { return waiting{p, rank} }

// progress takes the messages that have been carried out of the list, and returns how many.
func (w *World) progress(list *[]waiting) (int, error) {
	var failed error
	before := len(*list)
	*list = slices.DeleteFunc(*list, func(m waiting) bool {
		if failed != nil {
			return false
		}
		done, err := w.wire.done(m.pending)
		failed = err
		return done
	})
	return before - len(*list), failed
}

// alarmed returns the error of a rank that failed. An empty alarm is no failure: its rank has ended, which it does when all
// ranks have called Finalize, though this one may not have heard that from all yet.
func (w *World) alarmed() error {
	for i := 0; i < len(w.alarms); i++ {
		a := w.alarms[i]
		done, err := w.wire.done(a.pending)
		if err != nil {
			return err
		}
		if !done {
			continue
		}
		w.alarms = slices.Delete(w.alarms, i, i+1)
		i--
		if text, _, _ := bytes.Cut(a.text, []byte{0}); len(text) > 0 {
			return errors.Errorf("distributed: %s", text)
		}
	}
	return nil
}

// patience is what a rank does while nothing comes: it looks often at first, and then leaves the processor to others.
type patience struct {
	world   *World
	call    call
	quiet   time.Time // since when
	looks   int
	nothing bool
}

// look is called after each look at the messages; news is how many were carried.
func (p *patience) look(news int, missing []waiting) error {
	if news > 0 || !p.nothing {
		p.quiet, p.looks, p.nothing = time.Now(), 0, true
		return nil
	}
	p.looks++
	if p.looks%64 != 0 {
		return nil
	}
	if err := p.world.alarmed(); err != nil {
		return err
	}
	since := time.Since(p.quiet)
	switch {
	case since > p.world.timeout:
		return p.world.late(p.call, missing)
	case since > time.Millisecond:
		time.Sleep(50 * time.Microsecond)
	default:
		runtime.Gosched()
	}
	return nil
}

// late is the error of ranks that did not answer in time.
func (w *World) late(c call, missing []waiting) error {
	var ranks []int
	for _, m := range missing {
		if !slices.Contains(ranks, m.rank) {
			ranks = append(ranks, m.rank)
		}
	}
	slices.Sort(ranks)
	names := strings.Trim(fmt.Sprint(ranks), "[]")
	return errors.Errorf("distributed: rank %d of %d waited %v in %v for rank %s, which has died, hangs, or does not take part",
		w.rank, w.size, w.timeout, c, names)
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

// collective makes sure that all ranks make the same call, and makes it. An error breaks the world, and the others are told.
func (w *World) collective(c call, exchange func() error) error {
	if w.broken != nil {
		return w.broken
	}
	if w.size == 1 && w.wire == nil {
		return nil
	}
	c.Number = w.number
	w.number++
	err := w.do(func() error {
		if err := w.agree(c); err != nil || exchange == nil {
			return err
		}
		return exchange()
	})
	if err != nil {
		w.broken = err
		w.fail(err)
	}
	return err
}

// agree exchanges calls with all other ranks. It returns when every rank has come to it, so it is a barrier, too.
func (w *World) agree(c call) error {
	mine := c.encode()
	theirs := make([]byte, w.size*callSize)
	var list []waiting
	for rank := range w.size {
		if rank == w.rank {
			continue
		}
		in, err := w.wire.receive(theirs[rank*callSize:(rank+1)*callSize], rank, tagCall)
		if err != nil {
			return err
		}
		out, err := w.wire.send(mine, rank, tagCall)
		if err != nil {
			return err
		}
		list = append(list, wait(in, rank), wait(out, rank))
	}
	if err := w.wait(c, list); err != nil {
		return err
	}
	for rank := range w.size {
		if rank == w.rank {
			continue
		}
		if other := decodeCall(theirs[rank*callSize:]); other != c {
			return errors.Errorf("distributed: rank %d calls %v while rank %d calls %v: all ranks must make the same calls in the same order",
				w.rank, c, rank, other)
		}
	}
	return nil
}
