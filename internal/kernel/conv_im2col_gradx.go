package kernel

import "gonum.org/v1/gonum/blas"

// columnsGradX is [ConvGradX] with the columns of im2col.
func columnsGradX[T Float](c Conv, dx, dy, w []T) {
	image := c.C * c.H * c.W
	c.each(func(group int) {
		cols := borrowColumns[T](c, c.depth())
		defer giveBack(cols)
		var joint []T
		if c.images() > 1 {
			joint = borrow[T](c.Out * c.width())
			defer giveBack(joint)
		}
		c.tiles(group, func(t tile) {
			grad, ld := tileGradient(c, t, dy, joint)
			convGemm(c, blas.Trans, blas.NoTrans, c.depth(), c.size(t), c.Out, w, c.depth(), grad, ld, 0, cols, c.size(t))
			if t.r0 == 0 {
				clear(dx[t.i0*image : t.i1*image])
			}
			col2im(c, t, dx, cols)
		})
	})
}
