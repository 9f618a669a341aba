package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halves emits the loops of pools with windows of 2x2, for eight windows of a row at a time. Registers hold the windows in
// the order in which VSHUFPS leaves them, 0, 1, 4, 5, 2, 3, 6, 7.
func (g *generator) pools() {
	g.function("maxHalves", "y []float32, picks []uint32, x []float32, "+pooled+", v float32, keep uint32")
	v, keep, zero := g.number("v"), g.number("keep"), g.zero()
	g.windowRows("y", "x", func(r windowRow) {
		a, b := r.loadPairs(r.top, v)
		c, d := r.loadPairs(r.bottom, v)
		m := g.max(g.max(a, b), g.max(c, d))
		on := g.Op(g.VORPS, g.compare(notLessOrEqual, m, zero), keep)
		r.one.store(g.unswap(g.Op(g.VANDPS, m, on)), r.one.of(r.small))
		if r.one.mask != nil {
			on = g.Op(g.VANDPS, on, g.unswap(r.one.mask.(vector)))
		}
		var picks [4]vector
		for i, e := range []vector{a, b, c} {
			picks[i] = g.Op(g.VANDPS, g.compare(equal, e, m), on)
			on = g.Op(g.VANDNPS, picks[i], on)
		}
		picks[3] = on
		for i, p := range picks {
			bits := g.GP32()
			g.VMOVMSKPS(p, bits)
			g.MOVB(bits.As8(), operand.Mem{Base: r.picks, Disp: i})
		}
	})

	g.function("unpoolHalves", "dx []float32, picks []uint32, dy []float32, "+pooled)
	var bits [4]vector
	for i := range bits {
		bits[i] = g.Read(g.Table.Words(ones(8 * i)...))
	}
	g.windowRows("dy", "dx", func(r windowRow) {
		dy := g.unswap(r.one.load(r.one.of(r.small)))
		word := g.YMM()
		g.VPBROADCASTD(operand.Mem{Base: r.picks}, word)
		var d [4]vector
		for i, b := range bits {
			d[i] = g.Op(g.VANDPS, dy, g.Op(g.VPCMPEQD, g.Op(g.VANDPS, word, b), b))
		}
		r.storePairs(r.top, d[0], d[1])
		r.storePairs(r.bottom, d[2], d[3])
	})
}

// ones is a word for each lane, with one bit set: from number first on.
func ones(first int) []uint32 {
	words := make([]uint32, 8)
	for lane := range words {
		words[lane] = 1 << (first + lane)
	}
	return words
}

// windowRow is a group of at most eight windows.
type windowRow struct {
	one         columns      // of what has one element a window
	low, high   columns      // of what has two: the first eight, and the others
	small       reg.Register // with one element a window
	top, bottom reg.Register // with two
	picks       reg.Register
}

// pooled are the parameters that say what is pooled.
const pooled = "width, pitch int, p struct{rows, count, apart, lines int}"

// pooledField loads a field of p.
func (g *generator) pooledField(name string) reg.Register {
	return g.Load(g.Param("p").Field(name), g.GP64())
}

// planes emits body for each plane, with where it begins in the slices, whose addresses it moves on, and ends the function.
func (g *generator) planes(small, large string, body func(small, large, picks reg.Register)) {
	g.Label("plane")
	body(g.Pointer(small).Base, g.Pointer(large).Base, g.Pointer("picks").Base)
	apart, n, lines := g.pooledField("apart"), g.value("width"), g.pooledField("lines")
	g.SHRQ(operand.U8(1), n)
	words := g.pickWords(n)
	g.IMULQ(apart, n)
	g.IMULQ(apart, words)
	g.IMULQ(g.Address("pitch"), lines)
	for _, s := range []struct {
		name   string
		stride reg.Register
	}{{small, n}, {"picks", words}, {large, lines}} {
		g.SHLQ(operand.U8(2), s.stride)
		g.ADDQ(s.stride, g.address(s.name))
	}
	count, err := g.Param("p").Field("count").Resolve()
	if err != nil {
		panic(err)
	}
	g.DECQ(count.Addr)
	g.JNZ(operand.LabelRef("plane"))
	g.Finish()
}

// pickWords is the number of words for n windows.
func (g *generator) pickWords(n reg.Register) reg.Register {
	words := g.GP64()
	g.LEAQ(operand.Mem{Base: n, Disp: 7}, words)
	g.SHRQ(operand.U8(3), words)
	return words
}

