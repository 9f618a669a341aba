package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns is a group of at most as many columns as a register has lanes, from number index on.
type columns struct {
	*generator
	index reg.Register
	mask  operand.Op // of those that are there, as firstLanes makes it; nil for all
}

// columnLoop is columns or wholeColumns.
type columnLoop func(n reg.Register, body func(c columns), move func()) reg.Register

// columns emits body for n columns, which it counts down. move moves on what body does not find by the index, for a whole
// group. It returns the number of columns in those.
func (g *generator) columns(n reg.Register, body func(c columns), move func()) reg.Register {
	return g.columnsOf(n, nil, body, move)
}

// columnsOf is columns with the mask of the last group, as lastColumns makes it, or nil.
func (g *generator) columnsOf(n reg.Register, mask operand.Op, body func(c columns), move func()) reg.Register {
	c := columns{generator: g, index: g.wholeColumns(n, body, move), mask: mask}
	g.ADDQ(operand.I8(g.Lanes()), n)
	g.JZ(operand.LabelRef("done"))
	if mask == nil {
		c.mask = g.firstLanes(n)
	}
	body(c)
	g.Label("done")
	return c.index
}

// lastColumns is the mask of the last group of n columns, for loops over many rows. AVX2 lacks the registers to keep it.
func (g *generator) lastColumns(n reg.Register) operand.Op {
	if !g.Masks() {
		return nil
	}
	last := g.copyOf(n)
	g.ANDQ(operand.I8(g.Lanes()-1), last)
	return g.firstLanes(last)
}

// wholeColumns is columns without those that do not fill a register. It leaves as many columns as those, less a register.
func (g *generator) wholeColumns(n reg.Register, body func(c columns), move func()) reg.Register {
	c := columns{generator: g, index: g.GP64()}
	lanes := operand.I8(g.Lanes())
	g.XORQ(c.index, c.index)
	g.SUBQ(lanes, n)
	g.JLT(operand.LabelRef("tail"))
	g.Label("loop")
	body(c)
	move()
	g.ADDQ(lanes, c.index)
	g.SUBQ(lanes, n)
	g.JGE(operand.LabelRef("loop"))
	g.Label("tail")
	return c.index
}

// firstLanes is a mask for the first n lanes, less than all: a mask register, or for AVX2 a vector. AVX2 negates n.
func (g *generator) firstLanes(n reg.Register) operand.Op {
	if !g.Masks() {
		masks := g.GP64()
		g.LEAQ(g.Table.Words(0), masks)
		g.NEGQ(n)
		return g.Read(operand.Mem{Base: masks, Index: n, Scale: 4})
	}
	ones, mask := g.GP32(), g.K()
	g.MOVQ(n, reg.RCX)
	g.MOVL(operand.U32(math.MaxUint32), ones)
	g.SHLL(reg.CL, ones)
	g.NOTL(ones)
	g.KMOVW(ones, mask)
	return mask
}

// of is the group's part of a line.
func (c columns) of(line reg.Register) operand.Mem {
	return operand.Mem{Base: line, Index: c.index, Scale: 4}
}

// load loads the columns that are there, and zeros.
func (c columns) load(m operand.Mem) vector {
	v := c.Vec()
	switch {
	case c.mask == nil:
		c.VMOVUPS(m, v)
	case c.Masks():
		c.VMOVUPS_Z(m, c.mask, v)
	default:
		c.VMASKMOVPS(m, c.mask, v)
	}
	return v
}

func (c columns) store(v vector, m operand.Mem) {
	switch {
	case c.mask == nil:
		c.VMOVUPS(v, m)
	case c.Masks():
		c.VMOVUPS(v, c.mask, m)
	default:
		c.VMASKMOVPS(v, c.mask, m)
	}
}

// there clears the lanes that are not in the group.
func (c columns) there(v vector) vector {
	if c.mask == nil {
		return v
	}
	if c.Masks() {
		w := c.Vec()
		c.VMOVAPS_Z(v, c.mask, w)
		return w
	}
	return c.Op(c.VANDPS, v, c.mask)
}
