package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// shifted is a convolution by shifted GEMM: computed without columns, as a sum of matrix products for the elements of the
// window. A group of images is copied to a matrix x with a row for some columns that lie beside each other, the smaller of
// SW and KW of them: their channels, one column after the other. Row
//
//	(h*slots + s)*together + n
//
// holds column s*SW - PW and those beside it of row h of image n. So what an element of the window, and those beside it, see
// along a row of the output are successive rows of x. With a matrix y of the output, whose row (p*OutW + q)*together + n has
// the channels of pixel (p, q) of image n, and a matrix w that has a row for each element of the window and channel, row p
// of the output is
//
//	y[p] = sum over i and j = 0, SW, ... of x[p*SH + i - PH, from j/SW on] w[i, from j on]
//
// and the gradients add the products x += y w' and w += x' y.
type shifted struct {
	Conv
	outH, outW int
	together   int // images in a group
	beside     int // columns in a row of x
	slots      int // rows of x for a row of an image
	ldX, ldY   int // distances between the rows of x, and of y and w

	// Where the rows begin that take the pixels of an image, those of an output, and the elements of all windows of an
	// output channel. Pixels that the window does not see have a row behind the others.
	image, output, window []int
}

const (
	shiftedRows = 64  // of x or y that a product takes: few, so that x and y stay in the cache
	shiftedOuts = 128 // output channels of a product
	shiftedPad  = 16  // elements between rows, whose distance would else often be a power of two
)

func newShifted(c Conv) *shifted {
	t := &shifted{Conv: c, outH: c.OutH(), outW: c.OutW()}
	groups := ceilDiv(c.N*t.outW, shiftedRows)
	groups += groups % 2 // two processors share an even number well
	t.together = ceilDiv(c.N, groups)
	t.beside = min(c.SW, c.KW)
	t.slots = t.outW + (c.KW-1)/c.SW
	t.ldX, t.ldY = t.beside*c.C+shiftedPad, c.Out+shiftedPad

	t.image = scratchInts.borrow(c.H * c.W)
	for i := range t.image {
		h, w := i/c.W, i%c.W+c.PW
		row := h*t.slots + w/c.SW
		if w/c.SW >= t.slots || w%c.SW >= t.beside {
			row, w = c.H*t.slots, 0
		}
		t.image[i] = row*t.together*t.ldX + w%c.SW*c.C
	}
	t.output = scratchInts.borrow(t.pixels())
	for i := range t.output {
		t.output[i] = i * t.together * t.ldY
	}
	t.window = scratchInts.borrow(c.depth())
	for i := range t.window {
		t.window[i] = (i%(c.KH*c.KW)*c.C + i/(c.KH*c.KW)) * t.ldY
	}
	return t
}

func (t *shifted) giveBack() {
	for _, s := range [][]int{t.image, t.output, t.window} {
		scratchInts.giveBack(s)
	}
}

// sizeX, sizeY and sizeW are the sizes of the matrices.
func (t *shifted) sizeX() int { return (t.H*t.slots + 1) * t.together * t.ldX }
func (t *shifted) sizeY() int { return t.pixels() * t.together * t.ldY }
func (t *shifted) sizeW() int { return t.depth() * t.ldY }

// groups is the number of times that matrices of images are made.
func (t *shifted) groups() int { return ceilDiv(t.N, t.together) }

// group is the range of images in group i.
func (t *shifted) group(i int) (i0, i1 int) { return i * t.together, min((i+1)*t.together, t.N) }

// bands calls f for the ranges of rows of an image that the window sees.
func (t *shifted) bands(f func(h0, h1 int)) {
	end := min(t.H, (t.outH-1)*t.SH+t.KH-t.PH)
	for h := 0; h < end; h++ {
		h0 := h
		for h < end && (h+t.PH)%t.SH < t.KH {
			h++
		}
		if h > h0 {
			f(h0, h)
		}
	}
}

// clearSlots clears slots s0 to s1 of all rows of images in x.
func clearSlots[T Float](t *shifted, x []T, s0, s1 int) {
	slot := t.together * t.ldX
	for h := range t.H {
		clear(x[(h*t.slots+s0)*slot : (h*t.slots+s1)*slot])
	}
}

// gatherImages fills x with images i0 to i1 and their padding.
func gatherImages[T Float](t *shifted, x, images []T, i0, i1 int) {
	if i1-i0 < t.together {
		clear(x)
	}
	clearSlots(t, x, 0, min(ceilDiv(t.PW, t.SW), t.slots))
	clearSlots(t, x, min((t.W+t.PW)/t.SW, t.slots), t.slots)
	l, plane := loopsFor[T](), t.H*t.W
	for i := i0; i < i1; i++ {
		t.bands(func(h0, h1 int) {
			l.toChannelsLast(x[(i-i0)*t.ldX:], t.image[h0*t.W:h1*t.W], images[i*t.C*plane+h0*t.W:], plane, t.C)
		})
	}
}

