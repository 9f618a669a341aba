package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// winogradForward is [ConvForward] by Winograd's algorithm.
func winogradForward(c Conv, y target, x source, w []float32) {
	newWinograd(c).convolve(y, x, w, false)
}

// winogradGradX is [ConvGradX] by Winograd's algorithm.
func winogradGradX(c Conv, dx []float32, dy source, w []float32) {
	newWinograd(c.adjoint()).convolve(target{y: dx}, dy, w, true)
}

// convolve computes y. The weights w are (out, in, 3, 3), or with rotate set (in, out, 3, 3) and rotated by 180 degrees.
//
// Many tiles: the weights are transformed once, and the processors share the chunks. Few tiles, and many channels then: the
// processors share the output channels, and transform the weights of as many as stay in the cache.
func (g winograd) convolve(y target, x source, w []float32, rotate bool) {
	if g.chunks > 1 {
		u := borrow[float32](g.weightsSize(g.out))
		defer giveBack(u)
		g.allWeights(u, w, rotate)
		parallel.For(g.chunks, 1, func(lo, hi int) {
			v, m := g.borrowTiles(g.in), g.borrowTiles(g.out)
			defer giveBack(v)
			defer giveBack(m)
			for i := lo; i < hi; i++ {
				q0, q1 := g.lines(i)
				g.gather(v, g.input(), x, 0, g.in, q0, q1)
				g.products(m, u, v, rotate, g.out, g.width(q0, q1))
				g.scatter(y, m, 0, g.out, q0, q1)
			}
		})
		return
	}
	v := g.borrowTiles(g.in)
	defer giveBack(v)
	parallel.For(g.in, 8, func(lo, hi int) { g.gather(v, g.input(), x, lo, hi, 0, g.chunk) })
	block := g.block()
	parallel.For(ceilDiv(g.out, block), 1, func(lo, hi int) {
		u, m := borrow[float32](g.weightsSize(block)), g.borrowTiles(block)
		defer giveBack(u)
		defer giveBack(m)
		for o := lo * block; o < min(hi*block, g.out); o += block {
			n := min(block, g.out-o)
			g.weights(u, w, rotate, o, n)
			g.products(m, u, v, rotate, n, g.tiles)
			g.scatter(y, m, o, o+n, 0, g.chunk)
		}
	})
}

// weightsPlane is the distance between the planes of the weights of so many output channels.
func (g *winograd) weightsPlane(outs int) int { return outs*g.in + winogradPad }

func (g *winograd) weightsSize(outs int) int { return winogradPlanes * g.weightsPlane(outs) }

// allWeights transforms all weights into u.
func (g *winograd) allWeights(u, w []float32, rotate bool) {
	parallel.For(g.in*g.out, 1024, func(lo, hi int) {
		use.windowPlanes(u[lo:], g.weightsPlane(g.out), w[lo*window9:], hi-lo, rotate)
	})
}

// weights transforms the weights of output channels o to o+n into u: planes (n, in), or with rotate set (in, n).
func (g *winograd) weights(u, w []float32, rotate bool, o, n int) {
	plane := g.weightsPlane(n)
	if !rotate {
		use.windowPlanes(u, plane, w[o*g.in*window9:], n*g.in, false)
		return
	}
	for i := range g.in {
		use.windowPlanes(u[i*n:], plane, w[(i*g.out+o)*window9:], n, true)
	}
}

// products multiplies the weights u of n output channels with so many tiles v.
func (g *winograd) products(m, u, v []float32, rotate bool, n, tiles int) {
	ta, ldu := blas.NoTrans, g.in
	if rotate {
		ta, ldu = blas.Trans, n
	}
	ld, plane := g.channel(), g.weightsPlane(n)
	for p := range winogradPlanes {
		gemm.Serial(ta, blas.NoTrans, n, tiles, g.in, 1, u[p*plane:], ldu, v[p*g.tiles:], ld, 0, m[p*g.tiles:], ld)
	}
}
