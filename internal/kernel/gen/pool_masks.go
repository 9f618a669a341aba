package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sixteen is how AVX-512 finds sixteen windows of 2x2: eight, and eight more, in two registers of the image each. There is a
// way for rows of more than eight windows, one for rows of eight, and one for rows of four. Rows of eight and of four fill
// whole registers, so that all rows of a plane are one.
type sixteen struct{ across int } // windows in a row, 0 for more than eight

// pickOrder is the lane, and the bit in a pick, of each of eight windows.
var pickOrder = [8]int{0, 1, 4, 5, 2, 3, 6, 7}

// at is where in two registers element e of window number i of eight lies.
func (s sixteen) at(i, e int) int {
	if s.across == 4 {
		return i/4*16 + e/2*8 + i%4*2 + e%2
	}
	return e/2*16 + 2*i + e%2
}

// pairs is the order that takes elements e and e+1 of eight windows each out of two registers.
func (s sixteen) pairs(e int) []uint32 {
	words := make([]uint32, 16)
	for i, lane := range pickOrder {
		words[lane], words[8+lane] = uint32(s.at(i, e)), uint32(s.at(i, e+1))
	}
	return words
}

// spread is what lanes of register j of an image hold: the number of the window, and the bit of the pick in its word.
func (s sixteen) spread(j int) (window, bit []uint32) {
	window, bit = make([]uint32, 16), make([]uint32, 16)
	for i := range 8 {
		for e := range 4 {
			if at := s.at(i, e); at/16 == j%2 {
				number := i
				if s.across == 4 {
					number = i % 4 // the word is of a row
				}
				window[at%16] = uint32(i + j/2*8)
				bit[at%16] = 1 << (8*e + pickOrder[number])
			}
		}
	}
	return window, bit
}

// words is how many words of picks sixteen windows have.
func (s sixteen) words() int {
	if s.across == 4 {
		return 4
	}
	return 2
}

// suffix is what the names of functions end in.
func (s sixteen) suffix() string {
	if s.across == 0 {
		return ""
	}
	return fmt.Sprint(s.across)
}

// maskedPools emits the loops of pools for AVX-512.
func (g *generator) maskedPools() {
	for _, s := range []sixteen{{0}, {8}, {4}} {
		g.maxSixteen(s)
		g.unpoolSixteen(s)
	}
}

func (g *generator) maxSixteen(s sixteen) {
	g.function("maxHalves"+s.suffix(), "y []float32, picks []uint32, x []float32, "+pooled+", v float32, keep uint32")
	v, keep, zero := g.number("v"), g.K(), g.zero()
	g.VPMOVD2M(g.number("keep"), keep)
	top, bottom := g.Read(g.Table.Words(s.pairs(0)...)), g.Read(g.Table.Words(s.pairs(2)...))
	lanes := make([]uint32, 16)
	for i, lane := range pickOrder {
		lanes[lane], lanes[8+lane] = uint32(i), uint32(8+i)
	}
	numbers := g.Read(g.Table.Words(lanes...))
	g.groupsOfWindows(s, "y", "x", func(w windowGroup) {
		var x [4]vector
		for i := range x {
			x[i] = g.Add(w.large[i].load(w.at[i]), v)
		}
		ab, cd := g.pick(top, x[0], x[1]), g.pick(bottom, x[0], x[1])
		ab2, cd2 := g.pick(top, x[2], x[3]), g.pick(bottom, x[2], x[3])
		e := [4]vector{g.halves(0x44, ab, ab2), g.halves(0xee, ab, ab2), g.halves(0x44, cd, cd2), g.halves(0xee, cd, cd2)}
		m := g.maxOf4(e)
		on := g.K()
		g.VCMPPS(operand.U8(notLessOrEqual), zero, m, on)
		g.KORW(keep, on, on)
		if w.some {
			there := g.K()
			count := g.Vec()
			g.VPBROADCASTD(w.left.(reg.GPVirtual).As32(), count)
			g.VPCMPGTD(numbers, count, there)
			g.KANDW(there, on, on)
		}
		y := g.Vec()
		g.VMOVAPS_Z(m, on, y)
		w.small.store(g.unswap(y), w.small.of(w.smallBase))
		var picks [4]reg.GPVirtual // masks, of what is left by the elements before
		for i, v := range e[:3] {
			is := g.K()
			g.VCMPPS(operand.U8(equal), v, m, is)
			picks[i] = g.GP64()
			g.KMOVW(is, picks[i].As32())
		}
		picks[3] = g.GP64()
		g.KMOVW(on, picks[3].As32())
		for _, p := range picks[:3] {
			g.ANDL(picks[3].As32(), p.As32())
			g.XORL(p.As32(), picks[3].As32())
		}
		g.storePicks(s, w, picks)
	})
}

// maxOf4 is Go's maximum: NaN if any is, and 0 is larger than -0. The instruction takes the larger zero, but a number before a
// NaN.
func (g *generator) maxOf4(e [4]vector) vector {
	const largest, allOnes = 5, 0xff
	larger := func(x, y vector) vector {
		v := g.Vec()
		g.VRANGEPS(operand.U8(largest), y, x, v)
		return v
	}
	m, no, no2 := larger(larger(e[0], e[1]), larger(e[2], e[3])), g.K(), g.K()
	g.VCMPPS(operand.U8(unordered), e[1], e[0], no)
	g.VCMPPS(operand.U8(unordered), e[3], e[2], no2)
	g.KORW(no, no2, no)
	g.VPTERNLOGD(operand.U8(allOnes), m, m, no, m)
	return m
}

