package kernel

import (
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// winogradGradW is [ConvGradW] by Winograd's algorithm.
func winogradGradW(c Conv, dw []float32, dy, x source) {
	g := newWinograd(c)
	if g.chunks > 1 {
		g.gradChunks(dw, dy, x)
		return
	}
	v, z := g.borrowTiles(g.in), g.borrowTiles(g.out)
	defer giveBack(v)
	defer giveBack(z)
	parallel.For(g.in, 8, func(lo, hi int) { g.gather(v, g.input(), x, lo, hi, 0, g.chunk) })
	parallel.For(g.out, 8, func(lo, hi int) { g.gather(z, g.gradient(), dy, lo, hi, 0, g.chunk) })
	block := g.block()
	parallel.For(ceilDiv(g.out, block), 1, func(lo, hi int) {
		du := borrow[float32](g.weightsSize(block))
		defer giveBack(du)
		for o := lo * block; o < min(hi*block, g.out); o += block {
			n := min(block, g.out-o)
			for p := range winogradPlanes {
				g.gradProduct(p, du, z[o*g.channel():], v, n, g.tiles, 0)
			}
			use.planesWindow(dw[o*g.in*window9:], n*g.in, du, g.weightsPlane(n))
		}
	})
}

// gradChunks is winogradGradW for many tiles. Lanes, whose number depends on the shapes alone, take the chunks in turn and
// sum their products; the sums of the lanes are added in order.
func (g *winograd) gradChunks(dw []float32, dy, x source) {
	lanes := min(max(g.chunks/2, 2), 8)
	size := g.weightsSize(g.out)
	du := borrow[float32](lanes * size)
	defer giveBack(du)
	parallel.For(lanes, 1, func(lo, hi int) {
		v, z := g.borrowTiles(g.in), g.borrowTiles(g.out)
		defer giveBack(v)
		defer giveBack(z)
		for lane := lo; lane < hi; lane++ {
			var beta float32
			for i := lane; i < g.chunks; i += lanes {
				q0, q1 := g.lines(i)
				g.gather(v, g.input(), x, 0, g.in, q0, q1)
				g.gather(z, g.gradient(), dy, 0, g.out, q0, q1)
				for p := range winogradPlanes {
					g.gradProduct(p, du[lane*size:], z, v, g.out, g.width(q0, q1), beta)
				}
				beta = 1
			}
		}
	})
	plane := g.weightsPlane(g.out)
	parallel.For(g.in*g.out, 1024, func(lo, hi int) {
		for p := range winogradPlanes {
			sum := du[p*plane:][lo:hi]
			for lane := 1; lane < lanes; lane++ {
				accumulate(sum, du[lane*size+p*plane+lo:])
			}
		}
		use.planesWindow(dw[lo*window9:], hi-lo, du[lo:], plane)
	})
}

// gradProduct multiplies plane p of so many tiles z of n output channels with those of v, transposed, and writes the product
// to plane p of du, after beta times what is there.
func (g *winograd) gradProduct(p int, du, z, v []float32, n, tiles int, beta float32) {
	ld := g.channel()
	gemm.Serial(blas.NoTrans, blas.Trans, n, g.in, tiles, 1, z[p*g.tiles:], ld, v[p*g.tiles:], ld, beta, du[p*g.weightsPlane(n):], g.in)
}
