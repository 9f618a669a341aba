package main

import (
	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/operand"
)

// dotRows is how many rows the dot products are of that a kernel computes at once: as
// many chains as hide the time that a multiply-add takes.
const dotRows = 32

// dots adds the dot products of rows of b with a vector to sums, in the order of
// k, for as many columns as 16 bytes hold times groups. Columns of the rows are
// brought together in registers, a vector of sums at a time.
func (g generator) dots() {
	sums, x, rows, groups := g.param("sums"), g.param("x"), g.param("rows"), g.param("groups")
	n := dotRows / g.lanes()
	total := make([]vectorasm.Vector, n)
	for i := range total {
		total[i] = g.Read(operand.Mem{Base: sums, Disp: i * g.Width})
	}
	at := g.GP64()
	g.XORQ(at, at)
	g.Label("group")
	for i := range n {
		for c, v := range g.columns(rows, i*g.lanes(), at) {
			g.fma(v, g.repeat(operand.Mem{Base: x, Index: at, Scale: 1, Disp: c * g.size}), total[i])
		}
	}
	g.ADDQ(operand.I8(16), at)
	g.DECQ(groups)
	g.JNZ(operand.LabelRef("group"))
	for i, v := range total {
		g.Write(v, operand.Mem{Base: sums, Disp: i * g.Width})
	}
	g.Finish()
}