// storePicks stores masks of sixteen windows, for each of their elements.
func (g *generator) storePicks(s sixteen, w windowGroup, picks [4]reg.GPVirtual) {
	if s.across != 4 {
		for i, p := range picks {
			g.MOVB(p.As8(), w.picks.Offset(i))
		}
		if w.some {
			g.CMPQ(w.left, operand.I8(8))
			g.JLE(operand.LabelRef("stored"))
		}
		for i, p := range picks {
			g.SHRL(operand.U8(8), p.As32())
			g.MOVB(p.As8(), w.picks.Offset(4+i))
		}
		if w.some {
			g.Label("stored")
		}
		return
	}
	for i, p := range picks[1:] {
		g.SHLQ(operand.U8(16*(i+1)), p)
		g.ORQ(p, picks[0])
	}
	words := g.XMM()
	g.VMOVQ(picks[0], words)
	const first, second = 0x06040200, 0x07050301 // bytes of the first two rows, and of the others
	g.VPSHUFB(g.Table.Words(first, first, second, second), words, words)
	g.VPSRLVD(g.Table.Words(0, 2, 0, 2), words, words)
	g.VPAND(g.Table.Words(0x33333333), words, words)
	if w.some {
		g.VMOVDQU32(words, w.words, w.picks)
	} else {
		g.VMOVDQU(words, w.picks)
	}
}

func (g *generator) unpoolSixteen(s sixteen) {
	g.function("unpoolHalves"+s.suffix(), "dx []float32, picks []uint32, dy []float32, "+pooled)
	var order, bits [4]vector
	for j := range order {
		window, bit := s.spread(j)
		order[j], bits[j] = g.Read(g.Table.Words(window...)), g.Read(g.Table.Words(bit...))
	}
	some := g.AllocLocal(16) // words of picks, where there are not all
	g.groupsOfWindows(s, "dy", "dx", func(w windowGroup) {
		picks := w.picks
		if w.some {
			words := g.XMM()
			g.VMOVDQU32_Z(w.picks, w.words, words)
			g.VMOVDQU(words, some)
			picks = some
		}
		dy := w.small.load(w.small.of(w.smallBase))
		for j := range order {
			on, v := g.K(), g.Vec()
			g.VPTESTMD_BCST(picks.Offset(4*(j*s.words()/4)), bits[j], on)
			g.VPERMPS_Z(dy, order[j], on, v)
			w.large[j].store(v, w.at[j])
		}
	})
}

// windowGroup is a group of at most sixteen windows.
type windowGroup struct {
	some      bool // whether there may be fewer
	left      reg.Register
	small     columns
	smallBase reg.Register // of what has one element a window
	large     [4]columns   // of the registers of an image
	at        [4]operand.Mem
	picks     operand.Mem
	words     operand.Op // mask of those there are
}

// groupsOfWindows emits body for the windows of all planes, and ends the function.
func (g *generator) groupsOfWindows(s sixteen, small, large string, body func(w windowGroup)) {
	g.planes(small, large, func(small, large, picks reg.Register) {
		w := windowGroup{smallBase: small, picks: operand.Mem{Base: picks}}
		pitch, n, rows := g.value("pitch"), g.value("width"), g.pooledField("rows")
		g.SHRQ(operand.U8(1), n)
		step := 4 * g.Width
		if s.across > 0 {
			g.IMULQ(rows, n)
			for i := range w.at {
				w.at[i] = operand.Mem{Base: large, Disp: i * g.Width}
			}
		} else {
			step = 2 * g.Width
			for i := range w.at {
				w.at[i] = operand.Mem{Base: large, Disp: i / 2 * g.Width}
				if i%2 > 0 {
					w.at[i].Index, w.at[i].Scale = pitch, 4
				}
			}
		}
		g.Label("row")
		w.left = g.copyOf(n)
		done := g.columns(w.left, func(c columns) {
			w.small = c
			for i := range w.large {
				w.large[i] = c
			}
			if c.mask != nil {
				w.some = true
				g.maskWindows(s, &w)
			}
			body(w)
		}, func() {
			g.ADDQ(operand.I32(step), large)
			g.ADDQ(operand.I8(4*s.words()), picks)
		})
		if s.across > 0 {
			return
		}
		g.LEAQ(operand.Mem{Base: small, Index: n, Scale: 4}, small)
		g.SHLQ(operand.U8(3), done) // bytes of the image that are behind us
		g.SUBQ(done, large)
		g.LEAQ(operand.Mem{Base: large, Index: pitch, Scale: 8}, large)
		g.SHRQ(operand.U8(4), done) // bytes of the picks
		g.SUBQ(done, picks)
		g.LEAQ(operand.Mem{Base: picks, Index: g.pickWords(n), Scale: 4}, picks)
		g.DECQ(rows)
		g.JNZ(operand.LabelRef("row"))
	})
}

// maskWindows makes the masks of the registers of an image and of the words of picks when there are fewer than sixteen windows
// left.
func (g *generator) maskWindows(s sixteen, w *windowGroup) {
	bits, words := g.GP64(), g.GP64()
	g.MOVQ(w.left, reg.RCX)
	if s.across == 0 {
		g.SHLQ(operand.U8(1), reg.RCX)
	} else {
		g.SHLQ(operand.U8(2), reg.RCX)
	}
	g.MOVQ(operand.I32(-1), bits)
	g.SHLQ(reg.CL, bits)
	g.NOTQ(bits)
	for i := range w.large {
		mask := g.K()
		g.KMOVQ(bits, mask)
		w.large[i].mask = mask
		if s.across > 0 || i == 1 {
			g.SHRQ(operand.U8(16), bits)
		}
	}
	each := 16 / s.words()
	g.LEAQ(operand.Mem{Base: w.left, Disp: each - 1}, words)
	g.SHRQ(operand.U8(map[int]int{8: 3, 4: 2}[each]), words)
	w.words = g.firstLanes(words)
}
