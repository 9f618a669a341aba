package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// ConvGradB computes the gradient db with respect to the bias: the sum of dy (n, len(db), pixels) over the images and
// pixels, without those where y is zero if it is not nil, as [Gate] leaves them out. Rows are summed in T, their sums in
// float64.
func ConvGradB[T Float](db, dy, y []T, pixels int) {
	if y == nil {
		y = dy // zeros add nothing
	}
	l, sums := loopsFor[T](), borrow[float64](len(db))
	defer giveBack(sums)
	parallel.For(len(db), 8, func(lo, hi int) {
		s := sums[lo:hi]
		clear(s)
		for i := lo * pixels; i < len(dy); i += len(db) * pixels {
			l.gatedSums(s, dy[i:], y[i:], pixels)
		}
		for o, v := range s {
			db[lo+o] = T(v)
		}
	})
}

// gatedSums adds to each element of s the sum of a row of dy, as sum makes it, without the elements where y is zero.
func gatedSums[T Float](s []float64, dy, y []T, width int) {
	gated := borrow[T](width)
	defer giveBack(gated)
	for o := range s {
		gate(gated, y[o*width:][:width], dy[o*width:][:width])
		s[o] += float64(sum(gated))
	}
}

// biasTile adds the bias to a tile of one image, and clips it.
func biasTile[T Float](c Conv, t tile, y, b []T, relu bool) {
	if b == nil && !relu {
		return
	}
	l, low := loopsFor[T](), lowest[T](relu)
	for o := range c.Out {
		row := y[((t.i0*c.Out+o)*c.OutH()+t.r0)*c.OutW():][:c.size(t)]
		l.addClip(row, row, at(b, o), low)
	}
}

// at is b[i], or zero if there is no b; never -0.
func at[T Float](b []T, i int) T {
	if b == nil {
		return 0
	}
	return b[i] + 0
}
