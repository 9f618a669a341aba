package kernel

import "github.com/layernoise/layernoise/internal/parallel"

// ConvGradB computes the gradient db with respect to the bias: the sum of dy (n, len(db), pixels) over the images and
// pixels, without those where y is zero if it is not nil, as [Gate] leaves them out. Rows are summed in T, their sums in
// float64.
func ConvGradB[T Float](db, dy, y []T, pixels int) {
	n := len(dy) / (len(db) * pixels)
	l := loopsFor[T]()
	parallel.For(len(db), 8, func(lo, hi int) {
		var gated []T
		if y != nil {
			gated = borrow[T](pixels)
			defer giveBack(gated)
		}
		for o := lo; o < hi; o++ {
			var s float64
			for i := range n {
				at := (i*len(db) + o) * pixels
				row := dy[at:][:pixels]
				if y != nil {
					gate(gated, y[at:][:pixels], row)
					row = gated
				}
				s += float64(l.sum(row))
			}
			db[o] = T(s)
		}
	})
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
