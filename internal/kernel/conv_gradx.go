package kernel

import "gonum.org/v1/gonum/blas"

// ConvGradX computes the gradient dx with respect to the images, from the
// gradient dy of the output.
func ConvGradX[T Float](c Conv, dx, dy, w []T) {
	if dx, ok := any(dx).([]float32); ok && c.winograd() {
		winogradGradX(c, dx, any(dy).([]float32), any(w).([]float32))
		return
	}
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
			n, each := c.size(t), (t.r1-t.r0)*c.OutW()
			grad, ld := tileGradient(c, t, dy, joint)
			convGemm(c, blas.Trans, blas.NoTrans, c.depth(), n, c.Out, w, c.depth(), grad, ld, 0, cols, n)
			for i := t.i0; i < t.i1; i++ {
				x := dx[i*image:][:image]
				if t.r0 == 0 {
					clear(x)
				}
				col2im(x, cols[(i-t.i0)*each:], n, c.Window, 0, c.depth(), t.r0, t.r1)
			}
		})
	})
}