// windowRows emits body for the windows of all rows, and ends the function.
func (g *generator) windowRows(small, large string, body func(r windowRow)) {
	g.planes(small, large, func(small, large, picks reg.Register) {
		g.rowsOfWindows(windowRow{small: small, top: large, bottom: g.GP64(), picks: picks}, body)
	})
}

func (g *generator) rowsOfWindows(r windowRow, body func(r windowRow)) {
	pitch, n, rows := g.bytes("pitch"), g.value("width"), g.pooledField("rows")
	g.LEAQ(operand.Mem{Base: r.top, Index: pitch, Scale: 1}, r.bottom)
	g.SHRQ(operand.U8(1), n)
	g.Label("row")
	left := g.copyOf(n)
	g.columns(left, func(c columns) {
		r.one, r.low, r.high = c, c, c
		if c.mask != nil {
			r.low.mask, r.high.mask = g.pairMasks(left)
		}
		body(r)
		g.ADDQ(operand.I8(4), r.picks)
	}, func() {})
	g.LEAQ(operand.Mem{Base: r.small, Index: n, Scale: 4}, r.small)
	g.LEAQ(operand.Mem{Base: r.top, Index: pitch, Scale: 2}, r.top)
	g.LEAQ(operand.Mem{Base: r.bottom, Index: pitch, Scale: 2}, r.bottom)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
}

// pairMasks are the masks for two elements a window, when -n windows are left.
func (g *generator) pairMasks(n reg.Register) (low, high vector) {
	masks, at, zero := g.GP64(), g.GP64(), g.GP64()
	g.LEAQ(g.Table.Words(0), masks)
	g.XORQ(zero, zero)
	g.LEAQ(operand.Mem{Base: n, Index: n, Scale: 1}, at)
	floor := g.GP64()
	g.MOVQ(operand.I32(-8), floor)
	g.CMPQ(at, floor)
	g.CMOVQLT(floor, at)
	low = g.Read(operand.Mem{Base: masks, Index: at, Scale: 4})
	rest := g.GP64()
	g.LEAQ(operand.Mem{Base: n, Index: n, Scale: 1, Disp: 8}, rest)
	g.CMPQ(rest, zero)
	g.CMOVQGT(zero, rest)
	high = g.Read(operand.Mem{Base: masks, Index: rest, Scale: 4})
	return low, high
}

// pairs is where the two elements of each window lie in a line.
func (r windowRow) pairs(line reg.Register) (low, high operand.Mem) {
	low = operand.Mem{Base: line, Index: r.one.index, Scale: 8}
	return low, low.Offset(32)
}

// loadPairs loads the left and the right elements of the windows, plus v.
func (r windowRow) loadPairs(line reg.Register, v vector) (left, right vector) {
	at, next := r.pairs(line)
	x, y := r.one.Add(r.low.load(at), v), r.one.Add(r.high.load(next), v)
	return r.one.shuffle(0x88, x, y), r.one.shuffle(0xdd, x, y)
}

// storePairs stores what loadPairs loads.
func (r windowRow) storePairs(line reg.Register, left, right vector) {
	at, next := r.pairs(line)
	r.low.store(r.one.Op(r.one.VUNPCKLPS, left, right), at)
	r.high.store(r.one.Op(r.one.VUNPCKHPS, left, right), next)
}

func (g *generator) shuffle(order int, x, y vector) vector {
	v := g.YMM()
	g.VSHUFPS(operand.U8(order), y, x, v)
	return v
}

// unswap goes from the order of the registers to that of the windows, and back.
func (g *generator) unswap(v vector) vector {
	w := g.Vec()
	g.VPERMPD(operand.U8(0xd8), v, w)
	return w
}

// The comparisons that VCMPPS knows by these numbers.
const (
	equal          = 0
	unordered      = 3
	notLessOrEqual = 0x16 // or unordered
)

// compare is a mask.
func (g *generator) compare(how int, x, y vector) vector {
	v := g.YMM()
	g.VCMPPS(operand.U8(how), y, x, v)
	return v
}

// max is Go's: NaN if x or y is, and 0 is larger than -0. The instruction returns its second operand in both cases.
func (g *generator) max(x, y vector) vector {
	m := g.Op(g.VANDPS, g.Op(g.VMAXPS, x, y), g.Op(g.VMAXPS, y, x))
	return g.Op(g.VORPS, m, g.compare(unordered, x, y))
}
