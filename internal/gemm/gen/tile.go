package main

import (
	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// termsAhead is after how many terms of the sums more lines are fetched into the cache: few at a time, so that the rows of b
// find a buffer too.
const termsAhead = 4

// tile adds the product of strips of a, each of so many rows, and k rows of b to tiles of c, one below the other, or with add
// zero overwrites them. A tile stays in registers; every element takes its products in the order of k. Only the first width
// elements of a row of c are read or written; of a row of b too with AVX-512, but all of its vectors with AVX2. Meanwhile it
// fetches the tile below and what ahead says. With a descent it makes a step of c in place of storing the tile.
func (g generator) tile(rows, vectors int) {
	sums := make([][]vectorasm.Vector, rows)
	for i := range sums {
		for range vectors {
			sums[i] = append(sums[i], g.Vec())
		}
	}
	var last mask
	if g.Wide() {
		last = g.lastMask(vectors, g.param("width"))
	}
	g.Label("strip")
	g.start(sums, last)

	b, aCol := g.param("b"), g.param("aCol")
	rowOf, bases := g.rowsOfA(rows)
	below := g.below(rows)
	left, fetches, count := g.param("k"), g.GP64(), g.GP64()
	g.MOVQ(operand.I32(rows), fetches)
	g.Label("terms")
	g.TESTQ(fetches, fetches)
	g.JZ(operand.LabelRef("fetched"))
	for at := 0; at < vectors*g.Width; at += 64 {
		g.PREFETCHT0(operand.Mem{Base: below, Disp: at})
	}
	if g.descends(vectors) {
		g.fetchVelocity(below, vectors)
	}
	g.ADDQ(g.Address("cRow"), below)
	g.DECQ(fetches)
	g.Label("fetched")
	g.fetchAhead()
	g.MOVQ(operand.I32(termsAhead), count)
	g.CMPQ(left, count)
	g.CMOVQLT(left, count)
	g.SUBQ(count, left)

	g.Label("term")
	g.term(sums, last, operand.Mem{Base: b}, rowOf)
	for _, base := range bases {
		g.ADDQ(aCol, base)
	}
	g.ADDQ(g.Address("bRow"), b)
	g.DECQ(count)
	g.JNZ(operand.LabelRef("term"))
	g.TESTQ(left, left)
	g.JNZ(operand.LabelRef("terms"))
	if g.descends(vectors) {
		g.CMPQ(g.Address("descent"), operand.I8(0))
		g.JE(operand.LabelRef("end"))
		g.descend(sums, last)
		g.JMP(operand.LabelRef("ended"))
		g.Label("end")
	}
	g.end(sums, last)
	g.Label("ended")

	g.MOVQ(g.below(rows), g.Address("c"))
	g.ADDQ(g.param("aStrip"), g.Address("a"))
	g.DECQ(g.Address("strips"))
	g.JNZ(operand.LabelRef("strip"))
	g.Finish()
}

// fetchAhead fetches the next lines of the regions at ahead into the second cache. The fields lie as in type region of package
// gemm.
func (g generator) fetchAhead() {
	ahead := g.param("ahead")
	field := func(i int) operand.Mem { return operand.Mem{Base: ahead, Disp: 8 * i} }
	from, left, rows, lines, skip, each, size := field(0), field(1), field(2), field(3), field(4), field(5), 8*6
	n, at, some := g.GP64(), g.GP64(), g.GP64()
	g.MOVQ(each, n)
	g.Label("region")
	g.CMPQ(rows, operand.I8(0))
	g.JE(operand.LabelRef("ahead"))
	g.MOVQ(from, at)
	g.MOVQ(left, some)
	g.Label("line")
	g.PREFETCHT1(operand.Mem{Base: at})
	g.ADDQ(operand.I8(64), at)
	g.DECQ(some)
	g.JZ(operand.LabelRef("row"))
	g.DECQ(n)
	g.JNZ(operand.LabelRef("line"))
	g.JMP(operand.LabelRef("some"))
	g.Label("row")
	g.ADDQ(skip, at)
	g.MOVQ(lines, some)
	g.DECQ(rows)
	g.JZ(operand.LabelRef("done"))
	g.DECQ(n)
	g.JNZ(operand.LabelRef("line"))
	g.Label("some")
	g.MOVQ(at, from)
	g.MOVQ(some, left)
	g.JMP(operand.LabelRef("ahead"))
	g.Label("done")
	g.MOVQ(at, from)
	g.MOVQ(some, left)
	g.ADDQ(operand.I8(int8(size)), ahead)
	g.MOVQ(ahead, g.Address("ahead"))
	g.DECQ(n)
	g.JNZ(operand.LabelRef("region"))
	g.Label("ahead")
}

// term adds one product to each element.
func (g generator) term(sums [][]vectorasm.Vector, last mask, b operand.Mem, rowOf func(i int) operand.Mem) {
	rows, vectors := len(sums), len(sums[0])
	read := func(j int) vectorasm.Vector {
		if m := b.Offset(j * g.Width); !g.Wide() || j < vectors-1 {
			return g.Read(m)
		} else {
			v := g.Vec()
			g.readLast(m, last, v)
			return v
		}
	}
	if vectors > 2 { // few rows: a in registers, and b as it comes
		var x []vectorasm.Vector
		for i := range rows {
			x = append(x, g.repeat(rowOf(i)))
		}
		for j := range vectors {
			y := read(j)
			for i := range rows {
				g.fma(y, x[i], sums[i][j])
			}
		}
		return
	}
	var y []vectorasm.Vector
	for j := range vectors {
		y = append(y, read(j))
	}
	for i := range rows {
		if g.Wide() && vectors == 1 {
			g.fmaRepeated(rowOf(i), y[0], sums[i][0])
			continue
		}
		x := g.repeat(rowOf(i))
		for j := range vectors {
			g.fma(y[j], x, sums[i][j])
		}
	}
}

// rowsOfA returns where the next element of each row of a is, and the registers that move to the next column with it: one
// for each four rows.
func (g generator) rowsOfA(rows int) (at func(i int) operand.Mem, bases []reg.Register) {
	base, row := g.param("a"), g.param("aRow")
	bases = []reg.Register{base}
	row3 := row
	if rows > 3 {
		row3 = g.GP64()
		g.LEAQ(operand.Mem{Base: row, Index: row, Scale: 2}, row3)
	}
	for i := 4; i < rows; i += 4 {
		next := g.GP64()
		g.LEAQ(operand.Mem{Base: base, Index: row, Scale: 4}, next)
		base = next
		bases = append(bases, base)
	}
	return func(i int) operand.Mem {
		m := operand.Mem{Base: bases[i/4]}
		switch i % 4 {
		case 1:
			m.Index, m.Scale = row, 1
		case 2:
			m.Index, m.Scale = row, 2
		case 3:
			m.Index, m.Scale = row3, 1
		}
		return m
	}, bases
}

// below returns where the tile below begins.
func (g generator) below(rows int) reg.GPVirtual {
	at := g.GP64()
	g.IMUL3Q(operand.I8(int8(rows)), g.param("cRow"), at)
	g.ADDQ(g.Address("c"), at)
	return at
}

// start loads the tile, or clears the sums.
func (g generator) start(sums [][]vectorasm.Vector, last mask) {
	add := g.param("add")
	g.TESTQ(add, add)
	g.JZ(operand.LabelRef("clear"))
	g.eachPart("load", len(sums), last, len(sums[0]), func(i, j int, m operand.Mem, last *mask) {
		g.readPart(m, last, sums[i][j])
	})
	g.JMP(operand.LabelRef("started"))
	g.Label("clear")
	for _, row := range sums {
		for _, v := range row {
			if g.Wide() {
				g.VPXORD(v, v, v)
			} else {
				g.VXORPS(v, v, v)
			}
		}
	}
	g.Label("started")
}

// end stores the tile.
func (g generator) end(sums [][]vectorasm.Vector, last mask) {
	g.eachPart("store", len(sums), last, len(sums[0]), func(i, j int, m operand.Mem, last *mask) {
		g.writePart(sums[i][j], last, m)
	})
}

// eachPart emits f for the vectors of the tile. The last of a row has a mask with AVX-512; with AVX2, whose masks are slow,
// only if the row is not a full one.
func (g generator) eachPart(label string, rows int, last mask, vectors int, f func(i, j int, m operand.Mem, last *mask)) {
	each := func(last *mask) {
		c, row := g.param("c"), g.param("cRow")
		for i := range rows {
			for j := range vectors {
				m := operand.Mem{Base: c, Disp: j * g.Width}
				if j < vectors-1 {
					f(i, j, m, nil)
				} else {
					f(i, j, m, last)
				}
			}
			if i < rows-1 {
				g.ADDQ(row, c)
			}
		}
	}
	if g.Wide() {
		each(&last)
		return
	}
	width := g.param("width")
	g.CMPQ(width, operand.I32(vectors*g.lanes()))
	g.JE(operand.LabelRef(label + "Full"))
	last = g.lastMask(vectors, width)
	each(&last)
	g.JMP(operand.LabelRef(label + "Done"))
	g.Label(label + "Full")
	each(nil)
	g.Label(label + "Done")
}

// readPart loads a vector of the tile, which has a mask or none.
func (g generator) readPart(m operand.Mem, last *mask, v vectorasm.Vector) {
	if last == nil {
		g.VMOVUPS(m, v)
		return
	}
	g.readLast(m, *last, v)
}

// writePart stores a vector of the tile, which has a mask or none.
func (g generator) writePart(v vectorasm.Vector, last *mask, m operand.Mem) {
	if last == nil {
		g.VMOVUPS(v, m)
		return
	}
	g.writeLast(v, *last, m)
}
