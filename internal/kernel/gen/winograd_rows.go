package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileRows emits the passes over rows, each for eight columns at a time.
func (g *generator) tileRows() {
	g.function("inputRows", "dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int")
	g.rows("dst", "src", 6, true, func(c columns, dst six, src []operand.Mem) {
		var d [6]vector
		for i, m := range src {
			d[i] = c.load(m)
		}
		for i, t := range g.winogradB(d) {
			c.store(t, dst.at(i))
		}
	})

	g.function("gradRows", "dst []float32, stride, pitch int, src []float32, lines []int, zeros []float32, n int")
	g.rows("dst", "src", 4, true, func(c columns, dst six, src []operand.Mem) {
		var y [4]vector
		for i, m := range src {
			y[i] = c.load(m)
		}
		for i, t := range g.winogradA(y) {
			c.store(t, dst.at(i))
		}
	})

	g.function("outputRows", "dst []float32, lines []int, src []float32, stride, pitch, n int, bias, low float32")
	bias, low := g.number("bias"), g.number("low")
	g.rows("src", "dst", 4, false, func(c columns, src six, dst []operand.Mem) {
		var m [6]vector
		for i := range m {
			m[i] = c.load(src.at(i))
		}
		y := g.winogradAT(m)
		for i := len(y) - 1; i >= 0; i-- {
			c.store(g.Op(g.VMAXPS, low, g.Add(y[i], bias)), dst[i])
		}
	})
}

// rows emits body for the columns of each row of tiles, which has six lines in a buffer and n in the images, and ends the
// function. With zeros, a negative number in lines stands for the parameter of that name.
func (g *generator) rows(buffer, images string, n int, zeros bool, body func(c columns, lines six, image []operand.Mem)) {
	g.holdFactors(2, 4, 8)
	mask := g.lastColumns(g.value("n"))
	six, base, lines := g.six(g.Pointer(buffer).Base, g.bytes("stride")), g.Pointer(images).Base, g.Pointer("lines").Base
	end := g.AllocLocal(8)
	last := g.Length("lines")
	g.LEAQ(operand.Mem{Base: lines, Index: last, Scale: 8}, last)
	g.MOVQ(last, end)
	g.Label("row")
	g.CMPQ(lines, end)
	g.JGE(operand.LabelRef("end"))
	line := make([]reg.Register, n)
	for i := range line {
		offset := g.GP64()
		line[i] = g.GP64()
		g.MOVQ(operand.Mem{Base: lines, Disp: 8 * i}, offset)
		g.LEAQ(operand.Mem{Base: base, Index: offset, Scale: 4}, line[i])
		if zeros {
			g.TESTQ(offset, offset)
			g.CMOVQLT(g.address("zeros"), line[i])
		}
	}
	g.ADDQ(operand.U8(8*n), lines)
	done := g.columnsOf(g.value("n"), mask, func(c columns) {
		image := make([]operand.Mem, n)
		for i := range image {
			image[i] = c.of(line[i])
		}
		body(c, six, image)
	}, func() { g.advance(six, g.Width) })
	g.SHLQ(operand.U8(2), done)
	pitch := g.bytes("pitch")
	for _, p := range []reg.Register{six.low, six.high} {
		g.SUBQ(done, p)
		g.ADDQ(pitch, p)
	}
	g.JMP(operand.LabelRef("row"))
	g.Label("end")
	g.Finish()
}
