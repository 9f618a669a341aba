package kernel

import (
	"math"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/noise"
	"gonum.org/v1/gonum/blas"
)

// attentionWork is the work space of a goroutine, and the head it is at.
type attentionWork[T Float] struct {
	Attention
	AttentionMask[T]
	loops *loops[T]
	exps  *elementary.Loops[T]
	scale T // 1/sqrt(Width)

	number      int // of the head, of N*Heads
	y, q, k, v  Heads[T]
	rows        Softmax[T]
	padding     []bool // of the sequence
	first, last int    // keys outside are padding

	space          []T
	queries, grads []T // (queryBlock, Width): q*scale, and dy times the inverse sum of its row
	sum            []T // likewise: of products with blocks of keys
	scores, slopes []T // (queryBlock, keyBlock)
	mass           [queryBlock]float64
	words          [keyBlock]uint32
}

func newAttentionWork[T Float](a Attention, m AttentionMask[T]) *attentionWork[T] {
	w := &attentionWork[T]{Attention: a, AttentionMask: m, loops: loopsFor[T](), exps: elementary.LoopsFor[T](), scale: T(1 / math.Sqrt(float64(a.Width)))}
	const block = queryBlock * keyBlock
	rows := queryBlock * a.Width
	w.space = borrow[T](3*rows + 2*block)
	w.queries, w.grads, w.sum = w.space[:rows], w.space[rows:2*rows], w.space[2*rows:3*rows]
	w.scores, w.slopes = w.space[3*rows:][:block], w.space[3*rows+block:]
	return w
}

func (w *attentionWork[T]) done() { giveBack(w.space) }

// take goes to head number i.
func (w *attentionWork[T]) take(i int, s Softmax[T], y, q, k, v Heads[T]) {
	w.number = i
	w.y, w.q = head(w.Attention, y, i, w.Queries), head(w.Attention, q, i, w.Queries)
	w.k, w.v = head(w.Attention, k, i, w.Keys), head(w.Attention, v, i, w.Keys)
	w.rows = Softmax[T]{Top: s.Top[i*w.Queries:][:w.Queries], Inverse: s.Inverse[i*w.Queries:][:w.Queries]}
	if s.Kept != nil {
		w.rows.Kept = s.Kept[i*w.Queries*w.Keys:][:w.Queries*w.Keys]
	}
	w.first, w.last = 0, w.Keys
	if w.Padding == nil {
		return
	}
	w.padding = w.Padding[i/w.Heads*w.Keys:][:w.Keys]
	for w.first < w.last && w.padding[w.first] {
		w.first++
	}
	for w.last > w.first && w.padding[w.last-1] {
		w.last--
	}
}

// visible is the number of the key behind the last one that query i sees.
func (w *attentionWork[T]) visible(i int) int {
	if w.Causal {
		return min(w.last, i+1)
	}
	return w.last
}

// eachBlock calls f for the blocks of keys that some of the queries see, with their first key and number.
func (w *attentionWork[T]) eachBlock(query, queries int, f func(key, keys int)) {
	end := w.visible(query + queries - 1)
	for key := w.first / keyBlock * keyBlock; key < end; key += keyBlock {
		f(key, min(keyBlock, end-key))
	}
}

// forward makes the rows of a block of queries.
func (w *attentionWork[T]) forward(query int) {
	queries := min(queryBlock, w.Queries-query)
	w.scaleQueries(query, queries)
	top, inverse := w.rows.Top[query:][:queries], w.rows.Inverse[query:][:queries]
	for r := range top {
		top[r], w.mass[r] = T(math.Inf(-1)), 0
	}
	var beta T // 0 for the first block, then 1
	w.eachBlock(query, queries, func(key, keys int) {
		width := w.score(query, queries, key, keys)
		for r := range top {
			row := w.scores[r*keyBlock:][:width]
			w.raise(r, &top[r], w.loops.top(row), beta != 0)
			w.mass[r] += w.exps.ExpSum(row, row, base(top[r]))
			if w.rows.Kept != nil {
				copy(w.kept(query+r), row[:keys])
			}
			w.drop(row[:keys], query+r, key)
		}
		gemm.Serial(blas.NoTrans, blas.NoTrans, queries, w.Width, keys, 1, w.scores, keyBlock, w.v.at(key), w.v.Stride, beta, w.sum, w.Width)
		beta = 1
	})
	for r := range top {
		y := w.y.at(query + r)[:w.Width]
		if w.first >= w.visible(query+r) {
			inverse[r] = 0
			clear(y)
			continue
		}
		inverse[r] = T(1 / w.mass[r])
		w.loops.times(y, w.sum[r*w.Width:][:w.Width], inverse[r])
	}
}

// scaleQueries copies queries, times 1/sqrt(Width).
func (w *attentionWork[T]) scaleQueries(query, queries int) {
	for r := range queries {
		w.loops.times(w.queries[r*w.Width:][:w.Width], w.q.at(query + r)[:w.Width], w.scale)
	}
}

// score writes the scores of a block of queries and keys, -Inf for keys that a query does not see, and returns how many columns
// that are, whole vectors.
func (w *attentionWork[T]) score(query, queries, key, keys int) (width int) {
	gemm.Serial(blas.NoTrans, blas.Trans, queries, keys, w.Width, 1, w.queries, w.Width, w.k.at(key), w.k.Stride, 0, w.scores, keyBlock)
	const vector = 16
	width = (keys + vector - 1) / vector * vector
	for r := range queries {
		row := w.scores[r*keyBlock:][:width]
		seen := max(0, min(keys, w.visible(query+r)-key))
		for j := seen; j < width; j++ {
			row[j] = T(math.Inf(-1))
		}
		if w.padding == nil {
			continue
		}
		for j, padding := range w.padding[key:][:seen] {
			if padding {
				row[j] = T(math.Inf(-1))
			}
		}
	}
	return width
}

