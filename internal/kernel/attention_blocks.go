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

	block, pitch   int // queries in a block; numbers from one row of scores to the next
	space          []T
	scores, slopes []T      // (block, pitch): scores, exponentials, probabilities, in place; and their gradients
	words          []uint32 // likewise: random ones, where probabilities are dropped
	dots           []T      // of the rows of a block: gradient times result
	kt, vt         []T      // (Width, pitch): keys and values, transposed, so that products read them side by side
	places         []int    // where they begin

	number             int // of the head, of N*Heads
	y, q, k, v         Heads[T]
	rows               Softmax[T]
	padding            []bool // of the sequence
	start, first, last int    // keys from first to last are not all padding; rows begin with start, the vector with the first
}

// vector is how many numbers the loops over rows take at once, or whole parts of that.
const vector = 16

func newAttentionWork[T Float](a Attention, m AttentionMask[T]) *attentionWork[T] {
	w := &attentionWork[T]{Attention: a, AttentionMask: m, loops: loopsFor[T](), exps: elementary.LoopsFor[T](), scale: T(1 / math.Sqrt(float64(a.Width)))}
	w.block, w.pitch = a.block(), a.pitch()
	size, side := w.block*w.pitch, a.Width*w.pitch
	w.space = borrow[T](2*(size+side) + w.block)
	w.scores, w.slopes = w.space[:size], w.space[size:2*size]
	w.kt, w.vt = w.space[2*size:][:side], w.space[2*size+side:][:side]
	w.dots = w.space[2*(size+side):]
	w.places = scratchInts.borrow(a.Keys)
	if m.Scale != 0 {
		w.words = scratchWords.borrow(size)
	}
	return w
}

func (w *attentionWork[T]) done() {
	giveBack(w.space)
	scratchInts.giveBack(w.places)
	if w.words != nil {
		scratchWords.giveBack(w.words)
	}
}

// transpose writes the columns of keys or values to rows of y.
func (w *attentionWork[T]) transpose(y []T, x Heads[T]) {
	places := w.places[:w.last-w.start]
	for i := range places {
		places[i] = (w.start + i) * x.Stride
	}
	w.loops.fromChannelsLast(y, w.pitch, w.Width, x.X, places)
}

// take goes to head number i.
func (w *attentionWork[T]) take(i int, s Softmax[T], y, q, k, v Heads[T]) {
	w.number = i
	w.y, w.q = head(w.Attention, y, i, w.Queries), head(w.Attention, q, i, w.Queries)
	w.k, w.v = head(w.Attention, k, i, w.Keys), head(w.Attention, v, i, w.Keys)
	w.rows = Softmax[T]{Top: s.Top[i*w.Queries:][:w.Queries], Inverse: s.Inverse[i*w.Queries:][:w.Queries]}
	if s.Kept != nil {
		w.rows.Kept = s.Kept[i*w.Queries*w.pitch:][:w.Queries*w.pitch]
	}
	w.start, w.first, w.last = 0, 0, w.Keys
	if w.Padding == nil {
		return
	}
	w.padding = w.Padding[i/w.Heads*w.Keys:][:w.Keys]
	for w.last > 0 && w.padding[w.last-1] {
		w.last--
	}
	for w.first < w.last && w.padding[w.first] {
		w.first++
	}
	w.start = w.first / vector * vector
}

// keys is how many keys from the start on query i sees, padding among them.
func (w *attentionWork[T]) keys(i int) int {
	visible := w.last
	if w.Causal {
		visible = min(visible, i+1)
	}
	if visible <= w.first {
		return 0
	}
	return visible - w.start
}

