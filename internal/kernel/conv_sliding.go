package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
)

// sliding is a convolution that moves by single steps, computed without columns.
// With outputs as wide as the padded image, what an element of the window sees of
// a plane is one piece of it: the output is a sum of such pieces, each times its
// weight, and an element of the weights' gradient a dot product with one. In
// exchange, behind each row of the output are some columns that nobody reads.
type sliding struct {
	Conv
	height, width int // of the padded image
	outH, outW    int
}

func newSliding(c Conv) sliding { return sliding{c, c.H + 2*c.PH, c.W + 2*c.PW, c.OutH(), c.OutW()} }

const (
	pieceRows  = 6  // channels that the kernels take at once
	pieceDots  = 4  // pieces of which dotPieces makes the dot products
	pieceGroup = 16 // the lengths of pieces are multiples of this
)

// length is the number of columns of the output, of all rows, and then some.
func (c sliding) length() int { return roundUp((c.outH-1)*c.width+c.outW, pieceGroup) }

func roundUp(n, step int) int { return ceilDiv(n, step) * step }

// imageSize is the size of a padded image, and of what the last piece reads
// behind it.
func (c sliding) imageSize() int { return c.C*c.height*c.width + pieceGroup }

// image returns image i with its padding and numbers behind it, in buf if they
// are not there.
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

// pieces returns where the pieces begin that the elements of the window see, in
// planes of the given size, from the place from on, in steps of one column: 1 for
// a convolution, -1 for the reverse.
func (c sliding) pieces(planes, size, from, step int) []int {
	p := make([]int, 0, roundUp(planes*c.KH*c.KW, pieceDots))
	for plane := range planes {
		for i := range c.KH {
			for j := range c.KW {
				p = append(p, plane*size+from+step*(i*c.width+j))
			}
		}
	}
	return p
}

// packed returns the weights of the pieces for a number of channels, six of them
// side by side, zero where there are no six. The caller gives them back.
func packed(channels, pieces int, weight func(channel, piece int) float32) []float32 {
	w := borrow[float32](roundUp(channels, pieceRows) * pieces)
	clear(w)
	for ch := range channels {
		block := w[ch/pieceRows*pieceRows*pieces:]
		for k := range pieces {
			block[k*pieceRows+ch%pieceRows] = weight(ch, k)
		}
	}
	return w
}

// weighPieces is a kernel.
func weighPieces(y []float32, stride int, x []float32, offsets []int, w []float32, n int) {
	for r := range pieceRows {
		row := y[r*stride:][:n]
		clear(row)
		for k, at := range offsets {
			weight, piece := w[k*pieceRows+r], x[at:][:n]
			for p, v := range piece {
				row[p] = gemm.FMA32(v, weight, row[p])
			}
		}
	}
}

// dotPieces is a kernel.
func dotPieces(sums, y []float32, stride int, x []float32, offsets *[pieceDots]int, n int) {
	for r := range pieceRows {
		for k, at := range offsets {
			sum := (*[pieceGroup]float32)(sums[(r*pieceDots+k)*pieceGroup:])
			piece := x[at:][:n]
			for p, v := range y[r*stride:][:n] {
				s := &sum[p%pieceGroup]
				*s = gemm.FMA32(piece[p], v, *s)
			}
		}
	}
}

// slidingForward is [ConvForward] without columns.
func slidingForward(c sliding, y, x, w, b []float32, relu bool) {
	n, k, places, low := c.length(), c.depth(), c.places(), lowest[float32](relu)
	pieces := c.pieces(c.C, c.height*c.width, 0, 1)
	weights := packed(c.Out, k, func(o, piece int) float32 { return w[o*k+piece] })
	defer giveBack(weights)
	parallel.For(c.N, 1, func(lo, hi int) {
		out, buf := borrow[float32](pieceRows*n), borrow[float32](c.imageSize())
		defer giveBack(out)
		defer giveBack(buf)
		for i := lo; i < hi; i++ {
			image := c.image(x, buf, i)
			for o := range c.Out {
				if o%pieceRows == 0 {
					use.weighPieces(out, n, image, pieces, weights[o*k:][:pieceRows*k], n)
				}
				loops32.clipRows(y[(i*c.Out+o)*places:], c.outW, out[o%pieceRows*n:], c.width, c.outW, c.outH, at(b, o), low)
			}
		}
	})
}

