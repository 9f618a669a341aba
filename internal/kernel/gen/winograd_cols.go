package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileCols emits the passes over columns, each for as many tiles at a time as a register has lanes.
func (g *generator) tileCols() {
	g.function("inputCols", "dst []float32, plane int, src []float32, stride int, left, right []uint32")
	g.holdFactors(2, 4)
	order := g.tileOrder()
	left, right := g.Pointer("left").Base, g.Pointer("right").Base
	g.groups("dst", "src", g.Length("left"), g.columns, func(c columns, planes six, line reg.Register) {
		own := g.loadTiles(order, operand.Mem{Base: line, Disp: 4})
		first := g.behind(operand.Mem{Base: line}, own[3])
		last := g.before(own[0], operand.Mem{Base: line, Disp: 4*g.Width + 4})
		for i, t := range g.winogradB([6]vector{
			g.Op(g.VANDPS, first, c.load(c.of(left))), own[0], own[1], own[2], own[3], g.Op(g.VANDPS, last, c.load(c.of(right))),
		}) {
			c.store(t, planes.at(i))
		}
	})

	g.function("gradCols", "dst []float32, plane int, src []float32, stride, n int")
	g.holdFactors(2, 4)
	order = g.tileOrder()
	g.groups("dst", "src", g.value("n"), g.wholeColumns, func(c columns, planes six, line reg.Register) {
		for i, t := range g.winogradA(g.loadTiles(order, operand.Mem{Base: line})) {
			c.store(t, planes.at(i))
		}
	})

	g.function("outputCols", "dst []float32, stride int, src []float32, plane, n int")
	g.holdFactors(2, 4, 8)
	order = g.tileOrder()
	g.groups("src", "dst", g.value("n"), g.wholeColumns, func(c columns, planes six, line reg.Register) {
		var m [6]vector
		for i := range m {
			m[i] = c.load(planes.at(i))
		}
		g.storeTiles(order, g.winogradAT(m), operand.Mem{Base: line})
	})
}

// groups emits body for each of the six lines of a buffer and each group of tiles in it, and ends the function. planes are
// where the group lies in the planes of a line, line is where it begins in the line.
func (g *generator) groups(planesName, linesName string, n reg.Register, loop columnLoop,
	body func(c columns, planes six, line reg.Register)) {
	planes := g.six(g.Pointer(planesName).Base, g.bytes("plane"))
	start, stride := g.Pointer(linesName).Base, g.bytes("stride")
	lines := g.GP64()
	g.MOVQ(operand.U32(6), lines)
	g.Label("line")
	line := g.copyOf(start)
	done := loop(g.copyOf(n), func(c columns) { body(c, planes, line) }, func() {
		g.advance(planes, g.Width)
		g.ADDQ(operand.I32(4*g.Width), line)
	})
	g.SHLQ(operand.U8(2), done)
	g.SUBQ(done, planes.low)
	g.SUBQ(done, planes.high)
	g.nextSix(planes)
	g.ADDQ(stride, start)
	g.DECQ(lines)
	g.JNZ(operand.LabelRef("line"))
	g.Finish()
}

// tileOrder holds the orders of lanes with which AVX-512 takes the columns of tiles apart, for each of two, and puts them
// together.
type tileOrder struct{ apart, together [2]vector }

func (g *generator) tileOrder() (o tileOrder) {
	if !g.Wide() {
		return o
	}
	for i := range 2 {
		var apart, together [16]uint32
		for lane := range 16 {
			apart[lane] = uint32(lane%8*4 + lane/8 + 2*i)
			together[lane] = uint32(lane/4 + 4*i + lane%4*8)
		}
		o.apart[i], o.together[i] = g.Read(g.Table.Words(apart[:]...)), g.Read(g.Table.Words(together[:]...))
	}
	return o
}

// loadTiles loads the four columns of tiles that lie side by side, a column a register.
func (g *generator) loadTiles(o tileOrder, m operand.Mem) [4]vector {
	var x [4]vector
	if !g.Wide() {
		for i := range x {
			x[i] = g.loadHalves(m.Offset(16*i), m.Offset(16*(i+4)))
		}
		return g.transpose(x[0], x[1], x[2], x[3])
	}
	for i := range x {
		x[i] = g.Read(m.Offset(i * g.Width))
	}
	var y [4]vector // two columns of eight tiles each: those of the first eight, and of the others
	for i := range y {
		y[i] = g.pick(o.apart[i%2], x[i&2], x[i&2+1])
	}
	return [4]vector{g.halves(0x44, y[0], y[2]), g.halves(0xee, y[0], y[2]), g.halves(0x44, y[1], y[3]), g.halves(0xee, y[1], y[3])}
}

// storeTiles is the reverse of loadTiles.
func (g *generator) storeTiles(o tileOrder, x [4]vector, m operand.Mem) {
	if !g.Wide() {
		for i, t := range g.transpose(x[0], x[1], x[2], x[3]) {
			g.storeHalves(t, m.Offset(16*i), m.Offset(16*(i+4)))
		}
		return
	}
	for i, order := range []uint8{0x44, 0xee} {
		a, b := g.halves(order, x[0], x[1]), g.halves(order, x[2], x[3])
		for j, together := range o.together {
			g.Write(g.pick(together, a, b), m.Offset((2*i+j)*g.Width))
		}
	}
}

// pick takes the lanes of x and y, behind it, in the given order.
func (g *generator) pick(order, x, y vector) vector {
	v := g.Vec()
	g.VMOVAPS(order, v)
	g.VPERMI2PS(y, x, v)
	return v
}

// halves joins a half of x and one of y: the low ones with order 0x44, the high ones with 0xee.
func (g *generator) halves(order uint8, x, y vector) vector {
	v := g.Vec()
	g.VSHUFF64X2(operand.U8(order), y, x, v)
	return v
}

// behind is the number at m, and the lanes of x behind it but the last.
func (g *generator) behind(m operand.Mem, x vector) vector {
	first, v := g.Repeat(m), g.Vec()
	if g.Wide() {
		g.VALIGND(operand.U8(15), first, x, v)
		return v
	}
	g.VPERM2F128(operand.U8(0x02), first, x, v) // the number, and the low half of x
	g.VPALIGNR(operand.U8(12), v, x, v)
	return v
}

// before is the lanes of x but the first, and the number at m behind them.
func (g *generator) before(x vector, m operand.Mem) vector {
	last, v := g.Repeat(m), g.Vec()
	if g.Wide() {
		g.VALIGND(operand.U8(1), x, last, v)
		return v
	}
	g.VPERM2F128(operand.U8(0x21), last, x, v) // the high half of x, and the number
	g.VPALIGNR(operand.U8(4), x, v, v)
	return v
}
