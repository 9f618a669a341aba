package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// Conv is the shape of a convolution: x (N, C, H, W), w (Out, C, KH, KW), result (N, Out, OutH, OutW).
//
// With the columns of im2col it becomes a matrix product, for some 512 pixels of the output at a time: enough for an
// efficient product, few enough to stay in the cache. Where the maps are small, several images share a product; where they
// are large, an image takes several.
type Conv struct {
	Window
	N, C, Out int
}

// columns is the number of pixels of the output that a product aims at.
const columns = 512

// depth is the length of the sum behind an element of the output.
func (c Conv) depth() int { return c.C * c.KH * c.KW }

// pixels is the number of pixels of one image's output.
func (c Conv) pixels() int { return c.OutH() * c.OutW() }

// images is the number of images that share a product.
func (c Conv) images() int { return max(1, min(c.N, columns/c.pixels())) }

// rows is the number of rows of output in a product.
func (c Conv) rows() int {
	strips := (c.pixels() + columns - 1) / columns
	return (c.OutH() + strips - 1) / strips
}

// width is the number of columns of the largest product.
func (c Conv) width() int { return c.images() * c.rows() * c.OutW() }

// groups is the number of groups of images that share products.
func (c Conv) groups() int { return (c.N + c.images() - 1) / c.images() }

// each calls f for all groups of images, at once where there are processors.
func (c Conv) each(f func(group int)) {
	parallel.For(c.groups(), 1, func(lo, hi int) {
		for g := lo; g < hi; g++ {
			f(g)
		}
	})
}

// tile is a part of the output that one product computes: rows r0 to r1 of the images from i0 to i1. All rows, if there is
// more than one image.
type tile struct{ i0, i1, r0, r1 int }

// tiles calls f for the tiles of a group of images.
func (c Conv) tiles(group int, f func(t tile)) {
	i0 := group * c.images()
	i1 := min(i0+c.images(), c.N)
	for r := 0; r < c.OutH(); r += c.rows() {
		f(tile{i0, i1, r, min(r+c.rows(), c.OutH())})
	}
}

// size is the number of pixels in a tile.
func (c Conv) size(t tile) int { return (t.i1 - t.i0) * (t.r1 - t.r0) * c.OutW() }

// pointwise reports whether an image is its own matrix of columns.
func (c Conv) pointwise() bool {
	return c.KH == 1 && c.KW == 1 && c.SH == 1 && c.SW == 1 && c.PH == 0 && c.PW == 0 && c.images() == 1
}

// borrowColumns returns space for the columns of a tile, for k elements of the window.
func borrowColumns[T Float](c Conv, k int) []T { return borrow[T](k * c.width()) }

// tileColumns returns the columns of a tile for elements k0 to k1 of the window, and the distance between their rows; in
// buf, unless they lie in x already.
func tileColumns[T Float](c Conv, t tile, x, buf []T, k0, k1 int) ([]T, int) {
	image := c.C * c.H * c.W
	if c.pointwise() {
		return x[t.i0*image+k0*c.H*c.W+t.r0*c.W:], c.H * c.W
	}
	im2col(c, t, buf, x, k0, k1)
	return buf, c.size(t)
}

// tileGradient returns the gradient of a tile of the output as a matrix with a row for each output channel, and the distance
// between its rows; in buf, unless it lies in dy already.
func tileGradient[T Float](c Conv, t tile, dy, buf []T) ([]T, int) {
	pixels := c.pixels()
	if c.images() == 1 {
		return dy[t.i0*c.Out*pixels+t.r0*c.OutW():], pixels
	}
	n := c.size(t)
	for i := t.i0; i < t.i1; i++ {
		for o := range c.Out {
			copy(buf[o*n+(i-t.i0)*pixels:][:pixels], dy[(i*c.Out+o)*pixels:])
		}
	}
	return buf, n
}

// convGemm is the product of a tile. The processors share it when there are too few groups of images to go round.
func convGemm[T Float](c Conv, ta, tb blas.Transpose, m, n, k int, a []T, lda int, b []T, ldb int, beta T, out []T, ld int) {
	if c.groups() < 4 {
		gemm.Gemm(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, out, ld)
		return
	}
	gemm.Serial(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, out, ld)
}
