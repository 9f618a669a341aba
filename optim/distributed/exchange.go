package distributed

import (
	"slices"
	"time"
	"unsafe"

	"github.com/pkg/errors"
)

// A Float is what the elements of tensors may be.
type Float interface{ float32 | float64 }

// A vector is exchanged in blocks: of at most defaultBlock bytes, and of at most partBytes for each rank. Small ones stay in
// the caches, and are carried before a rank that waits for them loses patience; large ones cost the network fewer messages.
const (
	defaultBlock = 1 << 20
	partBytes    = 1 << 17
)

// wholeBytes is what a rank may send at most to have a block summed by every rank for itself, in one round of messages in
// the place of two.
const wholeBytes = 1 << 14

// window is how many blocks are under way at a time.
const window = 4

// maxTags is how many tags of data there are before they are used again.
const maxTags = 16000

// Allreduce sets x, on every rank, to the sum of all ranks' x, element by element. Its length must be the same on all.
//
// The order of the sum is fixed, whatever the library: ranks 0 and 1, 2 and 3, ... are added, then these sums by pairs, and
// so on. So the bits are the same on all ranks, from run to run, and from one library and network to another.
func Allreduce[T Float](w *World, x []T) error { return allreduceAll(w, [][]T{x}, 1) }

// allreduceAll is Allreduce of several vectors at once, whose sums are multiplied by a factor.
func allreduceAll[T Float](w *World, list [][]T, factor T) error {
	c := allreduceOf(list)
	return w.collective(c, func() error { return sumBlocks(w, c, list, factor, nil) })
}

func allreduceOf[T Float](list [][]T) call {
	count := 0
	for _, x := range list {
		count += len(x)
	}
	return call{kind: allreduce, Count: uint64(count), Bytes: uint32(unsafe.Sizeof(T(0)))}
}

// block is a part of a vector on its way through an all-reduce: first each rank gets its segment from all others and
// sums it, then it sends the sum to all others. 2 (R-1)/R of the bytes leave each rank and come to it, as in a ring. Of a
// small one each rank gets all from all others, and sums it for itself.
type block[T Float] struct {
	x        []T   // all of it
	parts    [][]T // what this rank sums, of all ranks
	whole    bool  // it sums all of it
	tag      int
	list     []waiting
	gathered bool // the sums are on their way
}

// segment returns what rank r sums.
func (b *block[T]) segment(r int) []T {
	if b.whole {
		return b.x
	}
	ranks := len(b.parts)
	n := (len(b.x) + ranks - 1) / ranks
	return b.x[min(r*n, len(b.x)):min((r+1)*n, len(b.x))]
}

// spare returns the blocks whose memory may be used again.
func spare[T Float](w *World) *[]*block[T] {
	if blocks, ok := any(&w.spare32).(*[]*block[T]); ok {
		return blocks
	}
	return any(&w.spare64).(*[]*block[T])
}

// newBlock returns a block of x, with memory for the parts of the other ranks.
func newBlock[T Float](w *World, x []T) *block[T] {
	b := &block[T]{parts: make([][]T, w.size)}
	if unused := spare[T](w); len(*unused) > 0 {
		last := len(*unused) - 1
		b, *unused = (*unused)[last], (*unused)[:last]
	}
	bytes := len(x) * int(unsafe.Sizeof(T(0)))
	b.x, b.whole, b.gathered = x, bytes*(w.size-1) <= wholeBytes, false
	for r := range b.parts {
		n := len(b.segment(w.rank))
		if r == w.rank {
			b.parts[r] = b.segment(r)
			continue
		}
		if cap(b.parts[r]) < n {
			b.parts[r] = make([]T, n)
		}
		b.parts[r] = b.parts[r][:n]
	}
	return b
}

// cut takes the next block from the list, nil if there is none. Those of an open list are taken when they are ready.
func cut[T Float](w *World, list *[][]T, vectors int, open *openList) *block[T] {
	for len(*list) > 0 && len((*list)[0]) == 0 {
		*list = (*list)[1:]
	}
	if len(*list) == 0 || !open.isReady(vectors-len(*list)) {
		return nil
	}
	x := (*list)[0]
	n := min(min(w.block, w.size*partBytes)/int(unsafe.Sizeof(T(0))), len(x))
	(*list)[0] = x[n:]
	return newBlock(w, x[:n])
}

