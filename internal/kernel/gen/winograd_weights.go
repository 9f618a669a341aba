package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	windowSize  = 9 // elements
	windowBytes = 4 * windowSize
)

// windows emits the transforms of weights, for eight windows at a time; n is a multiple of eight.
func (g *generator) windows() {
	g.function("windowPlanes", "u []float32, plane int, w []float32, n int, scales *[36]float32")
	g.windowPlanes(func(i int) int { return i })
	g.function("rotatedPlanes", "u []float32, plane int, w []float32, n int, scales *[36]float32")
	g.windowPlanes(func(i int) int { return windowSize - 1 - i })
	g.function("planesWindow", "dw []float32, n int, u []float32, plane int, scales *[36]float32")
	g.planesWindow()
}

// windowPlanes takes element at(i) of a window for element i.
func (g *generator) windowPlanes(at func(i int) int) {
	n, u, plane, w := g.value("n"), g.Pointer("u").Base, g.bytes("plane"), g.Pointer("w")
	s := g.newWindowScales()
	columns := g.newBlock()
	g.Label("loop")
	e := g.loadWindows(w)
	for j := range 3 {
		g.winogradE([3]vector{e[at(j)], e[at(3+j)], e[at(6+j)]}, func(i int, v vector) { g.VMOVUPS(v, columns.at(i, j)) })
	}
	planes := g.six(g.copyOf(u), plane)
	for i := range 6 {
		t := [3]vector{g.Read(columns.at(i, 0)), g.Read(columns.at(i, 1)), g.Read(columns.at(i, 2))}
		g.winogradE(t, func(j int, v vector) { g.VMOVUPS(g.Mul(s.at(6*i+j), v), planes.at(j)) })
		g.nextSix(planes)
	}
	g.nextWindows(n, u, w.Base)
}

func (g *generator) planesWindow() {
	n, u, plane, dw := g.value("n"), g.Pointer("u").Base, g.bytes("plane"), g.Pointer("dw")
	s := g.newWindowScales()
	columns := g.newBlock()
	g.Label("loop")
	planes := g.six(g.copyOf(u), plane)
	for i := range 6 {
		var r [6]vector
		for j := range r {
			r[j] = g.Mul(s.at(6*i+j), planes.at(j))
		}
		for j, v := range g.winogradET(r) {
			g.VMOVUPS(v, columns.at(i, j))
		}
		g.nextSix(planes)
	}
	var e [windowSize]vector
	for j := range 3 {
		var c [6]vector
		for i := range c {
			c[i] = g.Read(columns.at(i, j))
		}
		for i, v := range g.winogradET(c) {
			e[3*i+j] = v
		}
	}
	g.storeWindows(dw, e)
	g.nextWindows(n, u, dw.Base)
}

// nextWindows ends the loop over windows, and the function.
func (g *generator) nextWindows(n, planes, windows reg.Register) {
	g.ADDQ(operand.I32(g.Lanes()*windowBytes), windows)
	g.ADDQ(operand.I8(g.Width), planes)
	g.SUBQ(operand.I8(g.Lanes()), n)
	g.JNZ(operand.LabelRef("loop"))
	g.Finish()
}

// windowScales is the parameter scales.
type windowScales struct {
	*generator
	base reg.Register
}

func (g *generator) newWindowScales() windowScales { return windowScales{g, g.value("scales")} }

// at is the scale of a plane, in all lanes.
func (s windowScales) at(plane int) vector {
	v := s.Vec()
	s.VBROADCASTSS(operand.Mem{Base: s.base, Disp: 4 * plane}, v)
	return v
}

// block is space on the stack for six by three registers.
type block struct {
	start operand.Mem
	width int // of a register
}

func (g *generator) newBlock() block { return block{g.AllocLocal(6 * 3 * g.Width), g.Width} }

func (b block) at(i, j int) operand.Mem { return b.start.Offset(b.width * (3*i + j)) }

// loadWindows loads eight windows, an element a register.
func (g *generator) loadWindows(w operand.Mem) (e [windowSize]vector) {
	for from := 0; from < 8; from += 4 {
		var rows [4]vector
		for i := range rows {
			rows[i] = g.loadHalves(w.Offset(windowBytes*i+4*from), w.Offset(windowBytes*(i+4)+4*from))
		}
		t := g.transpose(rows[0], rows[1], rows[2], rows[3])
		copy(e[from:], t[:])
	}
	last := func(i int) operand.Mem { return w.Offset(windowBytes*i + 4*8) }
	low, high := g.YMM(), g.XMM()
	g.VBROADCASTSS(last(0), low)
	g.VMOVSS(last(4), high)
	for i := 1; i < 4; i++ {
		lane := operand.U8(i << 4)
		g.VINSERTPS(lane, last(i), low.AsX(), low.AsX())
		g.VINSERTPS(lane, last(i+4), high, high)
	}
	g.VINSERTF128(operand.U8(1), high, low, low)
	e[8] = low
	return e
}

// storeWindows is the reverse of loadWindows.
func (g *generator) storeWindows(w operand.Mem, e [windowSize]vector) {
	high := g.XMM()
	g.VEXTRACTF128(operand.U8(1), e[8], high)
	for i := range 4 {
		g.VEXTRACTPS(operand.U8(i), e[8].AsX(), w.Offset(windowBytes*i+4*8))
		g.VEXTRACTPS(operand.U8(i), high, w.Offset(windowBytes*(i+4)+4*8))
	}
	for from := 0; from < 8; from += 4 {
		for i, row := range g.transpose(e[from], e[from+1], e[from+2], e[from+3]) {
			g.storeHalves(row, w.Offset(windowBytes*i+4*from), w.Offset(windowBytes*(i+4)+4*from))
		}
	}
}
