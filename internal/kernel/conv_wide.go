package kernel

import (
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// wide is a convolution that moves by single steps, with outputs as wide as the
// padded image: behind each row are some columns that nobody reads. In exchange,
// what an element of the window sees of a plane is one piece of it, and a row of
// the columns of im2col takes one move.
type wide struct {
	Conv
	height, width int // of the padded image
}

func newWide(c Conv) wide { return wide{c, c.H + 2*c.PH, c.W + 2*c.PW} }

// each is the number of columns of an image.
func (c wide) each() int { return c.OutH() * c.width }

// seen is the length of the piece that an element sees: all columns but those
// behind the last row.
func (c wide) seen() int { return c.each() - (c.width - c.OutW()) }

// images is the number of images that share a product.
func (c wide) images() int { return max(1, min(c.N, columns/c.each())) }

// groups calls f for all groups of images, from i0 to i1, at once where there are
// processors.
func (c wide) groups(f func(i0, i1 int)) {
	n := c.images()
	parallel.For(ceilDiv(c.N, n), 1, func(lo, hi int) {
		for i := lo * n; i < min(hi*n, c.N); i += n {
			f(i, min(i+n, c.N))
		}
	})
}

// piece is where what element k of the window sees begins in an image.
func (c wide) piece(k int) int {
	return k/(c.KH*c.KW)*c.height*c.width + k/c.KW%c.KH*c.width + k%c.KW
}

// padded returns image i with its padding, in buf if it has any.
func padded[T Float](c wide, x, buf []T, i int) []T {
	x = x[i*c.C*c.H*c.W:][:c.C*c.H*c.W]
	if c.PH == 0 && c.PW == 0 {
		return x
	}
	buf = buf[:c.C*c.height*c.width]
	clear(buf)
	for ch := range c.C {
		for y := range c.H {
			copy(buf[(ch*c.height+c.PH+y)*c.width+c.PW:][:c.W], x[(ch*c.H+y)*c.W:])
		}
	}
	return buf
}

// wideColumns writes rows k0 to k1 of the columns of images i0 to i1.
func wideColumns[T Float](c wide, cols, x, buf []T, i0, i1, k0, k1 int) {
	each, seen := c.each(), c.seen()
	n := (i1 - i0) * each
	for i := i0; i < i1; i++ {
		image := padded(c, x, buf, i)
		for k := k0; k < k1; k++ {
			row := cols[(k-k0)*n+(i-i0)*each:][:each]
			copy(row[:seen], image[c.piece(k):])
			for p := seen; p < each; p++ {
				row[p] = 0
			}
		}
	}
}

// wideGradient copies the gradients of images i0 to i1 to a matrix with a row for
// each output channel, with zeros in the columns that nobody reads.
func wideGradient[T Float](c wide, grad, dy []T, i0, i1 int) {
	each, places, w := c.each(), c.places(), c.OutW()
	n := (i1 - i0) * each
	for i := i0; i < i1; i++ {
		for o := range c.Out {
			row := grad[o*n+(i-i0)*each:][:each]
			for src := dy[(i*c.Out+o)*places:][:places]; len(src) > 0; src, row = src[w:], row[c.width:] {
				copy(row[:w], src)
				for p := w; p < c.width; p++ {
					row[p] = 0
				}
			}
		}
	}
}

// wideForward is [ConvForward] with wide columns.
func wideForward[T Float](c wide, y, x, w, b []T, relu bool) {
	c.groups(func(i0, i1 int) {
		each, places := c.each(), c.places()
		n := (i1 - i0) * each
		cols, out, buf := borrow[T](c.depth()*n), borrow[T](c.Out*n), borrow[T](c.C*c.height*c.width)
		defer giveBack(cols)
		defer giveBack(out)
		defer giveBack(buf)
		wideColumns(c, cols, x, buf, i0, i1, 0, c.depth())
		gemmSerial(blas.NoTrans, blas.NoTrans, c.Out, n, c.depth(), 1, w, c.depth(), cols, n, 0, out, n)
		width, l, low := c.OutW(), loopsFor[T](), lowest[T](relu)
		for i := i0; i < i1; i++ {
			for o := range c.Out {
				row, bias := out[o*n+(i-i0)*each:][:each], at(b, o)
				for dst := y[(i*c.Out+o)*places:][:places]; len(dst) > 0; dst, row = dst[width:], row[c.width:] {
					l.addClip(dst[:width], row, bias, low)
				}
			}
		}
	})
}

// wideGradX is [ConvGradX] with wide columns.
func wideGradX[T Float](c wide, dx, dy, w []T) {
	c.groups(func(i0, i1 int) {
		n, seen := (i1-i0)*c.each(), c.seen()
		cols, grad, buf := borrow[T](c.depth()*n), borrow[T](c.Out*n), borrow[T](c.C*c.height*c.width)
		defer giveBack(cols)
		defer giveBack(grad)
		defer giveBack(buf)
		wideGradient(c, grad, dy, i0, i1)
		gemmSerial(blas.Trans, blas.NoTrans, c.depth(), n, c.Out, 1, w, c.depth(), grad, n, 0, cols, n)
		for i := i0; i < i1; i++ {
			image := buf[:c.C*c.height*c.width]
			if c.PH == 0 && c.PW == 0 {
				image = dx[i*len(image):][:len(image)]
			}
			clear(image)
			for k := range c.depth() {
				accumulate(image[c.piece(k):][:seen], cols[k*n+(i-i0)*c.each():])
			}
			crop(c, dx, image, i)
		}
	})
}

// crop is the reverse of padded, for gradients.
func crop[T Float](c wide, dx, image []T, i int) {
	if c.PH == 0 && c.PW == 0 {
		return
	}
	dx = dx[i*c.C*c.H*c.W:]
	for ch := range c.C {
		for y := range c.H {
			copy(dx[(ch*c.H+y)*c.W:][:c.W], image[(ch*c.height+c.PH+y)*c.width+c.PW:])
		}
	}
}

// wideGradW is [ConvGradW] with wide columns.
func wideGradW[T Float](c wide, dw, dy, x []T) {
	grad := borrow[T](c.N * c.Out * c.each())
	defer giveBack(grad)
	c.groups(func(i0, i1 int) { wideGradient(c, grad[i0*c.Out*c.each():], dy, i0, i1) })
	step := c.depthStep()
	parallel.For(ceilDiv(c.depth(), step), 1, func(lo, hi int) {
		cols, buf := borrow[T](step*c.images()*c.each()), borrow[T](c.C*c.height*c.width)
		defer giveBack(cols)
		defer giveBack(buf)
		for k0 := lo * step; k0 < min(hi*step, c.depth()); k0 += step {
			k1 := min(k0+step, c.depth())
			var beta T
			for i0 := 0; i0 < c.N; i0 += c.images() {
				i1 := min(i0+c.images(), c.N)
				n := (i1 - i0) * c.each()
				wideColumns(c, cols, x, buf, i0, i1, k0, k1)
				gemmSerial(blas.NoTrans, blas.Trans, c.Out, k1-k0, n, 1, grad[i0*c.Out*c.each():], n, cols, n, beta, dw[k0:], c.depth())
				beta = 1
			}
		}
	})
}
