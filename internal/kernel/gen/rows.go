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
	g.columns(g.value("n"), func(c columns) {
		var d [6]vector
		for i, p := range src {
			d[i] = c.load(c.of(p))
		}
		for i, t := range g.winogradB(d) {
			c.store(t, dst.at(i))
		}
	}, func() { g.advance(dst, 4*lanes) })
	g.finish()

	g.function("gradRows", "dst []float32, stride int, src *[6]*float32, n int")
	dst = g.six(g.slice("dst").Base, g.bytes("stride"))
	src = g.linePointers("src", 4)
	g.columns(g.value("n"), func(c columns) {
		var y [4]vector
		for i, p := range src {
			y[i] = c.load(c.of(p))
		}
		for i, t := range g.winogradA(y) {
			c.store(t, dst.at(i))
		}
	}, func() { g.advance(dst, 4*lanes) })
	g.finish()

	g.function("outputRows", "dst *[6]*float32, src []float32, stride, n int, bias, low float32")
	lines := g.six(g.slice("src").Base, g.bytes("stride"))
	out := g.linePointers("dst", 4)
	bias, low := g.number("bias"), g.number("low")
	g.columns(g.value("n"), func(c columns) {
		var m [6]vector
		for i := range m {
			m[i] = c.load(lines.at(i))
		}
		for i, y := range g.winogradAT(m) {
			c.store(g.op(g.VMAXPS, low, g.add(y, bias)), c.of(out[i]))
		}
	}, func() { g.advance(lines, 4*lanes) })
	g.finish()
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
