package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halves emits the loops of pools with windows of 2x2, for eight windows of a row
// at a time. Registers hold the windows in the order in which VSHUFPS leaves them,
// 0, 1, 4, 5, 2, 3, 6, 7.
func (g *generator) halves() {
	g.function("maxHalvesRow", "y, top, bottom []float32")
	g.windowRow("y", []string{"top", "bottom"}, func(r windowRow) {
		a, b := r.loadPairs(0)
		top := g.max(a, b)
		c, d := r.loadPairs(1)
		m := g.max(top, g.max(c, d))
		r.one.store(g.unswap(m), r.one.of(r.narrow[0]))
	}, "y")

	g.function("unpoolHalvesRow", "dTop, dBottom []float32, top, bottom, y, dy []float32")
	g.windowRow("dy", []string{"top", "bottom", "dTop", "dBottom"}, func(r windowRow) {
		y := g.unswap(r.one.load(r.one.of(r.narrow[0])))
		dy := g.unswap(r.one.load(r.one.of(r.narrow[1])))
		a, b := r.loadPairs(0)
		isA := g.equal(a, y)
		isB := g.op(g.VANDNPS, isA, g.equal(b, y))
		r.storePairs(2, g.op(g.VANDPS, isA, dy), g.op(g.VANDPS, isB, dy))
		top := g.op(g.VORPS, isA, isB)
		c, _ := r.loadPairs(1)
		isC := g.op(g.VANDNPS, top, g.equal(c, y))
		any := g.op(g.VORPS, top, isC)
		r.storePairs(3, g.op(g.VANDPS, isC, dy), g.op(g.VANDNPS, any, dy))
	}, "y", "dy")
}

// windowRow is a group of at most eight windows.
type windowRow struct {
	one       columns        // of what has one element a window
	low, high columns        // of what has two: the first eight, and the others
	narrow    []reg.Register // slices with one element a window
	wide      []reg.Register // slices with two
}

// windowRow emits body for the windows of a row, and ends the function.
func (g *generator) windowRow(count string, wide []string, body func(r windowRow), narrow ...string) {
	n := g.length(count)
	var r windowRow
	for _, name := range narrow {
		r.narrow = append(r.narrow, g.slice(name).Base)
	}
	for _, name := range wide {
		r.wide = append(r.wide, g.slice(name).Base)
	}
	g.columns(n, func(c columns) {
		r.one = c
		r.low, r.high = c, c
		if c.mask != nil {
			r.low.mask, r.high.mask = g.pairMasks(n)
		}
		body(r)
	}, func() {})
	g.finish()
}

// pairMasks are the masks for two elements a window, when -n windows are left.
func (g *generator) pairMasks(n reg.Register) (low, high vector) {
	masks, at, zero := g.GP64(), g.GP64(), g.GP64()
	g.LEAQ(g.table.all(0), masks)
	g.XORQ(zero, zero)
	g.LEAQ(operand.Mem{Base: n, Index: n, Scale: 1}, at)
	floor := g.GP64()
	g.MOVQ(operand.I32(-lanes), floor)
	g.CMPQ(at, floor)
	g.CMOVQLT(floor, at)
	low = g.load(operand.Mem{Base: masks, Index: at, Scale: 4})
	rest := g.GP64()
	g.LEAQ(operand.Mem{Base: n, Index: n, Scale: 1, Disp: lanes}, rest)
	g.CMPQ(rest, zero)
	g.CMOVQGT(zero, rest)
	high = g.load(operand.Mem{Base: masks, Index: rest, Scale: 4})
	return low, high
}

// pairs is where the two elements of each window lie in slice i.
func (r windowRow) pairs(i int) (low, high operand.Mem) {
	low = operand.Mem{Base: r.wide[i], Index: r.one.index, Scale: 8}
	return low, low.Offset(4 * lanes)
}

// loadPairs loads the left and the right elements of the windows.
func (r windowRow) loadPairs(i int) (left, right vector) {
	at, next := r.pairs(i)
	x, y := r.low.load(at), r.high.load(next)
	return r.one.shuffle(0x88, x, y), r.one.shuffle(0xdd, x, y)
}

// storePairs is the reverse of loadPairs.
func (r windowRow) storePairs(i int, left, right vector) {
	at, next := r.pairs(i)
	r.low.store(r.one.op(r.one.VUNPCKLPS, left, right), at)
	r.high.store(r.one.op(r.one.VUNPCKHPS, left, right), next)
}

func (g *generator) shuffle(order int, x, y vector) vector {
	v := g.YMM()
	g.VSHUFPS(operand.U8(order), y, x, v)
	return v
}

// unswap goes from the order of the registers to that of the windows, and back.
func (g *generator) unswap(v vector) vector {
	w := g.YMM()
	g.VPERMPD(operand.U8(0xd8), v, w)
	return w
}

// equal is a mask.
func (g *generator) equal(x, y vector) vector { return g.compare(0, x, y) }

func (g *generator) compare(how int, x, y vector) vector {
	v := g.YMM()
	g.VCMPPS(operand.U8(how), y, x, v)
	return v
}

// max is Go's: NaN if x or y is, and 0 is larger than -0. The instruction returns
// its second operand in both cases.
func (g *generator) max(x, y vector) vector {
	const unordered = 3
	m := g.op(g.VANDPS, g.op(g.VMAXPS, x, y), g.op(g.VMAXPS, y, x))
	return g.op(g.VORPS, m, g.compare(unordered, x, y))
}
