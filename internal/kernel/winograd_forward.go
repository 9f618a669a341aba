package kernel

import (
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// winogradForward is [ConvForward] by Winograd's algorithm.
func winogradForward(c Conv, y, x, w, b []float32, relu bool) {
	newWinograd(c).convolve(y, x, w, false, b, relu)
}

// winogradGradX is [ConvGradX] by Winograd's algorithm.
func winogradGradX(c Conv, dx, dy, w []float32) {
	newWinograd(c.adjoint()).convolve(dx, dy, w, true, nil, false)
}

// convolve computes y. The weights w are (out, in, 3, 3), or with turn set
// (in, out, 3, 3) and turned by 180 degrees.
//
// Many tiles: the weights are transformed once, and the processors share the
// chunks. Few tiles, and many channels then: the processors share the output
// channels, and transform the weights of as many as stay in the cache.
func (g winograd) convolve(y, x, w []float32, turn bool, b []float32, relu bool) {
	if g.chunks > 1 {
		u := borrow[float32](g.weightsSize(g.out))
		defer giveBack(u)
		g.allWeights(u, w, turn)
		parallel.For(g.chunks, 1, func(lo, hi int) {
			v, m := g.borrowPlanes(g.in), g.borrowPlanes(g.out)
			defer giveBack(v)
			defer giveBack(m)
			for i := lo; i < hi; i++ {
				s0, s1 := g.chunkStrips(i)
				g.gather(v, g.input(), x, 0, g.in, s0, s1)
				g.products(m, u, v, turn, g.out, s1-s0)
				g.scatter(y, m, b, relu, 0, g.out, s0, s1)
			}
		})
		return
	}
	v := g.borrowPlanes(g.in)
	defer giveBack(v)
	parallel.For(g.in, 8, func(lo, hi int) { g.gather(v, g.input(), x, lo, hi, 0, g.strips) })
	block := g.block()
	parallel.For(ceilDiv(g.out, block), 1, func(lo, hi int) {
		u, m := borrow[float32](g.weightsSize(block)), g.borrowPlanes(block)
		defer giveBack(u)
		defer giveBack(m)
		for o := lo * block; o < min(hi*block, g.out); o += block {
			n := min(block, g.out-o)
			g.weights(u, w, turn, o, n)
			g.products(m, u, v, turn, n, g.strips)
			g.scatter(y, m, b, relu, o, o+n, 0, g.strips)
		}
	})
}

// chunkStrips returns the strips of chunk i.
func (g *winograd) chunkStrips(i int) (s0, s1 int) {
	return i * g.chunk, min((i+1)*g.chunk, g.strips)
}

// weightsPlane is the distance between the planes of the weights of so many
// output channels.
func (g *winograd) weightsPlane(outs int) int { return outs*g.in + winogradPad }

func (g *winograd) weightsSize(outs int) int { return winogradPlanes * g.weightsPlane(outs) }

// allWeights transforms all weights into u.
func (g *winograd) allWeights(u, w []float32, turn bool) {
	parallel.For(g.in*g.out, 1024, func(lo, hi int) {
		use.windowPlanes(u[lo:], g.weightsPlane(g.out), w[lo*window9:], hi-lo, turn)
	})
}

// weights transforms the weights of output channels o to o+n into u: planes
// (n, in), or with turn set (in, n).
func (g *winograd) weights(u, w []float32, turn bool, o, n int) {
	plane := g.weightsPlane(n)
	if !turn {
		use.windowPlanes(u, plane, w[o*g.in*window9:], n*g.in, false)
		return
	}
	for i := range g.in {
		use.windowPlanes(u[i*n:], plane, w[(i*g.out+o)*window9:], n, true)
	}
}

// products multiplies the weights u of n output channels with the tiles v.
func (g *winograd) products(m, u, v []float32, turn bool, n, strips int) {
	ta, ldu := blas.NoTrans, g.in
	if turn {
		ta, ldu = blas.Trans, n
	}
	ld := g.tiles(0, g.chunk)
	planeU, planeV, planeM := g.weightsPlane(n), g.plane(g.in), g.plane(n)
	for p := range winogradPlanes {
		gemmSerial(ta, blas.NoTrans, n, g.tiles(0, strips), g.in, 1, u[p*planeU:], ldu, v[p*planeV:], ld, 0, m[p*planeM:], ld)
	}
}