// sumBlocks sums the vectors of the list, in its order, and multiplies the sums by factor.
func sumBlocks[T Float](w *World, c call, list [][]T, factor T, open *openList) error {
	var blocks []*block[T]
	vectors := len(list)
	list = append([][]T(nil), list...)
	p := patience{world: w, call: c, open: open}
	first := tagData
	if open != nil {
		first = tagOpen
	}
	for tag := 0; ; {
		for len(blocks) < window {
			b := cut(w, &list, vectors, open)
			if b == nil {
				break
			}
			b.tag = first + 2*(tag%(maxTags/2))
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
		news, missing, err := advance(w, &blocks, factor)
		if err != nil {
			return err
		}
		if err := p.look(news, missing); err != nil {
			return err
		}
	}
}

// advance takes the blocks as far as the messages that have been carried allow, and those that are done out of the list. It
// returns how much has happened, and what has not been carried.
func advance[T Float](w *World, blocks *[]*block[T], factor T) (news int, missing []waiting, err error) {
	under := (*blocks)[:0]
	for _, b := range *blocks {
		n, failed := w.progress(&b.list)
		if failed != nil {
			return 0, nil, failed
		}
		news += n
		if len(b.list) == 0 && !b.gathered {
			news++
			b.sum(w.rank, factor)
			b.gathered = true
			if !b.whole {
				if err := b.gather(w); err != nil {
					return 0, nil, err
				}
			}
		}
		if len(b.list) > 0 {
			missing = append(missing, b.list...)
			under = append(under, b)
			continue
		}
		news++
		b.x, b.parts[w.rank] = nil, nil
		unused := spare[T](w)
		*unused = append(*unused, b)
	}
	*blocks = under
	return news, missing, nil
}

// scatter sends each rank its segment, and receives this rank's from all.
func (b *block[T]) scatter(w *World) error {
	return b.exchange(w, b.tag, b.segment, func(r int) []T { return b.parts[r] })
}

// gather sends this rank's segment to all, and receives theirs.
func (b *block[T]) gather(w *World) error {
	return b.exchange(w, b.tag+1, func(int) []T { return b.segment(w.rank) }, b.segment)
}

func (b *block[T]) exchange(w *World, tag int, give, take func(rank int) []T) error {
	for k := 1; k < w.size; k++ { // not all begin with the same one
		r := (w.rank + k) % w.size
		if x := take(r); len(x) > 0 {
			in, err := w.receive(bytesOf(x), r, tag)
			if err != nil {
				return err
			}
			b.list = append(b.list, in)
		}
		if x := give(r); len(x) > 0 {
			out, err := w.send(bytesOf(x), r, tag)
			if err != nil {
				return err
			}
			b.list = append(b.list, out)
		}
	}
	return nil
}

// sum adds the parts of all ranks in the fixed order, in the memory of this rank's, and multiplies the sums by factor.
func (b *block[T]) sum(rank int, factor T) {
	ranks := len(b.parts)
	at := slices.Clone(b.parts)
	for stride := 1; stride < ranks; stride *= 2 {
		for r := 0; r+stride < ranks; r += 2 * stride {
			into, from := at[r], at[r+stride]
			if rank >= r+stride && rank < r+2*stride { // this rank's part is in that sum
				into, from = from, into
			}
			add(into, from)
			at[r] = into
		}
	}
	if factor != 1 {
		for i := range at[0] {
			at[0][i] *= factor
		}
	}
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
			var m waiting
			var err error
			switch {
			case place < stride && place+stride < w.size:
				m, err = w.send(part, (w.rank+stride)%w.size, tagData)
			case place >= stride && place < 2*stride:
				m, err = w.receive(part, (w.rank-stride+w.size)%w.size, tagData)
			default:
				continue
			}
			if err != nil {
				return err
			}
			if err := w.wait(c, []waiting{m}); err != nil {
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
		in, err := w.receive(bytesOf(all[r]), r, tagData)
		if err != nil {
			return nil, err
		}
		out, err := w.send(bytesOf(x), r, tagData)
		if err != nil {
			return nil, err
		}
		list = append(list, in, out)
	}
	return all, w.wait(c, list)
}
