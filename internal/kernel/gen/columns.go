package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns is a group of at most eight columns, from number index on.
type columns struct {
	*generator
	index reg.Register
	mask  vector // of those that are there; nil for all
}

// columns emits body for n columns, which it counts down. move moves on what body does not find by the index.
func (g *generator) columns(n reg.Register, body func(c columns), move func()) {
	c := columns{generator: g, index: g.GP64()}
	g.XORQ(c.index, c.index)
	g.SUBQ(operand.I8(lanes), n)
	g.JLT(operand.LabelRef("tail"))
	g.Label("loop")
	body(c)
	move()
	g.ADDQ(operand.I8(lanes), c.index)
	g.SUBQ(operand.I8(lanes), n)
	g.JGE(operand.LabelRef("loop"))
	g.Label("tail")
	g.ADDQ(operand.I8(lanes), n)
	g.JZ(operand.LabelRef("done"))
	masks := g.GP64()
	g.LEAQ(g.Table.Words(0), masks)
	g.NEGQ(n)
	c.mask = g.Read(operand.Mem{Base: masks, Index: n, Scale: 4})
	body(c)
	g.Label("done")
}

// of is the group's part of a line.
func (c columns) of(line reg.Register) operand.Mem {
	return operand.Mem{Base: line, Index: c.index, Scale: 4}
}

func (c columns) load(m operand.Mem) vector {
	if c.mask == nil {
		return c.Read(m)
	}
	v := c.YMM()
	c.VMASKMOVPS(m, c.mask, v)
	return v
}

func (c columns) store(v vector, m operand.Mem) {
	if c.mask == nil {
		c.VMOVUPS(v, m)
		return
	}
	c.VMASKMOVPS(v, c.mask, m)
}

// there clears the lanes that are not in the group.
func (c columns) there(v vector) vector {
	if c.mask == nil {
		return v
	}
	return c.Op(c.VANDPS, v, c.mask)
}
