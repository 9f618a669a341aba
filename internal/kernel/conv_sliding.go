package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
)

// sliding is a convolution of stride 1, computed without columns. With outputs as wide as the padded image, what an element
// of the window sees of a plane lies together: the output is a sum of such views, each times its weight, and an element of
// the weights' gradient a dot product with one. In exchange, behind each row of the output are some columns that are
// never read.
type sliding struct {
	Conv
	height, width int // of the padded image
	outH, outW    int
}

func newSliding(c Conv) sliding { return sliding{c, c.H + 2*c.PH, c.W + 2*c.PW, c.OutH(), c.OutW()} }

const (
	slidingRows  = 6  // channels that the kernels take at once
	slidingDots  = 4  // views of which dotViews makes the dot products
	slidingGroup = 16 // the lengths of views are multiples of this
)

// length is the number of columns of the output, of all rows, and then some.
func (c sliding) length() int { return roundUp((c.outH-1)*c.width+c.outW, slidingGroup) }

// imageSize is the size of a padded image, and of what the last view reads behind it.
func (c sliding) imageSize() int { return c.C*c.height*c.width + slidingGroup }

// image returns image i with its padding and numbers behind it, in buf if they are not there.
func (c sliding) image(x, buf []float32, i int) []float32 {
	x = x[i*c.C*c.H*c.W:]
	if c.PH == 0 && c.PW == 0 && len(x) >= c.imageSize() {
		return x
	}
	buf = buf[:c.imageSize()]
	clear(buf)
	for ch := range c.C {
		copyRows(buf[(ch*c.height+c.PH)*c.width+c.PW:], c.width, x[ch*c.H*c.W:], c.W, c.W, c.H)
	}
	return buf
}

// copyRows copies rows of a width that lie apart. A -0 becomes 0.
func copyRows(dst []float32, dstStride int, src []float32, srcStride, width, rows int) {
	loops32.clipRows(dst, dstStride, src, srcStride, width, rows, 0, lowest[float32](false))
}

// views returns where the views begin that the elements of the window see, in planes of the given size, from index from on;
// direction is 1 for a convolution, -1 for one with the window rotated by 180 degrees.
func (c sliding) views(planes, size, from, direction int) []int {
	p := make([]int, 0, roundUp(planes*c.KH*c.KW, slidingDots))
	for plane := range planes {
		for i := range c.KH {
			for j := range c.KW {
				p = append(p, plane*size+from+direction*(i*c.width+j))
			}
		}
	}
	return p
}

// packed returns the weights of the views for a number of channels, six of them side by side, zero where there are no six.
// The caller gives them back.
func packed(channels, views int, weight func(channel, view int) float32) []float32 {
	w := borrow[float32](roundUp(channels, slidingRows) * views)
	clear(w)
	for ch := range channels {
		block := w[ch/slidingRows*slidingRows*views:]
		for k := range views {
			block[k*slidingRows+ch%slidingRows] = weight(ch, k)
		}
	}
	return w
}

// weighViews is a kernel.
func weighViews(y []float32, stride int, x []float32, offsets []int, w []float32, n int) {
	for r := range slidingRows {
		row := y[r*stride:][:n]
		clear(row)
		for k, at := range offsets {
			weight, view := w[k*slidingRows+r], x[at:][:n]
			for p, v := range view {
				row[p] = gemm.FMA32(v, weight, row[p])
			}
		}
	}
}

// dotViews is a kernel.
func dotViews(sums, y []float32, stride int, x []float32, offsets *[slidingDots]int, n int) {
	for r := range slidingRows {
		for k, at := range offsets {
			sum := (*[slidingGroup]float32)(sums[(r*slidingDots+k)*slidingGroup:])
			view := x[at:][:n]
			for p, v := range y[r*stride:][:n] {
				s := &sum[p%slidingGroup]
				*s = gemm.FMA32(view[p], v, *s)
			}
		}
	}
}

// slidingForward is [ConvForward] without columns.
func slidingForward(c sliding, y target, x source, w []float32) {
	n, k, pixels := c.length(), c.depth(), c.pixels()
	views := c.views(c.C, c.height*c.width, 0, 1)
	weights := packed(c.Out, k, func(o, view int) float32 { return w[o*k+view] })
	defer giveBack(weights)
	parallel.For(c.N, 1, func(lo, hi int) {
		out, buf := borrow[float32](slidingRows*n), borrow[float32](c.imageSize())
		defer giveBack(out)
		defer giveBack(buf)
		for i := lo; i < hi; i++ {
			image := c.image(x.x, buf, i)
			for o := range c.Out {
				if o%slidingRows == 0 {
					use.weighViews(out, n, image, views, weights[o*k:][:slidingRows*k], n)
				}
				if plane := out[o%slidingRows*n:]; y.picks == nil {
					loops32.clipRows(y.y[(i*c.Out+o)*pixels:], c.outW, plane, c.width, c.outW, c.outH, at(y.b, o), y.low())
				} else {
					y.pool(plane, c.width, c.outH, at(y.b, o), lines{(i*c.Out + o) * c.outH, c.outH, 1, c.outH}, c.outW)
				}
			}
		}
	})
}