// forward makes the rows of a block of queries.
func (w *attentionWork[T]) forward(query int) {
	queries := min(w.block, w.Queries-query)
	keys := w.keys(query + queries - 1)
	e := w.scores
	if w.rows.Kept != nil {
		e = w.rows.Kept[query*w.pitch:]
	}
	w.score(e, query, queries, keys)
	w.softmax(e, query, queries, keys)
	if w.Scale != 0 && w.rows.Kept != nil {
		e = w.scores[:copy(w.scores, e[:queries*w.pitch])]
	}
	w.draw(query, queries, keys)
	w.drop(e, queries, keys)
	y := w.y.at(query)
	gemm.Serial(blas.NoTrans, blas.NoTrans, queries, w.Width, keys, 1, e, w.pitch, w.v.at(w.start), w.v.Stride, 0, y, w.y.Stride)
	inverse := w.rows.Inverse[query:][:queries]
	w.loops.timesRows(y, w.y.Stride, w.Width, inverse)
	for r, inverse := range inverse {
		if inverse == 0 { // it sees no key
			clear(y[r*w.y.Stride:][:w.Width])
		}
	}
}

// score writes the products of a block of queries with so many keys.
func (w *attentionWork[T]) score(e []T, query, queries, keys int) {
	gemm.Serial(blas.NoTrans, blas.NoTrans, queries, keys, w.Width, 1, w.q.at(query), w.q.Stride, w.kt, w.pitch, 0, e, w.pitch)
}

// softmax replaces the products of a block of queries with keys by the exponentials of the scores less the largest one of the
// row, which are zero for keys that a query does not see. It leaves the largest products and one over the sums. All of the
// former come before the first of the latter, so that none is waited for.
func (w *attentionWork[T]) softmax(e []T, query, queries, keys int) {
	top, inverse := w.rows.Top[query:][:queries], w.rows.Inverse[query:][:queries]
	var seen [mostQueries]int
	for r := range queries {
		row := e[r*w.pitch:]
		seen[r] = w.hide(row, query+r, keys)
		top[r] = base(w.loops.top(row[:seen[r]]))
	}
	for r := range queries {
		if row := e[r*w.pitch:][:seen[r]]; len(row) > 0 {
			inverse[r] = T(1 / w.exps.ExpSum(row, row, top[r], w.scale))
		} else {
			inverse[r] = 0
		}
	}
}

// hide takes the keys that a query does not see out of its row of products: what is behind the first elements, whose number,
// whole vectors, it returns, is zero, and -Inf what of these it does not see.
func (w *attentionWork[T]) hide(row []T, query, keys int) (seen int) {
	seen = w.keys(query)
	whole := (seen + vector - 1) / vector * vector
	for j := seen; j < whole; j++ {
		row[j] = T(math.Inf(-1))
	}
	if whole < keys {
		clear(row[whole:keys])
	}
	if w.padding != nil {
		for j, padding := range w.padding[w.start:][:seen] {
			if padding {
				row[j] = T(math.Inf(-1))
			}
		}
	}
	return whole
}

// base is what is taken off the scores of a row: its largest, or nothing if that is -Inf.
func base[T Float](top T) T {
	if math.IsInf(float64(top), -1) {
		return 0
	}
	return top
}

// backward makes the gradients of the head.
func (w *attentionWork[T]) backward(dq, dk, dv, dy Heads[T]) {
	if w.rows.Kept == nil {
		w.transpose(w.kt, w.k)
	}
	w.transpose(w.vt, w.v)
	some := 0 // of the keys have gradients
	for query := 0; query < w.Queries; query += w.block {
		queries := min(w.block, w.Queries-query)
		keys := w.keys(query + queries - 1)
		w.slope(query, queries, keys, dy)
		gemm.Serial(blas.NoTrans, blas.NoTrans, queries, w.Width, keys, 1, w.slopes, w.pitch, w.k.at(w.start), w.k.Stride, 0, dq.at(query), dq.Stride)
		var beta T
		if some > 0 {
			beta = 1
			w.clear(dk, w.start+some, w.start+keys)
			w.clear(dv, w.start+some, w.start+keys)
		}
		gemm.Serial(blas.Trans, blas.NoTrans, keys, w.Width, queries, 1, w.scores, w.pitch, dy.at(query), dy.Stride, beta, dv.at(w.start), dv.Stride)
		gemm.Serial(blas.Trans, blas.NoTrans, keys, w.Width, queries, 1, w.slopes, w.pitch, w.q.at(query), w.q.Stride, beta, dk.at(w.start), dk.Stride)
		some = keys
	}
	for _, d := range []Heads[T]{dk, dv} {
		w.clear(d, 0, w.start)
		w.clear(d, w.start+some, w.Keys)
	}
}

