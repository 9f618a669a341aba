package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// eachGroup calls f for the groups of images, from i0 to i1, with space for their
// matrices x and y, at once where there are processors.
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