// spread copies the gradient of image i's output to planes with rows as wide as the padded image, from index from on, and
// clears all else.
func (c sliding) spread(planes []float32, size, from int, dy source, i int) {
	clear(planes)
	for o := range c.Out {
		line, plane := (i*c.Out+o)*c.outH, planes[o*size+from:]
		if dy.picks == nil {
			copyRows(plane, c.width, dy.x[line*c.outW:], c.outW, c.outW, c.outH)
		} else {
			dy.unpool(plane, c.width, c.outH, lines{line, c.outH, 1, c.outH}, c.outW)
		}
	}
}

// slidingGradX is [ConvGradX] without columns: a convolution of the gradient, with zeros around it, with the window rotated
// by 180 degrees.
func slidingGradX(c sliding, dx []float32, dy source, w []float32) {
	window := c.KH * c.KW
	first := c.PH*c.width + c.PW // the image in its padding
	n := roundUp((c.H-1)*c.width+c.W, slidingGroup)
	margin := (c.KH-1)*c.width + c.KW - 1
	size := margin + max(first+n, c.outH*c.width)
	views := c.views(c.Out, size, margin+first, -1)
	weights := packed(c.C, len(views), func(ch, view int) float32 {
		return w[(view/window*c.C+ch)*window+view%window]
	})
	defer giveBack(weights)
	parallel.For(c.N, 1, func(lo, hi int) {
		grad, out := borrow[float32](c.Out*size), borrow[float32](slidingRows*n)
		defer giveBack(grad)
		defer giveBack(out)
		for i := lo; i < hi; i++ {
			c.spread(grad, size, margin, dy, i)
			for ch := range c.C {
				if ch%slidingRows == 0 {
					use.weighViews(out, n, grad, views, weights[ch*len(views):][:slidingRows*len(views)], n)
				}
				copyRows(dx[(i*c.C+ch)*c.H*c.W:], c.W, out[ch%slidingRows*n:], c.width, c.W, c.H)
			}
		}
	})
}

// slidingParts is the number of parts of the batch whose sums are added up, each in the order of the images.
const slidingParts = 8

// slidingBlock is the number of sums that dotViews adds to.
const slidingBlock = slidingRows * slidingDots * slidingGroup

// slidingGradW is [ConvGradW] without columns.
func slidingGradW(c sliding, dw []float32, dy, x source) {
	views := c.views(c.C, c.height*c.width, 0, 1)
	views = views[:cap(views)] // those at the end see what they like
	size := ceilDiv(c.Out, slidingRows) * len(views) / slidingDots * slidingBlock
	parts := borrow[float32](slidingParts * size)
	defer giveBack(parts)
	parallel.For(slidingParts, 1, func(lo, hi int) {
		for part := lo; part < hi; part++ {
			c.dots(parts[part*size:][:size], dy, x, views, part*c.N/slidingParts, (part+1)*c.N/slidingParts)
		}
	})
	sums := parts[:size]
	for rest := parts[size:]; len(rest) > 0; rest = rest[size:] {
		accumulate(sums, rest)
	}
	for o := range c.Out {
		row := sums[(o/slidingRows*len(views)/slidingDots*slidingRows+o%slidingRows)*slidingDots*slidingGroup:]
		for k := range c.depth() {
			dw[o*c.depth()+k] = loops32.sum(row[k/slidingDots*slidingBlock+k%slidingDots*slidingGroup:][:slidingGroup])
		}
	}
}

// dots writes the sums of images i0 to i1.
func (c sliding) dots(sums []float32, dy, x source, views []int, i0, i1 int) {
	n, channels := c.length(), roundUp(c.Out, slidingRows)
	grad, buf := borrow[float32](channels*n), borrow[float32](c.imageSize())
	defer giveBack(grad)
	defer giveBack(buf)
	clear(sums)
	for i := i0; i < i1; i++ {
		c.spread(grad, n, 0, dy, i)
		image, s := c.image(x.x, buf, i), sums
		for o := 0; o < channels; o += slidingRows {
			for k := 0; k < len(views); k += slidingDots {
				use.dotViews(s, grad[o*n:], n, image, (*[slidingDots]int)(views[k:]), n)
				s = s[slidingBlock:]
			}
		}
	}
}
