package main

import (
	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// descends reports whether tiles of so many vectors can be a gradient: those of which large products are made.
func (g generator) descends(vectors int) bool { return g.size == 4 && vectors <= 2 }

// descends is the field of the table for an element.
func descends(e element) string {
	if e.size == 4 {
		return " descends: true,"
	}
	return ""
}

// descent is the fields of type descent of package gemm.
type descent struct{ at reg.GPVirtual }

func (d descent) field(i int) operand.Mem { return operand.Mem{Base: d.at, Disp: i} }
func (d descent) velocity() operand.Mem   { return d.field(0) }
func (d descent) rate() operand.Mem       { return d.field(8) }
func (d descent) momentum() operand.Mem   { return d.field(12) }
func (d descent) decay() operand.Mem      { return d.field(16) }

// fetchVelocity fetches the velocities for a row of the tile below, and the last line of the weights: a row need not begin
// where a line does.
func (g generator) fetchVelocity(below reg.GPVirtual, vectors int) {
	d := descent{g.param("descent")}
	g.TESTQ(d.at, d.at)
	g.JZ(operand.LabelRef("still"))
	v := g.GP64()
	g.MOVQ(d.velocity(), v)
	for at := 0; at <= vectors*g.Width; at += 64 {
		g.PREFETCHT0(operand.Mem{Base: below, Index: v, Scale: 1, Disp: min(at, vectors*g.Width-1)})
	}
	g.PREFETCHT0(operand.Mem{Base: below, Disp: vectors*g.Width - 1})
	g.Label("still")
}

// descend makes a step with the sums, the gradient of the weights in the tile.
func (g generator) descend(sums [][]vectorasm.Vector, last mask) {
	d := descent{g.param("descent")}
	v := g.GP64()
	g.MOVQ(d.velocity(), v)
	g.eachPart("descend", len(sums), last, len(sums[0]), func(i, j int, w operand.Mem, last *mask) {
		velocity := w
		velocity.Index, velocity.Scale = v, 1
		sum, x, y := sums[i][j], g.Vec(), g.Vec()
		g.readPart(w, last, x)
		g.multiply(d.decay(), x, y)
		g.VADDPS(y, sum, sum)
		g.readPart(velocity, last, y)
		g.multiply(d.momentum(), y, y)
		g.VADDPS(sum, y, sum)
		g.writePart(sum, last, velocity)
		g.multiply(d.rate(), sum, sum)
		g.VSUBPS(sum, x, x)
		g.writePart(x, last, w)
	})
}

// multiply sets y to x times the number at m.
func (g generator) multiply(m operand.Mem, x, y vectorasm.Vector) {
	if g.Wide() {
		g.VMULPS_BCST(m, x, y)
		return
	}
	g.VMULPS(g.repeat(m), x, y)
}
