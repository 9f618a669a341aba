package kernel

import "gonum.org/v1/gonum/blas"

// columnsForward is [ConvForward] with the columns of im2col.
func columnsForward[T Float](c Conv, y, x, w, b []T, relu bool) {
	c.each(func(group int) {
		var cols, joint []T
		if !c.direct() {
			cols = borrowColumns[T](c, c.depth())
			defer giveBack(cols)
		}
		if c.images() > 1 {
			joint = borrow[T](c.Out * c.width())
			defer giveBack(joint)
		}
		c.tiles(group, func(t tile) {
			if joint == nil {
				convTile(c, t, y[(t.i0*c.Out*c.OutH()+t.r0)*c.OutW():], c.places(), x, w, cols)
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

// biasTile adds the bias to a tile of one image, and clips it.
func biasTile[T Float](c Conv, t tile, y, b []T, relu bool) {
	if b == nil && !relu {
		return
	}
	for o := range c.Out {
		row := y[((t.i0*c.Out+o)*c.OutH()+t.r0)*c.OutW():][:c.size(t)]
		addClip(row, row, at(b, o), relu)
	}
}

// splitTile gives the images of a joint product their parts of y, with the bias
// added, and clipped.
func splitTile[T Float](c Conv, t tile, y, joint, b []T, relu bool) {
	n, places := c.size(t), c.places()
	for i := t.i0; i < t.i1; i++ {
		for o := range c.Out {
			addClip(y[(i*c.Out+o)*places:][:places], joint[o*n+(i-t.i0)*places:], at(b, o), relu)
		}
	}
}

// at is b[i], or zero if there is no b.
func at[T Float](b []T, i int) T {
	if b == nil {
		return 0
	}
	return b[i]
}

// addClip writes x + v to y, clipped at zero from below when relu is set.
func addClip[T Float](y, x []T, v T, relu bool) {
	x = x[:len(y)]
	if relu {
		for i, u := range x {
			y[i] = max(u+v, 0)
		}
		return
	}
	for i, u := range x {
		y[i] = u + v
	}
}
