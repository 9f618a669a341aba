package distributed

import (
	"encoding/binary"
	"fmt"
)

// Tags of messages, which MPI has room for up to 32767. An all-reduce has two for each block. One that goes on beside a pass
// has others than those that are made within the pass.
const (
	tagCall  = 0
	tagAlarm = 1
	tagData  = 2
	tagOpen  = tagData + maxTags
)

// kind is what a collective call does.
type kind uint32

const (
	barrier kind = iota
	finalize
	broadcast
	allreduce
	comparison
	withdrawing // in the place of any other: see Withdraw
	census
)

func (k kind) String() string {
	return [...]string{"Barrier", "Finalize", "Broadcast", "Allreduce", "Step", "Withdraw", "Init"}[k]
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

// collective makes sure that all ranks make the same call, and makes it. An error breaks the world, and the others are told;
// but not the withdrawal of a rank.
func (w *World) collective(c call, exchange func() error) error {
	if w.size == 1 && w.wire == nil {
		return w.broken
	}
	if w.open != nil { // who breaks the world then is the exchange beside the pass, which has its error
		c = w.count(c)
		made, err := w.open.within(func() error { return w.perform(c, exchange) })
		if !made {
			w.number-- // the others have not made it either
		}
		return err
	}
	if w.broken != nil {
		return w.broken
	}
	return w.complete(w.count(c), exchange)
}

// count gives a call its number.
func (w *World) count(c call) call {
	c.Number = w.number
	w.number++
	return c
}

// complete makes a call that has its number.
func (w *World) complete(c call, exchange func() error) error {
	err := w.do(func() error { return w.perform(c, exchange) })
	if _, withdrawn := err.(*Withdrawal); err == nil || withdrawn {
		return err
	}
	return w.breakDown(err)
}

// perform is what a call does where MPI may be called.
func (w *World) perform(c call, exchange func() error) error {
	if err := w.agree(c); err != nil || exchange == nil {
		return err
	}
	return exchange()
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
		in, err := w.receive(theirs[rank*callSize:(rank+1)*callSize], rank, tagCall)
		if err != nil {
			return err
		}
		out, err := w.send(mine, rank, tagCall)
		if err != nil {
			return err
		}
		list = append(list, in, out)
	}
	if err := w.wait(c, list); err != nil {
		return err
	}
	calls := make([]call, w.size)
	for rank := range calls {
		calls[rank] = decodeCall(theirs[rank*callSize:])
	}
	calls[w.rank] = c
	if err := w.withdrawn(c, calls); err != nil {
		return err
	}
	for rank, other := range calls {
		if other != c {
			return &failure{text: fmt.Sprintf("rank %d calls %v while rank %d calls %v: all ranks must make the same calls in the same order",
				w.rank, c, rank, other)}
		}
	}
	return nil
}
