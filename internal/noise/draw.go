package noise

import (
	"fmt"
	"sync"

	"github.com/layernoise/layernoise/internal/parallel"
)

// Float is the element type of a tensor.
type Float interface{ float32 | float64 }

// Fill sets dst to scale*eps, where eps is the stream's draw from d.
//
// In Fill, Add and SaveAdd a negative scale gives the exact negative of the noise. With scale zero
// they are exactly zero filling and copying, so that weights keep every bit, also those of
// negative zeros and NaNs. They panic when the lengths differ, when d is none of the constants, and
// when the draw is longer than MaxLen.
func Fill[T Float](d Dist, s Stream, dst []T, scale T) {
	if scale == 0 {
		clear(dst)
		return
	}
	run(d, s, dst, nil, nil, scale)
}

// Add sets dst to src + scale*eps, where eps is the stream's draw from d. dst may be src; a
// partial overlap is not allowed.
func Add[T Float](d Dist, s Stream, dst, src []T, scale T) {
	sameLen(len(dst), len(src))
	if scale == 0 {
		copy(dst, src)
		return
	}
	run(d, s, dst, src, nil, scale)
}

// SaveAdd copies w to clean and then adds scale*eps to w, in one pass. The
// two must not overlap.
func SaveAdd[T Float](d Dist, s Stream, w, clean []T, scale T) {
	sameLen(len(w), len(clean))
	if scale == 0 {
		copy(clean, w)
		return
	}
	run(d, s, w, w, clean, scale)
}

func sameLen(x, y int) {
	if x != y {
		panic(fmt.Sprintf("noise: slices of %d and %d elements", x, y))
	}
}

// draw is one call of Fill (src and clean are nil), Add (clean is nil) or SaveAdd.
type draw[T Float] struct {
	dist            Dist
	stream          Stream
	keys            keys
	dst, src, clean []T
	scale           T

	part func(lo, hi int) // the method of that name, kept so that passing it on does not allocate
}

const (
	chunkGroups = 32      // groups made at a time: their words stay in the first-level cache
	grain       = 1 << 16 // elements that are worth another goroutine, in whole chunks
)

// run makes a draw, over several goroutines when it is long.
func run[T Float](d Dist, s Stream, dst, src, clean []T, scale T) {
	if d > Uniform {
		panic("noise: " + d.String() + " is no distribution")
	}
	if int64(len(dst)) > MaxLen {
		panic(fmt.Sprintf("noise: %d elements, at most %d", len(dst), int64(MaxLen)))
	}
	free := draws[T]()
	w, _ := free.Get().(*draw[T])
	if w == nil {
		w = new(draw[T])
		w.part = w.makePart
	}
	w.dist, w.stream, w.keys, w.scale = d, s, expand(s.Seed), scale
	w.dst, w.src, w.clean = dst, src, clean
	parallel.For(len(dst), grain, w.part)
	w.dst, w.src, w.clean = nil, nil, nil
	free.Put(w)
}

var draws32, draws64 sync.Pool

// draws is the pool of the element type.
func draws[T Float]() *sync.Pool {
	if _, single := any(T(0)).(float32); single {
		return &draws32
	}
	return &draws64
}

// scratch is what one goroutine needs for a chunk.
type scratch struct {
	words [chunkGroups * groupWords]uint32
	eps   [rademacherLen]float32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// makePart makes elements lo to hi; lo is a multiple of grain.
func (w *draw[T]) makePart(lo, hi int) {
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	size := groupWords // elements of a group
	if w.dist == Rademacher {
		size = rademacherLen
	}
	for lo < hi {
		n := min(hi-lo, chunkGroups*size)
		words := sc.words[:(n+size-1)/size*groupWords]
		groupsPlain(words, &w.keys, &w.stream, uint32(lo/size))
		w.chunk(sc, words, lo, lo+n)
		lo += n
	}
}

// chunk turns words into elements lo to hi.
func (w *draw[T]) chunk(sc *scratch, words []uint32, lo, hi int) {
	for lo < hi {
		group := (*[groupWords]uint32)(words)
		words = words[groupWords:]
		eps := sc.eps[:groupWords]
		switch w.dist {
		case Gaussian:
			for l := range lanes {
				eps[l], eps[lanes+l] = boxMuller(group[l], group[lanes+l])
			}
		case Rademacher:
			rademacherGroup(&sc.eps, group)
			eps = sc.eps[:]
		case Uniform:
			for i, word := range group {
				eps[i] = uniform(word)
			}
		}
		n := min(hi-lo, len(eps))
		w.apply(eps[:n], lo)
		lo += n
	}
}

// apply writes the elements from lo on, whose unit draws are eps.
func (w *draw[T]) apply(eps []float32, lo int) {
	dst, scale := w.dst[lo:lo+len(eps)], w.scale
	if w.clean != nil {
		copy(w.clean[lo:], dst)
	}
	if w.src == nil {
		for i, e := range eps {
			dst[i] = scale * T(e)
		}
		return
	}
	src := w.src[lo : lo+len(eps)]
	for i, e := range eps {
		dst[i] = src[i] + T(scale*T(e))
	}
}
