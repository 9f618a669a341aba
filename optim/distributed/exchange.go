package distributed

import (
	"time"
	"unsafe"

	"github.com/pkg/errors"
)

// A Float is what the elements of tensors may be.
type Float interface{ float32 | float64 }

// defaultBlock is how many bytes of a vector are exchanged at a time: few enough for the caches, enough for a network.
const defaultBlock = 1 << 20

// window is how many blocks are under way at a time.
const window = 4

// maxTags is how many tags of data there are before they are used again.
const maxTags = 16384

// Allreduce sets x, on every rank, to the sum of all ranks' x, element by element. Its length must be the same on all.
//
// The order of the sum is fixed, whatever the library: ranks 0 and 1, 2 and 3, ... are added, then these sums by pairs, and so
// on. So the bits are the same on all ranks, from run to run, and from one library and network to another.
func Allreduce[T Float](w *World, x []T) error { return allreduceAll(w, [][]T{x}) }

// allreduceAll is Allreduce of several vectors at once.
func allreduceAll[T Float](w *World, list [][]T) error {
	count := 0
	for _, x := range list {
		count += len(x)
	}
	c := call{kind: allreduce, Count: uint64(count), Bytes: uint32(unsafe.Sizeof(T(0)))}
	return w.collective(c, func() error { return sumBlocks(w, c, list, nil) })
}

// block is a part of a vector on its way through an all-reduce: first each rank gets its segment from all others and
// sums it, then it sends the sum to all others. 2 (R-1)/R of the bytes leave each rank and come to it, as in a ring.
type block[T Float] struct {
	x        []T   // all of it
	parts    [][]T // this rank's segment, of all ranks
	tag      int
	list     []waiting
	gathered bool // the sums are on their way
}

// segment returns rank r's segment of the block.
func (b *block[T]) segment(r int) []T {
	ranks := len(b.parts)
	n := (len(b.x) + ranks - 1) / ranks
	return b.x[min(r*n, len(b.x)):min((r+1)*n, len(b.x))]
}

// sumBlocks sums the vectors of the list, in its order. Those of an open list are taken when they are ready.
func sumBlocks[T Float](w *World, c call, list [][]T, open *openList) error {
	size := w.block / int(unsafe.Sizeof(T(0)))
	var blocks, ready []*block[T]
	list = append([][]T(nil), list...)
	vectors := len(list)
	next := func() *block[T] { // the next block of the list, nil if there is none yet
		for len(list) > 0 && len(list[0]) == 0 {
			list = list[1:]
		}
		if len(list) == 0 || !open.isReady(vectors-len(list)) {
			return nil
		}
		n := min(size, len(list[0]))
		b := &block[T]{x: list[0][:n]}
		list[0] = list[0][n:]
		if len(ready) > 0 {
			b.parts, ready = ready[0].parts, ready[1:]
			return b
		}
		b.parts = make([][]T, w.size)
		for r := range b.parts {
			b.parts[r] = make([]T, (size+w.size-1)/w.size)
		}
		return b
	}
	p := patience{world: w, call: c, idle: open != nil}
	tag := 0
	for {
		for len(blocks) < window {
			b := next()
			if b == nil {
				break
			}
			b.tag = tagData + 2*(tag%(maxTags/2))
			tag++
			if err := b.scatter(w); err != nil {
				return err
			}
			blocks = append(blocks, b)
		}
		if len(blocks) == 0 {
			if len(list) == 0 {
				return nil
			}
			if err := open.wait(w); err != nil {
				return err
			}
			p.quiet = time.Time{} // this rank's own work took the time
			continue
		}
		news := 0
		var missing []waiting
		for i := 0; i < len(blocks); i++ {
			b := blocks[i]
			n, err := w.progress(&b.list)
			if err != nil {
				return err
			}
			news += n
			switch {
			case len(b.list) > 0:
				missing = append(missing, b.list...)
			case b.gathered:
				blocks = append(blocks[:i], blocks[i+1:]...)
				ready = append(ready, b)
				i--
				news++
			default:
				b.sum(w.rank)
				if err := b.gather(w); err != nil {
					return err
				}
				news++
			}
		}
		if err := p.look(news, missing); err != nil {
			return err
		}
	}
}

