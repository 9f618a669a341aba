package noise

import (
	"fmt"

	"github.com/layernoise/layernoise/internal/parallel"
)

// Float is the element type of a tensor.
type Float interface{ float32 | float64 }

// Fill sets dst to scale*eps, where eps is the stream's draw from d.
//
// For Fill and Add the scale must be finite. A negative scale gives the exact negative of the noise, and zero means no noise
// at all: weights keep every bit, negative zeros and NaNs included. Both panic if d is not one of the constants or the draw
// is longer than MaxLen.
func Fill[T Float](d Dist, s Stream, dst []T, scale T) { run(d, s, dst, nil, scale) }

// Add sets dst to src + scale*eps, where eps is the stream's draw from d. dst may be src but must not overlap it partially.
// It panics if the lengths differ.
func Add[T Float](d Dist, s Stream, dst, src []T, scale T) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("noise: slices of %d and %d elements", len(dst), len(src)))
	}
	run(d, s, dst, src, scale)
}

// draw is one call of Fill, if src is nil, or of Add.
type draw[T Float] struct {
	dist     Dist
	stream   Stream
	keys     keys
	dst, src []T
	scale    T

	part func(lo, hi int) // the method makePart, bound once because binding allocates
}

// chunkGroups is the number of groups made at a time, so that their words and elements stay in the first-level cache.
const chunkGroups = 32

// grain is the number of elements worth another goroutine: tens of microseconds of Gaussians, and several of the cheaper
// draws. It is a multiple of the chunk size.
const grain = 2 * chunkGroups * rademacherLen

// scratch is what a goroutine needs besides the tensors.
type scratch[T Float] struct {
	words [chunkGroups * groupWords]uint32
	tail  [rademacherLen]T // the group cut off by the end of the tensor
}

// run makes a draw, on several goroutines if it is long.
func run[T Float](d Dist, s Stream, dst, src []T, scale T) {
	if d >= dists {
		panic("noise: unknown distribution " + d.String())
	}
	if int64(len(dst)) > MaxLen {
		panic(fmt.Sprintf("noise: a draw of %d elements, at most %d", len(dst), int64(MaxLen)))
	}
	e := engineOf[T]()
	w, _ := e.draws.Get().(*draw[T])
	if w == nil {
		w = new(draw[T])
		w.part = w.makePart
	}
	w.dist, w.stream, w.keys, w.scale = d, s, expand(s.Seed), scale
	w.dst, w.src = dst, src
	parallel.For(len(dst), grain, w.part)
	w.dst, w.src = nil, nil
	e.draws.Put(w)
}

// makePart makes elements lo to hi; lo is a multiple of grain.
func (w *draw[T]) makePart(lo, hi int) {
	if w.scale == 0 {
		w.noNoise(lo, hi)
		return
	}
	e := engineOf[T]()
	sc, _ := e.scratches.Get().(*scratch[T])
	if sc == nil {
		sc = new(scratch[T])
	}
	size := w.dist.groupLen()
	for lo < hi {
		n := min(hi-lo, chunkGroups*size)
		words := sc.words[:(n+size-1)/size*groupWords]
		e.groups(words, &w.keys, w.stream.Sample, w.stream.Tensor, w.stream.Step, uint32(lo/size))
		whole := n / size
		if whole > 0 {
			w.apply(e, words[:whole*groupWords], lo, lo+whole*size)
		}
		if whole*size < n {
			w.applyTail(e, sc.tail[:size], words[whole*groupWords:], lo+whole*size, lo+n)
		}
		lo += n
	}
	e.scratches.Put(sc)
}

// noNoise is makePart for scale zero.
func (w *draw[T]) noNoise(lo, hi int) {
	if w.src != nil {
		copy(w.dst[lo:hi], w.src[lo:hi])
	} else {
		clear(w.dst[lo:hi])
	}
}

// apply makes elements lo to hi, which are whole groups.
func (w *draw[T]) apply(e *engine[T], words []uint32, lo, hi int) {
	dst, src := w.dst[lo:hi], w.dst[lo:hi]
	if w.src != nil {
		src = w.src[lo:hi]
	} else {
		clear(dst)
	}
	e.add[w.dist](dst, src, words, w.scale)
}

// applyTail makes elements lo to hi, the beginning of one group, in tail.
func (w *draw[T]) applyTail(e *engine[T], tail []T, words []uint32, lo, hi int) {
	clear(tail)
	if w.src != nil {
		copy(tail, w.src[lo:hi])
	}
	e.add[w.dist](tail, tail, words, w.scale)
	copy(w.dst[lo:hi], tail)
}