// scatterImages is the reverse of gatherImages.
func scatterImages[T Float](t *shifted, images, x []T, i0, i1 int) {
	l, plane := loopsFor[T](), t.H*t.W
	if t.KH < t.SH || (t.outH-1)*t.SH+t.KH-t.PH < t.H {
		clear(images[i0*t.C*plane : i1*t.C*plane])
	}
	for i := i0; i < i1; i++ {
		t.bands(func(h0, h1 int) {
			l.fromChannelsLast(images[i*t.C*plane+h0*t.W:], plane, t.C, x[(i-i0)*t.ldX:], t.image[h0*t.W:h1*t.W])
		})
	}
}

// gatherOutputs fills y with the outputs of images i0 to i1.
func gatherOutputs[T Float](t *shifted, y, outputs []T, i0, i1 int) {
	if i1-i0 < t.together {
		clear(y)
	}
	l, size := loopsFor[T](), t.Out*t.pixels()
	for i := i0; i < i1; i++ {
		l.toChannelsLast(y[(i-i0)*t.ldY:], t.output, outputs[i*size:], t.pixels(), t.Out)
	}
}

// scatterOutputs is the reverse of gatherOutputs.
func scatterOutputs[T Float](t *shifted, outputs, y []T, i0, i1 int) {
	l, size := loopsFor[T](), t.Out*t.pixels()
	for i := i0; i < i1; i++ {
		l.fromChannelsLast(outputs[i*size:], t.pixels(), t.Out, y[(i-i0)*t.ldY:], t.output)
	}
}

// windowProduct is what one product takes of the matrices.
type windowProduct struct {
	x, y, w int // where it begins in them
	rows    int // of x and of y
	k       int // columns of x, rows of w
	o, outs int // columns of y and of w

	newX, newY, newW bool // whether it is the first one for its rows
}

// add is the factor of what is in the rows of a product already.
func add[T Float](first bool) T {
	if first {
		return 0
	}
	return 1
}

// each calls f for the products of a group of images. They leave out what is padding for all elements of the window at once,
// unless that is new in x or y.
func (t *shifted) each(f func(p windowProduct)) {
	for i := range t.KH {
		lo, hi := clip(t.outH, t.H, t.SH, t.PH, i)
		for j := 0; j < t.KW; j += t.SW {
			left, right := t.sees(j)
			for o := 0; o < t.Out; o += shiftedOuts {
				for row := lo; row < hi; row++ {
					h := row*t.SH + i - t.PH
					p := windowProduct{w: (i*t.KW + j) * t.C, k: min(t.KW-j, t.beside) * t.C, o: o, outs: min(shiftedOuts, t.Out-o)}
					p.newX = j == 0 && o == 0 && (i < t.SH || row == t.outH-1)
					p.newY = j == 0 && (i == 0 || h == 0)
					p.newW = row == lo
					q0, q1 := left, right
					if p.newX || p.newY {
						q0, q1 = 0, t.outW
					}
					p.rows = (q1 - q0) * t.together
					p.x = (h*t.slots + j/t.SW + q0) * t.together * t.ldX
					p.y = (row*t.outW + q0) * t.together * t.ldY
					f(p)
				}
			}
		}
	}
}

// sees is the range of columns of the output where element j of the window, or one of those that lie beside it in x, sees
// the image: all if there are none.
func (t *shifted) sees(j int) (left, right int) {
	left = t.outW
	for k := j; k < min(j+t.beside, t.KW); k++ {
		lo, hi := clip(t.outW, t.W, t.SW, t.PW, k)
		if lo < hi {
			left, right = min(left, lo), max(right, hi)
		}
	}
	if left >= right {
		return 0, t.outW
	}
	return left, right
}

// outputs calls f for ranges of output channels, at once where there are processors.
func (t *shifted) outputs(f func(lo, hi int)) { parallel.For(t.Out, 16, f) }

// eachGroup calls f for the groups of images, from i0 to i1, with space for their matrices x and y, at once where there are
// processors.
func eachGroup[T Float](t *shifted, f func(x, y []T, i0, i1 int)) {
	parallel.For(t.groups(), 1, func(lo, hi int) {
		x, y := borrow[T](t.sizeX()), borrow[T](t.sizeY())
		defer giveBack(x)
		defer giveBack(y)
		for g := lo; g < hi; g++ {
			i0, i1 := t.group(g)
			f(x, y, i0, i1)
		}
	})
}

