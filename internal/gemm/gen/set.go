package main

import (
	"fmt"

	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// element is a type of floating-point numbers.
type element struct {
	name string // in the names of functions
	size int    // in bytes
}

var elements = []element{{"32", 4}, {"64", 8}}

// set is a set of instructions with the tiles of c that its registers hold: the more vectors in a row of a tile, the fewer
// rows.
type set struct {
	vectorasm.Set
	shapes []shape
}

// shape is all tiles of so many vectors in a row, with one row up to so many.
type shape struct{ vectors, rows int }

var sets = []set{
	{vectorasm.AVX2, []shape{{1, 6}, {2, 6}, {4, 2}}},
	{vectorasm.AVX512, []shape{{1, 14}, {2, 14}, {4, 6}, {8, 2}}},
}

// The functions' names, without that of the set.
func tileName(e element, rows, vectors int) string {
	return fmt.Sprintf("tile%sRows%dVectors%d", e.name, rows, vectors)
}

func copyName(e element, vectors int) string { return fmt.Sprintf("copy%sVectors%d", e.name, vectors) }

func transposeName(e element) string { return "transpose" + e.name }

func dotsName(e element) string { return "dots" + e.name }

// The functions' parameters. All distances are in bytes.
const (
	tileParams      = "k int, a *byte, aRow, aCol int, b *byte, bRow int, c *byte, cRow, width, add, strips, aStrip int, ahead, descent *byte"
	copyParams      = "dst *byte, dstRow int, src *byte, srcRow, k, width int"
	transposeParams = "dst *byte, dstRow int, rows *[32]*byte, groups, next int"
	dotsParams      = "sums, x, b *byte, bRow, groups int"
)

// generator emits one function.
type generator struct {
	*vectorasm.Kernel
	element
}

func newGenerator(ctx *build.Context, t *vectorasm.Table, s set, e element, name, params string) generator {
	return generator{vectorasm.NewKernel(ctx, t, s.Set, name, params), e}
}

// lanes is how many numbers a register holds.
func (g generator) lanes() int { return g.Width / g.size }

// param loads a parameter.
func (g generator) param(name string) reg.GPVirtual {
	return g.Load(g.Param(name), g.GP64()).(reg.GPVirtual)
}

// fma adds x*y to sum, with one rounding.
func (g generator) fma(x, y, sum vectorasm.Vector) {
	if g.size == 4 {
		g.VFMADD231PS(x, y, sum)
	} else {
		g.VFMADD231PD(x, y, sum)
	}
}

// fmaRepeated is fma with the number at m for all lanes of x, for AVX-512.
func (g generator) fmaRepeated(m operand.Mem, y, sum vectorasm.Vector) {
	if g.size == 4 {
		g.VFMADD231PS_BCST(m, y, sum)
	} else {
		g.VFMADD231PD_BCST(m, y, sum)
	}
}

// repeat repeats the number at m.
func (g generator) repeat(m operand.Mem) vectorasm.Vector {
	v := g.Vec()
	if g.size == 4 {
		g.VBROADCASTSS(m, v)
	} else {
		g.VBROADCASTSD(m, v)
	}
	return v
}

// mask is the lanes of the last vector of a row of n, of which width elements count.
type mask struct {
	k reg.Register     // AVX-512
	v vectorasm.Vector // AVX2
}

func (g generator) lastMask(n int, width reg.GPVirtual) mask {
	if g.Wide() {
		ones, lost := g.GP64(), g.GP64()
		g.MOVQ(operand.I32(n*g.lanes()), lost)
		g.SUBQ(width, lost)
		g.MOVQ(operand.U32(1<<g.lanes()-1), ones)
		g.SHRXQ(lost, ones, ones)
		k := g.K()
		g.KMOVW(ones.As32(), k)
		return mask{k: k}
	}
	// The zeros are a register's width from the table's start.
	from, left := g.GP64(), g.GP64()
	g.LEAQ(g.Table.Words(0), from)
	g.MOVQ(width, left)
	g.SUBQ(operand.I32((n-1)*g.lanes()), left)
	g.IMUL3Q(operand.I8(int8(g.size)), left, left)
	g.SUBQ(left, from)
	return mask{v: g.Read(operand.Mem{Base: from})}
}

// readLast loads the lanes of a mask, zeros in the others.
func (g generator) readLast(m operand.Mem, mask mask, v vectorasm.Vector) {
	switch {
	case g.Wide() && g.size == 4:
		g.VMOVUPS_Z(m, mask.k, v)
	case g.Wide():
		g.VMOVUPD_Z(m, mask.k, v)
	case g.size == 4:
		g.VMASKMOVPS(m, mask.v, v)
	default:
		g.VMASKMOVPD(m, mask.v, v)
	}
}

// writeLast stores the lanes of a mask.
func (g generator) writeLast(v vectorasm.Vector, mask mask, m operand.Mem) {
	switch {
	case g.Wide() && g.size == 4:
		g.VMOVUPS(v, mask.k, m)
	case g.Wide():
		g.VMOVUPD(v, mask.k, m)
	case g.size == 4:
		g.VMASKMOVPS(v, mask.v, m)
	default:
		g.VMASKMOVPD(v, mask.v, m)
	}
}
