package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	windowSize  = 9 // elements
	windowBytes = 4 * windowSize
)

// windows emits the transforms of weights, for as many windows at a time as a register has lanes; n is a multiple of that.
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
	g.holdFactors(2, 4)
	n, u, plane, w := g.value("n"), g.Pointer("u").Base, g.bytes("plane"), g.Pointer("w")
	s := g.newWindowScales()
	columns := g.newBlock()
	g.Label("loop")
	e := g.loadWindows(w)
	for j := range 3 {
		g.winogradE([3]vector{e[at(j)], e[at(3+j)], e[at(6+j)]}, func(i int, v vector) { columns.put(i, j, v) })
	}
	planes := g.six(g.copyOf(u), plane)
	for i := range 6 {
		t := [3]vector{columns.get(i, 0), columns.get(i, 1), columns.get(i, 2)}
		g.winogradE(t, func(j int, v vector) { g.VMOVUPS(g.Mul(s.at(6*i+j), v), planes.at(j)) })
		g.nextSix(planes)
	}
	g.nextWindows(n, u, w.Base)
}

func (g *generator) planesWindow() {
	g.holdFactors(2, 4)
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
			columns.put(i, j, v)
		}
		g.nextSix(planes)
	}
	var e [windowSize]vector
	for j := range 3 {
		var c [6]vector
		for i := range c {
			c[i] = columns.get(i, j)
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

// block is six by three registers; AVX2 keeps them on the stack.
type block struct {
	*generator
	start     operand.Mem
	registers map[[2]int]vector
}

func (g *generator) newBlock() block {
	if g.Wide() {
		return block{g, operand.Mem{}, map[[2]int]vector{}}
	}
	return block{g, g.AllocLocal(6 * 3 * g.Width), nil}
}

func (b block) at(i, j int) operand.Mem { return b.start.Offset(b.Width * (3*i + j)) }

func (b block) put(i, j int, v vector) {
	if b.Wide() {
		b.registers[[2]int{i, j}] = v
	} else {
		b.Write(v, b.at(i, j))
	}
}

func (b block) get(i, j int) vector {
	if b.Wide() {
		return b.registers[[2]int{i, j}]
	}
	return b.Read(b.at(i, j))
}

// loadWindows loads windows, an element a register.
func (g *generator) loadWindows(w operand.Mem) (e [windowSize]vector) {
	rows := func(from int) (rows [4]vector) {
		for i := range rows {
			rows[i] = g.loadParts(w.Offset(windowBytes*i+4*from), 4*windowBytes)
		}
		return rows
	}
	for from := 0; from < 8; from += 4 {
		r := rows(from)
		t := g.transpose(r[0], r[1], r[2], r[3])
		copy(e[from:], t[:])
	}
	r := rows(windowSize - 4)
	e[windowSize-1] = g.Op(g.VUNPCKHPD, g.Op(g.VUNPCKHPS, r[0], r[1]), g.Op(g.VUNPCKHPS, r[2], r[3]))
	return e
}

// storeWindows is the reverse of loadWindows.
func (g *generator) storeWindows(w operand.Mem, e [windowSize]vector) {
	for from := 0; from < 8; from += 4 {
		for i, row := range g.transpose(e[from], e[from+1], e[from+2], e[from+3]) {
			g.storeParts(row, w.Offset(windowBytes*i+4*from), 4*windowBytes)
		}
	}
	const last = windowSize - 1
	for i := 0; i < g.Lanes(); i += 4 {
		four := g.part(e[last], i/4)
		for j := range 4 {
			g.VEXTRACTPS(operand.U8(j), four, w.Offset(windowBytes*(i+j)+4*last))
		}
	}
}
