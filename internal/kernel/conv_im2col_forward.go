package kernel

import "gonum.org/v1/gonum/blas"

// columnsForward is [ConvForward] with the columns of im2col.
func columnsForward[T Float](c Conv, y, x, w, b []T, relu bool) {
	c.each(func(group int) {
		var cols, joint []T
		if !c.pointwise() {
			cols = borrowColumns[T](c, c.depth())
			defer giveBack(cols)
		}
		if c.images() > 1 {
			joint = borrow[T](c.Out * c.width())
			defer giveBack(joint)
		}
		c.tiles(group, func(t tile) {
			if joint == nil {
				convTile(c, t, y[(t.i0*c.Out*c.OutH()+t.r0)*c.OutW():], c.pixels(), x, w, cols)
				biasTile(c, t, y, b, relu)
				return
			}
			convTile(c, t, joint, c.size(t), x, w, cols)
			splitTile(c, t, y, joint, b, relu)
		})
	})
}

// convTile computes a tile of the output, with ld elements between its rows.
func convTile[T Float](c Conv, t tile, out []T, ld int, x, w, buf []T) {
	cols, ldCols := tileColumns(c, t, x, buf, 0, c.depth())
	convGemm(c, blas.NoTrans, blas.NoTrans, c.Out, c.size(t), c.depth(), w, c.depth(), cols, ldCols, 0, out, ld)
}

// splitTile gives the images of a joint product their parts of y, with the bias
// added, and clipped.
func splitTile[T Float](c Conv, t tile, y, joint, b []T, relu bool) {
	n, pixels := c.size(t), c.pixels()
	l, low := loopsFor[T](), lowest[T](relu)
	for i := t.i0; i < t.i1; i++ {
		for o := range c.Out {
			l.addClip(y[(i*c.Out+o)*pixels:][:pixels], joint[o*n+(i-t.i0)*pixels:], at(b, o), low)
		}
	}
}
