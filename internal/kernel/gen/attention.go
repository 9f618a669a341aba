package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// attention emits the loops over rows of scores and of heads.
func (g *generator) attention() {
	g.function("top", "x []float32) (m float32")
	least := g.Repeat(g.table.Number(float32(math.Inf(-1))))
	m := g.Vec()
	g.VMOVAPS(least, m)
	g.overSlices([]string{"x"}, nil, func(c columns, x []operand.Mem, _ []vector) {
		switch v := c.load(x[0]); { // and m where v is NaN
		case c.mask != nil && c.Masks():
			g.VMAXPS(m, v, c.mask, m)
		case c.mask != nil:
			g.VBLENDVPS(c.mask, v, least, v)
			fallthrough
		default:
			g.VMAXPS(m, v, m)
		}
	})
	if g.Wide() {
		high := g.YMM()
		g.VEXTRACTF64X4(operand.U8(1), m, high)
		g.VMAXPS(m.AsY(), high, high)
		m = high
	}
	x, y := g.XMM(), g.XMM()
	g.VEXTRACTF128(operand.U8(1), m, x)
	g.VMAXPS(m.AsX(), x, x)
	g.VMOVHLPS(x, x, y)
	g.VMAXPS(y, x, x)
	g.VMOVSHDUP(x, y)
	g.VMAXSS(y, x, x)
	g.Store(x, g.Return("m"))
	g.Finish()

	g.function("times", "y, x []float32, a float32")
	g.overSlices([]string{"y", "x"}, []string{"a"}, func(c columns, x []operand.Mem, v []vector) {
		c.store(g.Mul(c.load(x[1]), v[0]), x[0])
	})
	g.Finish()

	g.function("timesRows", "y []float32, stride, cols int, a []float32")
	y0, stride, factors := g.Pointer("y").Base, g.bytes("stride"), g.Pointer("a")
	mask := g.lastColumns(g.value("cols"))
	g.eachRow("a", func(row reg.Register) {
		a := g.Repeat(factors.Idx(row, 4))
		g.columnsOf(g.value("cols"), mask, func(c columns) { c.store(g.Mul(c.load(c.of(y0)), a), c.of(y0)) }, func() {})
		g.ADDQ(stride, y0)
	})
	g.Finish()

	if !g.Wide() {
		g.dotRows()
	}

	g.function("slopeRows", "p, dp, e []float32, pitch, cols int, inverse, d []float32, scale float32")
	p, dp, e := g.Pointer("p").Base, g.Pointer("dp").Base, g.Pointer("e").Base
	pitch, inverse, dots, scale := g.bytes("pitch"), g.Pointer("inverse"), g.Pointer("d"), g.number("scale")
	mask = g.lastColumns(g.value("cols"))
	g.eachRow("d", func(row reg.Register) {
		inverse, d := g.Repeat(inverse.Idx(row, 4)), g.Repeat(dots.Idx(row, 4))
		g.columnsOf(g.value("cols"), mask, func(c columns) {
			v := g.Mul(c.load(c.of(e)), inverse)
			c.store(v, c.of(p))
			c.store(g.Mul(v, g.Mul(g.Sub(c.load(c.of(dp)), d), scale)), c.of(dp))
		}, func() {})
		for _, line := range []reg.Register{p, dp, e} {
			g.ADDQ(pitch, line)
		}
	})
	g.Finish()
}

func (g *generator) dotRows() {
	g.function("dotRows", "d, x []float32, xStride int, y []float32, yStride, cols int")
	d, x0, y1, xStride, yStride := g.Pointer("d"), g.Pointer("x").Base, g.Pointer("y").Base, g.bytes("xStride"), g.bytes("yStride")
	mask := g.lastColumns(g.value("cols"))
	g.eachRow("d", func(row reg.Register) {
		total := g.zero()
		g.columnsOf(g.value("cols"), mask, func(c columns) {
			g.VADDPS(g.Mul(c.load(c.of(x0)), c.load(c.of(y1))), total, total)
		}, func() {})
		g.VMOVSS(g.lanesSum(total), d.Idx(row, 4))
		g.ADDQ(xStride, x0)
		g.ADDQ(yStride, y1)
	})
	g.Finish()
}

// eachRow emits body for each row, one or more, of which there are as many as elements of the slice named.
func (g *generator) eachRow(counted string, body func(row reg.Register)) {
	rows, row := g.Length(counted), g.GP64()
	g.XORQ(row, row)
	g.Label("row")
	body(row)
	g.INCQ(row)
	g.CMPQ(row, rows)
	g.JLT(operand.LabelRef("row"))
}