// scatter sends each rank its segment, and receives this rank's from all.
func (b *block[T]) scatter(w *World) error {
	mine := len(b.segment(w.rank))
	return b.exchange(w, b.tag, b.segment, func(r int) []T { return b.parts[r][:mine] })
}

// gather sends this rank's segment to all, and receives theirs.
func (b *block[T]) gather(w *World) error {
	b.gathered = true
	return b.exchange(w, b.tag+1, func(int) []T { return b.segment(w.rank) }, b.segment)
}

func (b *block[T]) exchange(w *World, tag int, out, in func(rank int) []T) error {
	for k := 1; k < w.size; k++ { // not all begin with the same one
		r := (w.rank + k) % w.size
		if x := in(r); len(x) > 0 {
			p, err := w.wire.receive(bytesOf(x), r, tag)
			if err != nil {
				return err
			}
			b.list = append(b.list, wait(p, r))
		}
		if x := out(r); len(x) > 0 {
			p, err := w.wire.send(bytesOf(x), r, tag)
			if err != nil {
				return err
			}
			b.list = append(b.list, wait(p, r))
		}
	}
	return nil
}

// sum adds the segments of all ranks in the fixed order.
func (b *block[T]) sum(rank int) {
	mine := b.segment(rank)
	copy(b.parts[rank], mine)
	ranks := len(b.parts)
	for stride := 1; stride < ranks; stride *= 2 {
		for r := 0; r+stride < ranks; r += 2 * stride {
			add(b.parts[r][:len(mine)], b.parts[r+stride][:len(mine)])
		}
	}
	copy(mine, b.parts[0])
}

func add[T Float](x, y []T) {
	for i, v := range y[:len(x)] {
		x[i] += v
	}
}

func bytesOf[T Float | uint64](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(T(0))))
}

// Broadcast sets x, on every rank, to rank root's x. Its length must be the same on all.
func Broadcast[T Float](w *World, root int, x []T) error {
	if root < 0 || root >= w.size {
		return errors.Errorf("distributed: Broadcast from rank %d: there are %d", root, w.size)
	}
	c := call{kind: broadcast, Count: uint64(len(x)), Bytes: uint32(unsafe.Sizeof(T(0))), Root: int32(root)}
	return w.collective(c, func() error { return spread(w, c, root, x) })
}

// spread sends x down a binomial tree: in each round the ranks that have it send it to as many others.
func spread[T Float](w *World, c call, root int, x []T) error {
	const most = 1 << 26 // elements a message, whose bytes MPI counts by an int
	place := (w.rank - root + w.size) % w.size
	for ; len(x) > 0; x = x[min(most, len(x)):] {
		part := bytesOf(x[:min(most, len(x))])
		for stride := 1; stride < w.size; stride *= 2 {
			var p pending
			var err error
			var peer int
			switch {
			case place < stride && place+stride < w.size:
				peer = (w.rank + stride) % w.size
				p, err = w.wire.send(part, peer, tagData)
			case place >= stride && place < 2*stride:
				peer = (w.rank - stride + w.size) % w.size
				p, err = w.wire.receive(part, peer, tagData)
			default:
				continue
			}
			if err != nil {
				return err
			}
			if err := w.wait(c, []waiting{wait(p, peer)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// gatherAll returns every rank's x, by rank.
func gatherAll(w *World, c call, x []uint64) ([][]uint64, error) {
	all := make([][]uint64, w.size)
	all[w.rank] = x
	var list []waiting
	for r := range w.size {
		if r == w.rank {
			continue
		}
		all[r] = make([]uint64, len(x))
		in, err := w.wire.receive(bytesOf(all[r]), r, tagData)
		if err != nil {
			return nil, err
		}
		out, err := w.wire.send(bytesOf(x), r, tagData)
		if err != nil {
			return nil, err
		}
		list = append(list, wait(in, r), wait(out, r))
	}
	return all, w.wait(c, list)
}
