package main

import (
	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/operand"
)

// dotRows is how many rows the dot products are of that a kernel computes at once: as many chains as hide the time that a
// multiply-add takes.
const dotRows = 32

// dots adds the dot products of rows of b with a vector to sums, in the order of k, for as many columns as 16 bytes hold
// times groups. Columns of the rows are brought together in registers, a vector of sums at a time.
func (g generator) dots() {
	sums, x, b, row, groups := g.param("sums"), g.param("x"), g.param("b"), g.param("bRow"), g.param("groups")
	n := dotRows / g.lanes()
	total := make([]vectorasm.Vector, n)
	for i := range total {
		total[i] = g.Read(operand.Mem{Base: sums, Disp: i * g.Width})
	}
	row3, four := g.GP64(), g.GP64()
	g.LEAQ(operand.Mem{Base: row, Index: row, Scale: 2}, row3)
	eachRow := func(f func(i, r int, m operand.Mem)) { // row r of those of a vector of sums
		for r := range dotRows {
			switch {
			case r == 0:
				g.MOVQ(b, four)
			case r%4 == 0:
				g.LEAQ(operand.Mem{Base: four, Index: row, Scale: 4}, four)
			}
			m := operand.Mem{Base: four}
			switch r % 4 {
			case 1:
				m.Index, m.Scale = row, 1
			case 2:
				m.Index, m.Scale = row, 2
			case 3:
				m.Index, m.Scale = row3, 1
			}
			f(r/g.lanes(), r%g.lanes(), m)
		}
	}
	add := func(i int, columns []vectorasm.Vector) {
		for c, v := range columns {
			g.fma(v, g.repeat(operand.Mem{Base: x, Disp: c * g.size}), total[i])
		}
	}
	next := func(bytes int) {
		g.ADDQ(operand.I8(bytes), b)
		g.ADDQ(operand.I8(bytes), x)
	}
	quarters := g.quarters()
	line := func() {
		v := make([]vectorasm.Vector, g.lanes())
		eachRow(func(i, r int, m operand.Mem) {
			if v[r] = g.Read(m); r == g.lanes()-1 {
				add(i, g.transposedLines(v))
			}
		})
		next(64)
	}
	if !g.Wide() {
		line = nil
	}
	g.lines(groups, line, func() {
		v := make([]vectorasm.Vector, 16/g.size)
		eachRow(func(i, r int, m operand.Mem) {
			if g.part(v, r, m, quarters); r == g.lanes()-1 {
				add(i, g.transposed(v))
			}
		})
		next(16)
	})
	for i, v := range total {
		g.Write(v, operand.Mem{Base: sums, Disp: i * g.Width})
	}
	g.Finish()
}
