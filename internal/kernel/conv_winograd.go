package kernel

// Winograd's minimal filtering computes four by four outputs of a convolution with a three by three window from 36
// multiplications instead of 144.
//
// In one dimension, four outputs y of a window g over six inputs d are
//
//	y = A' ((G g) . (B' d))        with . elementwise
//
// Derivation (Toom and Cook's). The correlation is the adjoint, in d, of the product of polynomials g(s) y(s), with g of
// degree 2 and y of degree 3. That product, of degree 5, is fixed by its values at s = 0, 1, -1, 2, -2 and its leading
// coefficient ("at infinity"): evaluate both factors there (the matrices E3 and E4), multiply, and interpolate (the matrix
// I, inverse of E6). So y -> I((E3 g) . (E4 y)), and its adjoint is d -> E4' ((E3 g) . (I' d)). The rows of I' have
// fractions 1/4, -1/6, 1/24 in common, which go to g: G = D E3 with
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
// In two dimensions each is applied to the rows and to the columns: with the 6 x 6 tile d of the input, Y = A' [(G g G') .
// (B' d B)] A. Summed over the input channels, the elementwise products become 36 matrix products over all tiles. A gradient
// with respect to the weights is the adjoint in g: G' [(A dY A') . (B' d B)] G, summed over the tiles. The one with respect
// to the images is itself a convolution, of dY with the window rotated by 180 degrees.
//
// Except for D, all factors are powers of two (see the transforms), so that a machine that fuses multiplications and
// additions computes the same bits.
//
// Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, https://arxiv.org/abs/1509.09308.

const (
	winogradOut    = 4                       // side of a tile of outputs
	winogradIn     = 6                       // side of a tile of inputs
	winogradPlanes = winogradIn * winogradIn // products
	winogradLanes  = 16                      // a chunk has a multiple of this number of tiles
	winogradTiles  = 64                      // tiles that go through the three stages together
	winogradPad    = 16                      // elements between channels and planes, whose distance would else often be a power of two

	winogradBlock = 1 << 21 / winogradPlanes // elements of a plane of weights made at once: 8 MB in all
)

// winograd is a convolution with a window of 3 x 3 and stride 1, cut into tiles. A row of tiles goes across an image; a
// chunk is a number of rows, of this image and the next ones: some 64 tiles, so that what goes from one stage to the next
// stays in the cache, and products read the tiles in place. Where the weights outweigh the tiles, there is one chunk, and
// the weights are cut.
type winograd struct {
	n, in, out int // images, channels of the input and of the output
	h, w       int // of the input
	ph, pw     int // padding
	outH, outW int
	rows, cols int // of tiles in an image

	chunk  int // rows of tiles in a chunk
	chunks int
	tiles  int // room for the tiles of a channel in a plane of a chunk
}

// newWinograd returns the tiling of the convolution c.
func newWinograd(c Conv) winograd {
	g := winograd{n: c.N, in: c.C, out: c.Out, h: c.H, w: c.W, ph: c.PH, pw: c.PW, outH: c.OutH(), outW: c.OutW()}
	g.rows, g.cols = ceilDiv(g.outH, winogradOut), ceilDiv(g.outW, winogradOut)
	g.chunks = 1
	if tiles := g.n * g.rows * g.cols; (g.in+g.out)*tiles > g.in*g.out {
		g.chunks = ceilDiv(tiles, winogradTiles)
	}
	if g.chunks > 1 {
		g.chunks += g.chunks % 2 // two processors share an even number well
	}
	g.chunk = ceilDiv(g.n*g.rows, g.chunks)
	g.chunks = ceilDiv(g.n*g.rows, g.chunk)
	g.tiles = ceilDiv(g.chunk*g.cols, winogradLanes) * winogradLanes
	return g
}

// adjoint is the convolution that computes the gradient with respect to the images: from dy, with padding 2-ph and 2-pw.
func (c Conv) adjoint() Conv {
	c.H, c.W, c.C, c.Out = c.OutH(), c.OutW(), c.Out, c.C
	c.PH, c.PW = 2-c.PH, 2-c.PW
	return c
}

// lines is the range of rows of tiles in chunk i.
func (g *winograd) lines(i int) (q0, q1 int) {
	return i * g.chunk, min((i+1)*g.chunk, g.n*g.rows)
}

// width is the number of tiles in the rows from q0 to q1, with those that fill it up to whole registers.
func (g *winograd) width(q0, q1 int) int {
	return ceilDiv((q1-q0)*g.cols, winogradLanes) * winogradLanes
}

// channel is the distance between the channels of a chunk. A channel holds its tiles in 36 planes, side by side: so a gather
// writes to one range, and the matrices that the products take have rows this far apart.
func (g *winograd) channel() int { return winogradPlanes*g.tiles + winogradPad }

// borrowTiles returns space for so many channels of a chunk.
func (g *winograd) borrowTiles(channels int) []float32 {
	return borrow[float32](channels * g.channel())
}

// block is the number of output channels whose weights are made at once when all tiles are in one chunk.
func (g *winograd) block() int {
	blocks := 2 // of one size, and an even number: processors share them well
	for g.in*g.out > winogradBlock*blocks {
		blocks *= 2
	}
	return ceilDiv(ceilDiv(g.out, blocks), winogradLanes) * winogradLanes
}
