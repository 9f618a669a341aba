package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// columnsGradW is [ConvGradW] with the columns of im2col. The processors share the
// columns of dw, so that each element is one sum over the batch, in the order of
// the images.
func columnsGradW[T Float](c Conv, dw, dy, x []T) {
	joint := dy
	if c.images() > 1 {
		joint = borrow[T](len(dy))
		defer giveBack(joint)
		c.each(func(group int) {
			c.tiles(group, func(t tile) { tileGradient(c, t, dy, joint[c.offset(t):]) })
		})
	}
	block := c.depthBlock()
	parallel.For((c.depth()+block-1)/block, 1, func(lo, hi int) {
		buf := borrowColumns[T](c, block)
		defer giveBack(buf)
		for k := lo * block; k < min(hi*block, c.depth()); k += block {
			convGradW(c, dw, joint, x, buf, k, min(k+block, c.depth()))
		}
	})
}

// depthBlock is the number of columns of dw that are computed at once. Each part
// packs dy again, so that there are few: an even number, for two processors.
func (c Conv) depthBlock() int {
	parts := 2
	switch {
	case c.depth() >= 4096:
		parts = 8
	case c.depth() >= 512:
		parts = 4
	}
	return (c.depth() + parts - 1) / parts
}

// offset is where the gradient of a tile starts, in dy or in the joint copy.
func (c Conv) offset(t tile) int { return (t.i0*c.Out*c.OutH() + t.r0) * c.OutW() }

// convGradW computes columns k0 to k1 of dw. joint is dy, or its images side by
// side in their groups.
func convGradW[T Float](c Conv, dw, joint, x, buf []T, k0, k1 int) {
	var beta T
	for g := range c.groups() {
		c.tiles(g, func(t tile) {
			n, ld := c.size(t), c.pixels()
			if c.images() > 1 {
				ld = n
			}
			cols, ldCols := tileColumns(c, t, x, buf, k0, k1)
			gemm.Serial(blas.NoTrans, blas.Trans, c.Out, k1-k0, n, 1, joint[c.offset(t):], ld, cols, ldCols, beta, dw[k0:], c.depth())
			beta = 1
		})
	}
}
