package kernel

// Winograd's minimal filtering computes four by four outputs of a convolution
// with a three by three window from 36 multiplications instead of 144.
//
// In one dimension, four outputs y of a window g over six inputs d are
//
//	y = A' ((G g) . (B' d))        with . elementwise
//
// Derivation (Toom and Cook's). The correlation is the adjoint, in d, of the
// product of polynomials g(s) y(s), with g of degree 2 and y of degree 3. That
// product, of degree 5, is fixed by its values at s = 0, 1, -1, 2, -2 and its
// leading coefficient ("at infinity"): evaluate both factors there (the matrices
// E3 and E4), multiply, and interpolate (the matrix I, inverse of E6). So
// y -> I((E3 g) . (E4 y)), and its adjoint is d -> E4' ((E3 g) . (I' d)). The rows of
// I' have fractions 1/4, -1/6, 1/24 in common, which go to g: G = D E3 with
//
//	D = diag(1/4, -1/6, -1/6, 1/24, 1/24, 1)
//
//	     1  0  0          1  0  0  0           4  0 -5  0  1  0
//	     1  1  1          1  1  1  1           0 -4 -4  1  1  0
//	E3 = 1 -1  1    A =   1 -1  1 -1      B' = 0  4 -4 -1  1  0
//	     1  2  4          1  2  4  8           0 -2 -1  2  1  0
//	     1 -2  4          1 -2  4 -8           0  2 -1 -2  1  0
//	     0  0  1          0  0  0  1           0  4  0 -5  0  1
//
// In two dimensions each is applied to the rows and to the columns: with the
// 6 x 6 tile d of the input, Y = A' [(G g G') . (B' d B)] A. Summed over the input
// channels, the elementwise products become 36 matrix products over all tiles.
// A gradient with respect to the weights is the adjoint in g:
// G' [(A dY A') . (B' d B)] G, summed over the tiles. The one with respect to the
// images is itself a convolution, of dY with the window turned by 180 degrees.
//
// Except for D, all factors are powers of two (see the transforms), so that a
// machine that fuses multiplications and additions computes the same bits.
//
// Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016,
// https://arxiv.org/abs/1509.09308.

const (
	winogradOut    = 4                        // side of a tile of outputs
	winogradIn     = 6                        // side of a tile of inputs
	winogradPlanes = winogradIn * winogradIn  // products
	winogradLanes  = 8                        // tiles that a kernel handles at once
	winogradChunk  = 256                      // tiles that go through the three stages together
	winogradBlock  = 1 << 21 / winogradPlanes // elements of a plane of weights made at once: 8 MB in all
	winogradPad    = 16                       // elements between planes, whose distance would else often be a power of two
)

// winograd is a convolution with a window of 3 x 3 and steps of one, cut into
// tiles. A row of tiles goes across an image. A strip is as many rows of tiles,
// of this image and the next, as make a multiple of winogradLanes; a chunk is a
// number of strips. What lacks at the last strip is filled with zeros.
type winograd struct {
	n, in, out int // images, channels of the input and of the output
	h, w       int // of the input
	ph, pw     int // padding
	outH, outW int
	rows, cols int // of tiles in an image

	strip  int // rows of tiles in a strip
	strips int
	chunk  int // strips in a chunk
	chunks int
}

// newWinograd returns the tiling of the convolution c.
func newWinograd(c Conv) winograd {
	g := winograd{n: c.N, in: c.C, out: c.Out, h: c.H, w: c.W, ph: c.PH, pw: c.PW, outH: c.OutH(), outW: c.OutW()}
	g.rows, g.cols = ceilDiv(g.outH, winogradOut), ceilDiv(g.outW, winogradOut)
	for g.strip = 1; g.strip*g.cols%winogradLanes != 0; {
		g.strip *= 2
	}
	g.strips = ceilDiv(g.n*g.rows, g.strip)
	g.chunks = ceilDiv(g.strips*g.strip*g.cols, winogradChunk)
	if g.chunks > 1 {
		g.chunks += g.chunks % 2 // two processors share an even number well
	}
	g.chunk = ceilDiv(g.strips, g.chunks)
	g.chunks = ceilDiv(g.strips, g.chunk)
	return g
}

// adjoint is the convolution that computes the gradient with respect to the
// images: from dy, with padding 2-ph and 2-pw.
func (c Conv) adjoint() Conv {
	c.H, c.W, c.C, c.Out = c.OutH(), c.OutW(), c.Out, c.C
	c.PH, c.PW = 2-c.PH, 2-c.PW
	return c
}

// tiles is the number of tiles in the strips from s0 to s1.
func (g *winograd) tiles(s0, s1 int) int { return (s1 - s0) * g.strip * g.cols }

// plane is the distance between the planes of a chunk with so many channels.
func (g *winograd) plane(channels int) int { return channels*g.tiles(0, g.chunk) + winogradPad }

// borrowPlanes returns space for a chunk with so many channels.
func (g *winograd) borrowPlanes(channels int) []float32 {
	return borrow[float32](winogradPlanes * g.plane(channels))
}

// block is the number of output channels whose weights are made at once when
// all tiles are in one chunk.
func (g *winograd) block() int {
	blocks := ceilDiv(g.out, max(winogradBlock/g.in, 1))
	blocks += blocks % 2 // two processors share an even number well
	return ceilDiv(ceilDiv(g.out, blocks), winogradLanes) * winogradLanes
}

// row returns the image and the first row in it of a row of tiles, with ok false
// after the last.
func (g *winograd) row(q int) (image, y int, ok bool) {
	return q / g.rows, q % g.rows * winogradOut, q < g.n*g.rows
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
