package main

import (
	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes columns of as many rows as there are lanes to rows of dst, in groups of as many columns as 16 bytes hold, of
// 64 bytes first, as long as there are so many. Meanwhile it fetches what lies next bytes behind the rows.
func (g generator) transpose() {
	dst, dstRow, rows, groups := g.param("dst"), g.param("dstRow"), g.param("rows"), g.param("groups")
	at, quarters, next := g.GP64(), g.quarters(), g.param("next")
	g.XORQ(at, at)
	eachRow := func(f func(r int, m operand.Mem)) {
		for r := range g.lanes() {
			p := g.GP64()
			g.MOVQ(operand.Mem{Base: rows, Disp: 8 * r}, p)
			g.ADDQ(at, p)
			f(r, operand.Mem{Base: p})
		}
	}
	write := func(columns []vectorasm.Vector) {
		for _, v := range columns {
			g.Write(v, operand.Mem{Base: dst})
			g.ADDQ(dstRow, dst)
		}
	}
	fetch := func(m operand.Mem) {
		m.Index, m.Scale = next, 1
		g.PREFETCHT0(m)
	}
	group := func(i int) {
		v := make([]vectorasm.Vector, 16/g.size)
		eachRow(func(r int, m operand.Mem) {
			if g.part(v, r, m.Offset(16*i), quarters); i == 0 {
				fetch(m)
			}
		})
		write(g.transposed(v))
	}
	g.lines(groups, func() {
		if g.Wide() {
			v := make([]vectorasm.Vector, g.lanes())
			eachRow(func(r int, m operand.Mem) {
				v[r] = g.Read(m)
				fetch(m)
			})
			write(g.transposedLines(v))
		} else {
			for i := range 4 {
				group(i)
			}
		}
		g.ADDQ(operand.I8(64), at)
	}, func() {
		group(0)
		g.ADDQ(operand.I8(16), at)
	})
	g.Finish()
}

// lines emits a loop over groups of 16 bytes, and before it, unless line is nil, one over groups of 64 bytes: then each line
// of the cache is read once, also where those of all rows have the same place there.
func (g generator) lines(groups reg.Register, line, group func()) {
	if line != nil {
		g.SUBQ(operand.I8(4), groups)
		g.JLT(operand.LabelRef("rest"))
		g.Label("line")
		line()
		g.SUBQ(operand.I8(4), groups)
		g.JGE(operand.LabelRef("line"))
		g.Label("rest")
		g.ADDQ(operand.I8(4), groups)
		g.JZ(operand.LabelRef("end"))
	}
	g.Label("group")
	group()
	g.DECQ(groups)
	g.JNZ(operand.LabelRef("group"))
	g.Label("end")
}

// quarters are masks of the second, third and last 16 bytes of a vector of AVX-512.
func (g generator) quarters() (masks []reg.Register) {
	if !g.Wide() {
		return nil
	}
	for _, mask := range []uint32{0x00f0, 0x0f00, 0xf000} {
		bits, k := g.GP32(), g.K()
		g.MOVL(operand.U32(mask), bits)
		g.KMOVW(bits, k)
		masks = append(masks, k)
	}
	return masks
}

// part loads 16 bytes of row r, of as many as there are lanes, for transposed.
func (g generator) part(v []vectorasm.Vector, r int, m operand.Mem, quarters []reg.Register) {
	i, part := r%len(v), r/len(v)
	if part == 0 {
		v[i] = g.Vec()
	}
	switch {
	case part == 0 && g.Wide():
		g.VBROADCASTF32X4(m, v[i])
	case part == 0:
		g.VBROADCASTF128(m, v[i])
	case g.Wide():
		g.VBROADCASTF32X4(m, quarters[part-1], v[i])
	default:
		g.VINSERTF128(operand.U8(part), m, v[i], v[i])
	}
}

// transposed returns the columns of what part has loaded.
func (g generator) transposed(v []vectorasm.Vector) []vectorasm.Vector {
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

// transposedLines returns the columns of as many rows as there are lanes, each a vector of AVX-512.
func (g generator) transposedLines(rows []vectorasm.Vector) []vectorasm.Vector {
	n := 16 / g.size // columns in a quarter of a vector
	columns := make([]vectorasm.Vector, len(rows))
	var quarters [4][]vectorasm.Vector // of the rows; each holds columns c, n+c, 2n+c and 3n+c
	for i := range quarters {
		quarters[i] = g.transposed(rows[i*n:][:n])
	}
	pick := func(which uint8, x, y vectorasm.Vector) vectorasm.Vector {
		v := g.ZMM()
		g.VSHUFF32X4(operand.U8(which), y, x, v)
		return v
	}
	for c := range n {
		t := [4]vectorasm.Vector{}
		for i := range t {
			t[i] = quarters[i][c]
		}
		for half, which := range []uint8{0x44, 0xee} {
			low, high := pick(which, t[0], t[1]), pick(which, t[2], t[3])
			columns[2*half*n+c] = pick(0x88, low, high)
			columns[(2*half+1)*n+c] = pick(0xdd, low, high)
		}
	}
	return columns
}

// copyRows copies k rows of width elements, and zeros behind them up to a whole number of vectors.
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
