package main

import (
	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes columns of as many rows as there are lanes to rows of dst, in
// groups of as many columns as 16 bytes hold.
func (g generator) transpose() {
	dst, dstRow, rows, groups := g.param("dst"), g.param("dstRow"), g.param("rows"), g.param("groups")
	at := g.GP64()
	g.XORQ(at, at)
	g.Label("group")
	for _, row := range g.columns(rows, 0, at) {
		g.Write(row, operand.Mem{Base: dst})
		g.ADDQ(dstRow, dst)
	}
	g.ADDQ(operand.I8(16), at)
	g.DECQ(groups)
	g.JNZ(operand.LabelRef("group"))
	g.Finish()
}

// columns returns as many columns as 16 bytes hold, of the rows whose addresses begin
// with number first, at an offset to them.
func (g generator) columns(rows reg.Register, first int, at reg.Register) []vectorasm.Vector {
	n := 16 / g.size
	v := make([]vectorasm.Vector, n)
	for i := range v {
		v[i] = g.Vec()
		for part := range g.Width / 16 {
			p := g.GP64()
			g.MOVQ(operand.Mem{Base: rows, Disp: 8 * (first + n*part + i)}, p)
			m := operand.Mem{Base: p, Index: at, Scale: 1}
			switch {
			case part == 0 && g.Wide():
				g.VBROADCASTF32X4(m, v[i])
			case part == 0:
				g.VBROADCASTF128(m, v[i])
			case g.Wide():
				g.VINSERTF32X4(operand.U8(part), m, v[i], v[i])
			default:
				g.VINSERTF128(operand.U8(part), m, v[i], v[i])
			}
		}
	}
	if g.size == 4 {
		low, high := g.Op(g.VUNPCKLPS, v[0], v[1]), g.Op(g.VUNPCKHPS, v[0], v[1])
		low2, high2 := g.Op(g.VUNPCKLPS, v[2], v[3]), g.Op(g.VUNPCKHPS, v[2], v[3])
		return []vectorasm.Vector{
			g.Op(g.VUNPCKLPD, low, low2), g.Op(g.VUNPCKHPD, low, low2),
			g.Op(g.VUNPCKLPD, high, high2), g.Op(g.VUNPCKHPD, high, high2),
		}
	}
	return []vectorasm.Vector{g.Op(g.VUNPCKLPD, v[0], v[1]), g.Op(g.VUNPCKHPD, v[0], v[1])}
}

// copyRows copies k rows of width elements, and zeros behind them up to a whole
// number of vectors.
func (g generator) copyRows(vectors int) {
	dst, dstRow, src, srcRow, k := g.param("dst"), g.param("dstRow"), g.param("src"), g.param("srcRow"), g.param("k")
	last := g.lastMask(vectors, g.param("width"))
	g.Label("row")
	for j := range vectors {
		m := operand.Mem{Base: src, Disp: j * g.Width}
		v := g.Vec()
		if j < vectors-1 {
			g.VMOVUPS(m, v)
		} else {
			g.readLast(m, last, v)
		}
		g.Write(v, operand.Mem{Base: dst, Disp: j * g.Width})
	}
	g.ADDQ(srcRow, src)
	g.ADDQ(dstRow, dst)
	g.DECQ(k)
	g.JNZ(operand.LabelRef("row"))
	g.Finish()
}

// prefetch fetches so many lines into the second cache.
func (g generator) prefetch() {
	p, lines := g.param("p"), g.param("lines")
	g.Label("line")
	g.PREFETCHT1(operand.Mem{Base: p})
	g.ADDQ(operand.I8(64), p)
	g.DECQ(lines)
	g.JNZ(operand.LabelRef("line"))
	g.RET()
}
