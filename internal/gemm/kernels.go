package gemm

import (
	"unsafe"

	"github.com/layernoise/layernoise/internal/cpu"
)

// dotRows is how many rows there are in a call of dots.
const dotRows = 32

// kernels are the functions for one type of numbers and one set of instructions.
type kernels struct {
	size   int     // of a number, in bytes
	lanes  int     // numbers in a vector
	shapes []shape // by vectors, the fewest first; the wider, the fewer rows
	// transpose writes columns of the rows, one for each lane, to rows of dst, 16 bytes of each row at a time, and fetches what
	// lies next bytes behind the rows. nil: Go code does.
	transpose func(dst *byte, dstRow int, rows *[dotRows]*byte, groups, next int)
	// dots adds the dot products of dotRows rows of b with x to as many sums, 16 bytes
	// of each row at a time. nil: products with vectors are like others.
	dots     func(sums, x, b *byte, bRow, groups int)
	fetches  bool // the tiles' functions fetch what lies ahead
	descends bool // those with up to two vectors take a descent
	// packed kernels need both matrices packed, and tiles of whole vectors.
	packed bool
}

// shape is the tiles with rows of so many vectors.
type shape struct {
	vectors int
	// copyRows copies k rows of width elements, and zeros up to whole vectors.
	copyRows func(dst *byte, dstRow int, src *byte, srcRow, k, width int)
	tile     []tileFunc // with one row, two rows, ...
}

// tileFunc multiplies strips of a, each with as many rows as a tile and aStrip bytes behind the one before, with k rows of b:
// it adds the products to tiles of c, one below the other, or overwrites them when add is zero. width of the columns count.
// Distances are in bytes: between rows and columns of a, rows of b and rows of c. It changes the regions at ahead, of which it
// fetches the lines. With a descent, c are weights and the tiles their gradient.
type tileFunc func(k int, a *byte, aRow, aCol int, b *byte, bRow int, c *byte, cRow, width, add, strips, aStrip int, ahead, descent *byte)

var (
	use32 = kernels32Of(cpu.Best())
	use64 = kernels64Of(cpu.Best())
)

// kernelsFor are the kernels in use for a type, nil for plain Go.
func kernelsFor[T Float]() *kernels {
	var x T
	if unsafe.Sizeof(x) == 4 {
		return use32
	}
	return use64
}