// raise raises the largest score of row r, and takes what was added up below the old one to below the new one.
func (w *attentionWork[T]) raise(r int, top *T, to T, some bool) {
	if !(to > *top) {
		return
	}
	if some {
		f := exp(*top - to)
		w.mass[r] *= float64(f)
		row := w.sum[r*w.Width:][:w.Width]
		w.loops.times(row, row, f)
	}
	*top = to
}

// base is what is taken off the scores of a row: its largest, or nothing if that is -Inf.
func base[T Float](top T) T {
	if math.IsInf(float64(top), -1) {
		return 0
	}
	return top
}

func exp[T Float](x T) T {
	if x, ok := any(x).(float32); ok {
		return T(elementary.Exp32(x))
	}
	return T(elementary.Exp(float64(x)))
}

// drop drops some of the numbers of a row, which belong to a query and to keys from one on.
func (w *attentionWork[T]) drop(row []T, query, key int) {
	if w.Scale == 0 {
		return
	}
	w.draw(len(row), query, key)
	Dropout(row, row, w.words[:len(row)], w.Threshold, w.Scale)
}

// draw draws the random words of so many probabilities of a row.
func (w *attentionWork[T]) draw(n, query, key int) {
	noise.BitsFrom(w.Stream, w.Block+uint32(((w.number*w.Queries+query)*wordPitch(w.Keys)+key)/4), w.words[:n])
}

// backward makes the gradients of the head.
func (w *attentionWork[T]) backward(dq, dk, dv, dy Heads[T]) {
	for key := range w.Keys {
		clear(dk.at(key)[:w.Width])
		clear(dv.at(key)[:w.Width])
	}
	for query := 0; query < w.Queries; query += queryBlock {
		queries := min(queryBlock, w.Queries-query)
		w.scaleQueries(query, queries)
		var dots [queryBlock]T
		for r := range queries {
			dots[r] = w.scaleGrad(r, dy.at(query + r)[:w.Width], w.y.at(query + r)[:w.Width], w.rows.Inverse[query+r])
		}
		clear(w.sum)
		w.eachBlock(query, queries, func(key, keys int) {
			w.slope(query, queries, key, keys, &dots)
			gemm.Serial(blas.Trans, blas.NoTrans, keys, w.Width, queries, 1, w.scores, keyBlock, w.grads, w.Width, 1, dv.at(key), dv.Stride)
			gemm.Serial(blas.Trans, blas.NoTrans, keys, w.Width, queries, 1, w.slopes, keyBlock, w.queries, w.Width, 1, dk.at(key), dk.Stride)
			gemm.Serial(blas.NoTrans, blas.NoTrans, queries, w.Width, keys, 1, w.slopes, keyBlock, w.k.at(key), w.k.Stride, 1, w.sum, w.Width)
		})
		for r := range queries {
			w.loops.times(dq.at(query + r)[:w.Width], w.sum[r*w.Width:][:w.Width], w.scale)
		}
	}
}

// scaleGrad writes row r of the gradient times the inverse sum of the row, by which no probability needs to be divided then,
// and returns its product with the result.
func (w *attentionWork[T]) scaleGrad(r int, dy, y []T, inverse T) T {
	g := w.grads[r*w.Width:][:w.Width]
	w.loops.times(g, dy, inverse)
	_, dot := w.loops.normSums(g, y, planes{w.Width, w.Width, 1}, 0, 0, 0, math.MaxUint32)
	return T(dot)
}

// kept is the place of the exponentials of a query.
func (w *attentionWork[T]) kept(query int) []T { return w.rows.Kept[query*w.Keys:][:w.Keys] }

// again writes the exponentials of a block's scores once more.
func (w *attentionWork[T]) again(query, queries, key, keys int) {
	if w.rows.Kept != nil {
		for r := range queries {
			copy(w.scores[r*keyBlock:][:keys], w.kept(query+r))
		}
		return
	}
	width := w.score(query, queries, key, keys)
	for r := range queries {
		row := w.scores[r*keyBlock:][:width]
		w.exps.ExpSum(row, row, base(w.rows.Top[query+r]))
	}
}

// slope makes of a block's scores the probabilities, but for the inverse sums, without those that are dropped, and the
// gradients of the scores.
func (w *attentionWork[T]) slope(query, queries, key, keys int, dots *[queryBlock]T) {
	w.again(query, queries, key, keys)
	gemm.Serial(blas.NoTrans, blas.Trans, queries, keys, w.Width, 1, w.grads, w.Width, w.v.at(key), w.v.Stride, 0, w.slopes, keyBlock)
	for r := range queries {
		p, slopes := w.scores[r*keyBlock:][:keys], w.slopes[r*keyBlock:][:keys]
		w.drop(slopes, query+r, key)
		w.loops.slope(slopes, p, slopes, dots[r])
		if w.Scale != 0 {
			Dropout(p, p, w.words[:keys], w.Threshold, w.Scale)
		}
	}
}

// top returns the largest element of x that is not NaN, -Inf if there is none.
func top[T Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

// times writes a*x to y.
func times[T Float](y, x []T, a T) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] = a * v
	}
}

// slope writes p*(dp - d) to ds.
func slope[T Float](ds, p, dp []T, d T) {
	p, dp = p[:len(ds)], dp[:len(ds)]
	for i, v := range p {
		ds[i] = v * (dp[i] - d)
	}
}