// spread copies the gradient of an image's output to planes with rows as wide as
// the padded image, from the place from on, and clears all else.
func (c sliding) spread(planes []float32, size, from int, dy []float32) {
	clear(planes)
	for o := range c.Out {
		copyRows(planes[o*size+from:], c.width, dy[o*c.outH*c.outW:], c.outW, c.outW, c.outH)
	}
}

// slidingGradX is [ConvGradX] without columns: a convolution with the window
// turned around of the gradient, with zeros around it.
func slidingGradX(c sliding, dx, dy, w []float32) {
	window := c.KH * c.KW
	first := c.PH*c.width + c.PW // the image in its padding
	n := roundUp((c.H-1)*c.width+c.W, pieceGroup)
	margin := (c.KH-1)*c.width + c.KW - 1
	size := margin + max(first+n, c.outH*c.width)
	pieces := c.pieces(c.Out, size, margin+first, -1)
	weights := packed(c.C, len(pieces), func(ch, piece int) float32 {
		return w[(piece/window*c.C+ch)*window+piece%window]
	})
	defer giveBack(weights)
	parallel.For(c.N, 1, func(lo, hi int) {
		grad, out := borrow[float32](c.Out*size), borrow[float32](pieceRows*n)
		defer giveBack(grad)
		defer giveBack(out)
		for i := lo; i < hi; i++ {
			c.spread(grad, size, margin, dy[i*c.Out*c.places():])
			for ch := range c.C {
				if ch%pieceRows == 0 {
					use.weighPieces(out, n, grad, pieces, weights[ch*len(pieces):][:pieceRows*len(pieces)], n)
				}
				copyRows(dx[(i*c.C+ch)*c.H*c.W:], c.W, out[ch%pieceRows*n:], c.width, c.W, c.H)
			}
		}
	})
}

// slidingParts is the number of parts of the batch whose gradients of the weights
// are added up, each a sum in the order of the images.
const slidingParts = 8

// slidingGradW is [ConvGradW] without columns.
func slidingGradW(c sliding, dw, dy, x []float32) {
	pieces := c.pieces(c.C, c.height*c.width, 0, 1)
	pieces = pieces[:cap(pieces)] // those at the end see what they like
	parts := borrow[float32](slidingParts * len(dw))
	defer giveBack(parts)
	parallel.For(slidingParts, 1, func(lo, hi int) {
		for part := lo; part < hi; part++ {
			slidingGradWPart(c, parts[part*len(dw):][:len(dw)], dy, x, pieces, part*c.N/slidingParts, (part+1)*c.N/slidingParts)
		}
	})
	copy(dw, parts)
	for rest := parts[len(dw):]; len(rest) > 0; rest = rest[len(dw):] {
		accumulate(dw, rest)
	}
}

// slidingGradWPart is slidingGradW for images i0 to i1.
func slidingGradWPart(c sliding, dw, dy, x []float32, pieces []int, i0, i1 int) {
	const block = pieceRows * pieceDots * pieceGroup
	n, channels := c.length(), roundUp(c.Out, pieceRows)
	sums := borrow[float32](channels / pieceRows * len(pieces) / pieceDots * block)
	grad, buf := borrow[float32](channels*n), borrow[float32](c.imageSize())
	defer giveBack(sums)
	defer giveBack(grad)
	defer giveBack(buf)
	clear(sums)
	for i := i0; i < i1; i++ {
		c.spread(grad, n, 0, dy[i*c.Out*c.places():])
		image, s := c.image(x, buf, i), sums
		for o := 0; o < channels; o += pieceRows {
			for k := 0; k < len(pieces); k += pieceDots {
				use.dotPieces(s, grad[o*n:], n, image, (*[pieceDots]int)(pieces[k:]), n)
				s = s[block:]
			}
		}
	}
	for o := range c.Out {
		row := sums[(o/pieceRows*len(pieces)/pieceDots*pieceRows+o%pieceRows)*pieceDots*pieceGroup:]
		for k := range c.depth() {
			dw[o*c.depth()+k] = loops32.sum(row[k/pieceDots*block+k%pieceDots*pieceGroup:][:pieceGroup])
		}
	}
}
