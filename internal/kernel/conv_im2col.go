package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// The columns of a tile are the matrix whose product with the weights is the convolution. Row k of the matrix stands for
// element (c, i, j) of the window, k = (c*KH + i)*KW + j, and holds what that element sees at each pixel of the tile, image
// by image; zero where that is padding.

// view is what one element of the window sees of one plane, for the rows of the output in a tile.
type view struct {
	channel     int
	lo, hi      int // rows of the output that see the image, not padding
	left, right int // columns likewise
	from        int // index in the plane of row lo, column 0; outside if left > 0
}

// view returns what element k of the window sees; ok is false if it sees padding only.
func (c Conv) view(t tile, k int) (v view, ok bool) {
	i, j := k/c.KW%c.KH, k%c.KW
	v.channel = k / (c.KH * c.KW)
	v.lo, v.hi = clip(c.OutH(), c.H, c.SH, c.PH, i)
	v.lo, v.hi = max(v.lo, t.r0), min(v.hi, t.r1)
	v.left, v.right = clip(c.OutW(), c.W, c.SW, c.PW, j)
	v.from = (v.lo*c.SH+i-c.PH)*c.W + j - c.PW
	return v, v.lo < v.hi && v.left < v.right
}

// shifts reports whether the output is as wide as the image and has stride 1, so that a view is a range of the plane, but
// for its borders.
func (c Conv) shifts() bool { return c.SH == 1 && c.SW == 1 && c.OutW() == c.W }

// im2col writes rows k0 to k1 of the columns of a tile to cols.
func im2col[T Float](c Conv, t tile, cols, x []T, k0, k1 int) {
	width, size, shifts, n := c.OutW(), c.H*c.W, c.shifts(), c.size(t)
	each := (t.r1 - t.r0) * width
	for k := k0; k < k1; k++ {
		rows := cols[(k-k0)*n:][:n]
		v, ok := c.view(t, k)
		if !ok {
			clear(rows)
			continue
		}
		for i := t.i0; i < t.i1; i++ {
			row := rows[(i-t.i0)*each:][:each]
			plane := x[(i*c.C+v.channel)*size:][:size]
			clear(row[:(v.lo-t.r0)*width])
			clear(row[(v.hi-t.r0)*width:])
			row = row[(v.lo-t.r0)*width : (v.hi-t.r0)*width]
			if shifts {
				copy(row[v.left:], plane[v.from+v.left:v.from+len(row)-width+v.right])
				clearBorders(row, width, v.left, v.right)
				continue
			}
			for from := v.from; len(row) > 0; row, from = row[width:], from+c.SH*c.W {
				gatherRow(row[:width], plane, from, c.SW, v.left, v.right)
			}
		}
	}
}

// clearBorders clears the columns outside of left to right.
func clearBorders[T Float](rows []T, width, left, right int) {
	for p := range left {
		for i := p; i < len(rows); i += width {
			rows[i] = 0
		}
	}
	for p := right; p < width; p++ {
		for i := p; i < len(rows); i += width {
			rows[i] = 0
		}
	}
}

// gatherRow fills a row from each stride-th element of the plane, and clears it outside of left to right.
func gatherRow[T Float](row, plane []T, from, stride, left, right int) {
	clear(row[:left])
	clear(row[right:])
	if stride == 1 {
		copy(row[left:right], plane[from+left:])
		return
	}
	for p := left; p < right; p++ {
		row[p] = plane[from+p*stride]
	}
}

// col2im is the adjoint of im2col, for all elements of the window: it adds what im2col would have copied from x back into x.
// It destroys cols.
func col2im[T Float](c Conv, t tile, x, cols []T) {
	width, size, shifts, n := c.OutW(), c.H*c.W, c.shifts(), c.size(t)
	each := (t.r1 - t.r0) * width
	for k := range c.depth() {
		v, ok := c.view(t, k)
		if !ok {
			continue
		}
		for i := t.i0; i < t.i1; i++ {
			row := cols[k*n+(i-t.i0)*each:][(v.lo-t.r0)*width : (v.hi-t.r0)*width]
			plane := x[(i*c.C+v.channel)*size:][:size]
			if shifts {
				clearBorders(row, width, v.left, v.right)
				row = row[v.left : len(row)-width+v.right]
				accumulate(plane[v.from+v.left:][:len(row)], row)
				continue
			}
			for from := v.from; len(row) > 0; row, from = row[width:], from+c.SH*c.W {
				scatterRow(plane, row, from, c.SW, v.left, v.right)
			}
		}
	}
}

// scatterRow is the adjoint of gatherRow.
func scatterRow[T Float](plane, row []T, from, stride, left, right int) {
	if stride == 1 {
		accumulate(plane[from+left:][:right-left], row[left:])
		return
	}
	for p := left; p < right; p++ {
		plane[from+p*stride] += row[p]
	}
}

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

// splitTile gives the images of a joint product their parts of y, with the bias added, and clipped.
func splitTile[T Float](c Conv, t tile, y, joint, b []T, relu bool) {
	n, pixels := c.size(t), c.pixels()
	l, low := loopsFor[T](), lowest[T](relu)
	for i := t.i0; i < t.i1; i++ {
		for o := range c.Out {
			l.addClip(y[(i*c.Out+o)*pixels:][:pixels], joint[o*n+(i-t.i0)*pixels:], at(b, o), low)
		}
	}
}

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

// columnsGradW is [ConvGradW] with the columns of im2col. The processors share the columns of dw, so that each element is
// one sum over the batch, in the order of the images.
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

// depthBlock is the number of columns of dw that are computed at once. Each part packs dy again, so that there are few: an
// even number, for two processors.
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

// convGradW computes columns k0 to k1 of dw. joint is dy, or its images side by side in their groups.
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
