package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// attention emits the loops over rows of scores and of heads.
func (g *generator) attention() {
	g.function("top", "x []float32) (m float32")
	least := g.Repeat(g.table.Number(float32(math.Inf(-1))))
	m := g.YMM()
	g.VMOVAPS(least, m)
	g.overSlices([]string{"x"}, nil, func(c columns, x []operand.Mem, _ []vector) {
		v := c.load(x[0])
		if c.mask != nil {
			g.VBLENDVPS(c.mask, v, least, v)
		}
		g.VMAXPS(m, v, m) // m where v is NaN
	})
	x, y := g.XMM(), g.XMM()
	g.VEXTRACTF128(operand.U8(1), m, x)
	g.VMAXPS(m.AsX(), x, x)
	g.VMOVHLPS(x, x, y)
	g.VMAXPS(y, x, x)
	g.VMOVSHDUP(x, y)
	g.VMAXSS(y, x, x)
	g.Store(x, g.Return("m"))
	g.Finish()

	g.function("times", "y, x []float32, a float32")
	g.overSlices([]string{"y", "x"}, []string{"a"}, func(c columns, x []operand.Mem, v []vector) {
		c.store(g.Mul(c.load(x[1]), v[0]), x[0])
	})
	g.Finish()

	g.function("slope", "ds, p, dp []float32, d float32")
	g.overSlices([]string{"ds", "p", "dp"}, []string{"d"}, func(c columns, x []operand.Mem, v []vector) {
		c.store(g.Mul(c.load(x[1]), g.Sub(c.load(x[2]), v[0])), x[0])
	})
	g.Finish()
}