// clear clears the numbers of the positions from one to another.
func (w *attentionWork[T]) clear(x Heads[T], from, to int) {
	for i := from; i < to; i++ {
		clear(x.at(i)[:w.Width])
	}
}

// slope makes the probabilities of a block, without those that are dropped, and the gradients of its products.
func (w *attentionWork[T]) slope(query, queries, keys int, dy Heads[T]) {
	e, dots := w.again(query, queries, keys), w.dots[:queries]
	gemm.Serial(blas.NoTrans, blas.NoTrans, queries, keys, w.Width, 1, dy.at(query), dy.Stride, w.vt, w.pitch, 0, w.slopes, w.pitch)
	w.draw(query, queries, keys)
	w.drop(w.slopes, queries, keys)
	w.loops.dotRows(dots, dy.at(query), dy.Stride, w.y.at(query), w.y.Stride, w.Width)
	w.loops.slopeRows(w.scores, w.slopes, e, w.pitch, keys, w.rows.Inverse[query:], dots, w.scale)
	w.drop(w.scores, queries, keys)
}

// draw draws the random words of a block of probabilities, where some are dropped.
func (w *attentionWork[T]) draw(query, queries, keys int) {
	if w.Scale == 0 {
		return
	}
	for r := range queries {
		first := ((w.number*w.Queries+query+r)*wordPitch(w.Keys) + w.start) / 4
		noise.BitsFrom(w.Stream, w.Block+uint32(first), w.words[r*w.pitch:][:keys])
	}
}

// drop drops some of the numbers of a block, by the words that were drawn.
func (w *attentionWork[T]) drop(p []T, queries, keys int) {
	if w.Scale == 0 {
		return
	}
	for r := range queries {
		row := p[r*w.pitch:][:keys]
		Dropout(row, row, w.words[r*w.pitch:], w.Threshold, w.Scale)
	}
}

// again returns the exponentials of a block once more.
func (w *attentionWork[T]) again(query, queries, keys int) []T {
	if w.rows.Kept != nil {
		return w.rows.Kept[query*w.pitch:]
	}
	w.score(w.scores, query, queries, keys)
	for r := range queries {
		row := w.scores[r*w.pitch:]
		row = row[:w.hide(row, query+r, keys)]
		w.exps.ExpSum(row, row, w.rows.Top[query+r], w.scale)
	}
	return w.scores
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

// timesRows multiplies rows of y with a number for each.
func timesRows[T Float](y []T, stride, cols int, a []T) {
	for r, a := range a {
		row := y[r*stride:][:cols]
		times(row, row, a)
	}
}

// dotRows writes the products of rows of x and y to d, each made of eight sums as that of sum is.
func dotRows[T Float](d, x []T, xStride int, y []T, yStride, cols int) {
	for r := range d {
		var s [8]T
		row := y[r*yStride:][:cols]
		for i, v := range x[r*xStride:][:cols] {
			s[i%8] += T(v * row[i])
		}
		d[r] = fold(s)
	}
}

// slopeRows writes the probabilities inverse*e to p, and the gradients of the products, p*(dp - d)*scale, over dp, for rows
// that are a pitch apart.
func slopeRows[T Float](p, dp, e []T, pitch, cols int, inverse, d []T, scale T) {
	for r, d := range d {
		p, dp := p[r*pitch:][:cols], dp[r*pitch:][:cols]
		for i, v := range e[r*pitch:][:cols] {
			v *= inverse[r]
			p[i] = v
			dp[i] = v * (scale * (dp[i] - d))
		}
	}
}