// shiftedForward is [ConvForward] as a sum of products.
func shiftedForward[T Float](c Conv, y, x, w, b []T, relu bool) {
	t, l := newShifted(c), loopsFor[T]()
	defer t.giveBack()
	weights := borrow[T](t.sizeW())
	defer giveBack(weights)
	t.outputs(func(lo, hi int) { l.toChannelsLast(weights[lo:], t.window, w[lo*t.depth():], t.depth(), hi-lo) })
	eachGroup(t, func(in, out []T, i0, i1 int) {
		gatherImages(t, in, x, i0, i1)
		t.each(func(p windowProduct) {
			gemm.Serial(blas.NoTrans, blas.NoTrans, p.rows, p.outs, p.k, 1, in[p.x:], t.ldX, weights[p.w*t.ldY+p.o:], t.ldY, add[T](p.newY), out[p.y+p.o:], t.ldY)
		})
		scatterOutputs(t, y, out, i0, i1)
		for i := i0; i < i1; i++ {
			biasTile(c, tile{i, i + 1, 0, t.outH}, y, b, relu)
		}
	})
}

// shiftedGradX is [ConvGradX] as a sum of products.
func shiftedGradX[T Float](c Conv, dx, dy, w []T) {
	t, l := newShifted(c), loopsFor[T]()
	defer t.giveBack()
	window, ld := t.KH*t.KW, t.depth()+shiftedPad
	transposed := borrow[T](t.Out * ld) // a row for each output channel
	defer giveBack(transposed)
	starts := scratchInts.borrow(window)
	defer scratchInts.giveBack(starts)
	for i := range starts {
		starts[i] = i * t.C
	}
	t.outputs(func(lo, hi int) {
		for o := lo; o < hi; o++ {
			l.toChannelsLast(transposed[o*ld:], starts, w[o*t.depth():], window, t.C)
		}
	})
	eachGroup(t, func(in, out []T, i0, i1 int) {
		gatherOutputs(t, out, dy, i0, i1)
		clearSlots(t, in, t.outW, t.slots)
		clear(in[t.H*t.slots*t.together*t.ldX:])
		t.each(func(p windowProduct) {
			gemm.Serial(blas.NoTrans, blas.NoTrans, p.rows, p.k, p.outs, 1, out[p.y+p.o:], t.ldY, transposed[p.o*ld+p.w:], ld, add[T](p.newX), in[p.x:], t.ldX)
		})
		scatterImages(t, dx, in, i0, i1)
	})
}

// shiftedGradW is [ConvGradW] as a sum of products. Lanes, whose number depends on the
// shapes alone, take the groups of images in turn; their sums are added in order.
func shiftedGradW[T Float](c Conv, dw, dy, x []T) {
	t, l := newShifted(c), loopsFor[T]()
	defer t.giveBack()
	lanes, size := min(t.groups(), 8), t.sizeW()
	sums := borrow[T](lanes * size)
	defer giveBack(sums)
	parallel.For(lanes, 1, func(lo, hi int) {
		in, out := borrow[T](t.sizeX()), borrow[T](t.sizeY())
		defer giveBack(in)
		defer giveBack(out)
		for lane := lo; lane < hi; lane++ {
			sum := sums[lane*size:][:size]
			clearBlind(t, sum)
			for g := lane; g < t.groups(); g += lanes {
				i0, i1 := t.group(g)
				gatherImages(t, in, x, i0, i1)
				gatherOutputs(t, out, dy, i0, i1)
				t.each(func(p windowProduct) {
					gemm.Serial(blas.Trans, blas.NoTrans, p.k, p.outs, p.rows, 1, in[p.x:], t.ldX, out[p.y+p.o:], t.ldY, add[T](p.newW && g == lane), sum[p.w*t.ldY+p.o:], t.ldY)
				})
			}
		}
	})
	t.outputs(func(lo, hi int) {
		for row := range t.depth() {
			sum := sums[row*t.ldY:][lo:hi]
			for lane := 1; lane < lanes; lane++ {
				accumulate(sum, sums[lane*size+row*t.ldY+lo:])
			}
		}
		l.fromChannelsLast(dw[lo*t.depth():], t.depth(), hi-lo, sums[lo:], t.window)
	})
}

// clearBlind clears the weights that see nothing but padding in all rows.
func clearBlind[T Float](t *shifted, w []T) {
	row := t.KW * t.C * t.ldY
	for i := range t.KH {
		if lo, hi := clip(t.outH, t.H, t.SH, t.PH, i); lo == hi {
			clear(w[i*row:][:row])
		}
	}
}
