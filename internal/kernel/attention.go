package kernel

import (
	"github.com/layernoise/layernoise/internal/hugepage"
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/layernoise/layernoise/internal/parallel"
)

// Attention is the shape of a multi-head attention: N sequences of Queries and of Keys positions, Heads heads of Width numbers.
// Causal lets query i see keys 0 to i; Queries and Keys are equal then.
//
// It is computed in blocks of queries, each with all the keys that it sees, so that there is never more of the matrix of
// probabilities than one block for each processor. The forward pass leaves the largest score and the inverse sum of each row,
// from which the backward pass computes the probabilities once more, unless it is told to keep them. How many queries make a
// block changes no bit: rows are independent of each other, and the sums over queries go on from one block to the next.
type Attention struct {
	N, Queries, Keys, Heads, Width int
	Causal                         bool
}

// mostQueries is how many queries a block has at most.
const mostQueries = 64

// block is how many queries are a block: so many suit the products. Fewer, for long rows to stay in the second cache, are slower,
// but for short causal sequences, of which smaller blocks leave out more of what is hidden.
func (a Attention) block() int {
	if a.Causal && a.Keys <= 128 {
		return min(a.Queries, 32)
	}
	return min(a.Queries, mostQueries)
}

// pitch is how many numbers are from one row of scores to the next: whole vectors, of an odd number, because rows that are a
// power of two apart would lie in the same places of the cache.
func (a Attention) pitch() int { return ((a.Keys+vector-1)/vector | 1) * vector }

// Heads are the numbers of all positions and heads, position (n, t) beginning at X[(n*T + t)*Stride], head h of it Width
// numbers for each before it.
type Heads[T Float] struct {
	X      []T
	Stride int
}

// Softmax is what the forward pass leaves for each row of the probabilities: the largest product of query and key, and one over
// the sum of the exponentials of the scores less the largest, zero for a row without keys. Where it is not nil, Kept are those
// exponentials, rows a pitch apart: the backward pass does not compute them again then.
type Softmax[T Float] struct{ Top, Inverse, Kept []T }

// NewSoftmax makes room for the rows of a.
func NewSoftmax[T Float](a Attention) Softmax[T] {
	rows := a.N * a.Heads * a.Queries
	return Softmax[T]{Top: make([]T, rows), Inverse: make([]T, rows)}
}

// Keep makes room for the exponentials, if there are so few keys that those of a position take no more memory than what else
// a block of a transformer keeps for it.
func (s *Softmax[T]) Keep(a Attention) {
	const most = 512
	if a.Keys <= most {
		s.Kept = hugepage.Make[T](a.N * a.Heads * a.Queries * a.pitch())
	}
}

// AttentionMask is what takes part: keys that are Padding (N, Keys) do not, and a probability is dropped where the random
// word of its place, those of a being behind Block blocks of the stream, is below Threshold, the others being multiplied by
// Scale. A nil Padding is none; a Scale of zero drops none.
type AttentionMask[T Float] struct {
	Padding   []bool
	Stream    noise.Stream
	Threshold uint32
	Scale     T
	Block     uint32
}

// AttentionWords is how many random words the probabilities of a take.
func AttentionWords(a Attention) int { return a.N * a.Heads * a.Queries * wordPitch(a.Keys) }

// wordPitch is how many random words a row of so many probabilities takes: those that are drawn together stay together.
func wordPitch(keys int) int { return (keys + 3) / 4 * 4 }

// AttentionForward writes softmax(q k'/sqrt(Width)) v to y, for each head. A row without keys is zero.
func AttentionForward[T Float](a Attention, m AttentionMask[T], s Softmax[T], y, q, k, v Heads[T]) {
	block := a.block()
	blocks := (a.Queries + block - 1) / block
	parallel.For(a.N*a.Heads*blocks, a.grain(), func(lo, hi int) {
		w := newAttentionWork(a, m)
		defer w.done()
		for i := lo; i < hi; i++ {
			if i == lo || i%blocks == 0 {
				w.take(i/blocks, s, y, q, k, v)
				w.transpose(w.kt, w.k)
			}
			w.forward(i % blocks * block)
		}
	})
}

// AttentionGrad writes the gradients with respect to q, k and v, from dy and from what the forward pass left: with P the
// probabilities and D = sum(dy*y) over a head,
//
//	dv = P'dy, dP = dy v', dS = P*(dP - D), dq = dS k/sqrt(Width), dk = dS'q/sqrt(Width)
//
// A probability that was dropped is zero in P'dy and in dP, the others are scaled there.
func AttentionGrad[T Float](a Attention, m AttentionMask[T], s Softmax[T], dq, dk, dv, dy, y, q, k, v Heads[T]) {
	parallel.For(a.N*a.Heads, a.grain(), func(lo, hi int) {
		w := newAttentionWork(a, m)
		defer w.done()
		for i := lo; i < hi; i++ {
			w.take(i, s, y, q, k, v)
			w.backward(head(a, dq, i, a.Queries), head(a, dk, i, a.Keys), head(a, dv, i, a.Keys), head(a, dy, i, a.Queries))
		}
	})
}

// grain is how many heads or blocks are worth a goroutine.
func (a Attention) grain() int { return 1 + 1<<16/(a.block()*a.Keys*a.Width+1) }

// head returns the numbers of head i, of N*Heads, from the first of so many positions on.
func head[T Float](a Attention, x Heads[T], i, positions int) Heads[T] {
	return Heads[T]{x.X[i/a.Heads*positions*x.Stride+i%a.Heads*a.Width:], x.Stride}
}

// at returns the numbers from a position on.
func (x Heads[T]) at(position int) []T { return x.X[position*x.Stride:] }
