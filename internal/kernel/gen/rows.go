package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileRows emits the passes over rows, each for eight columns at a time.
func (g *generator) tileRows() {
	g.function("inputRows", "dst []float32, stride int, src *[6]*float32, n int")
	dst := g.six(g.slice("dst").Base, g.bytes("stride"))
	src := g.linePointers("src", 6)
	g.columns(func(c columns) {
		var d [6]vector
		for i, p := range src {
			d[i] = c.load(c.of(p))
		}
		for i, t := range g.winogradB(d) {
			c.store(t, dst.at(i))
		}
	}, func() { g.advance(dst, 4*lanes) })

	g.function("gradRows", "dst []float32, stride int, src *[6]*float32, n int")
	dst = g.six(g.slice("dst").Base, g.bytes("stride"))
	src = g.linePointers("src", 4)
	g.columns(func(c columns) {
		var y [4]vector
		for i, p := range src {
			y[i] = c.load(c.of(p))
		}
		for i, t := range g.winogradA(y) {
			c.store(t, dst.at(i))
		}
	}, func() { g.advance(dst, 4*lanes) })

	g.function("outputRows", "dst *[6]*float32, src []float32, stride, n int, bias, low float32")
	lines := g.six(g.slice("src").Base, g.bytes("stride"))
	out := g.linePointers("dst", 4)
	bias, low := g.number("bias"), g.number("low")
	g.columns(func(c columns) {
		var m [6]vector
		for i := range m {
			m[i] = c.load(lines.at(i))
		}
		for i, y := range g.winogradAT(m) {
			c.store(g.op(g.VMAXPS, low, g.add(y, bias)), c.of(out[i]))
		}
	}, func() { g.advance(lines, 4*lanes) })
}

// linePointers loads the first n pointers of an array parameter.
func (g *generator) linePointers(name string, n int) []reg.Register {
	p := g.value(name)
	lines := make([]reg.Register, n)
	for i := range lines {
		lines[i] = g.GP64()
		g.MOVQ(operand.Mem{Base: p, Disp: 8 * i}, lines[i])
	}
	return lines
}

// columns is a group of at most eight columns, from number index on.
type columns struct {
	*generator
	index reg.Register
	mask  vector // of those that are there; nil for all
}

// columns emits body for n columns, a parameter, and ends the function. move
// moves on what body does not find by the index.
func (g *generator) columns(body func(c columns), move func()) {
	n := g.value("n")
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
	g.LEAQ(g.table.all(0), masks)
	g.NEGQ(n)
	c.mask = g.load(operand.Mem{Base: masks, Index: n, Scale: 4})
	body(c)
	g.Label("done")
	g.finish()
}

// of is the group's part of a line.
func (c columns) of(line reg.Register) operand.Mem {
	return operand.Mem{Base: line, Index: c.index, Scale: 4}
}

func (c columns) load(m operand.Mem) vector {
	if c.mask == nil {
		return c.generator.load(m)
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
