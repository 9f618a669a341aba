package main

import "github.com/mmcloughlin/avo/operand"

// rowNorm emits the loops over a row of a layer norm.
func (g *generator) rowNorm() {
	line := []string{"mean", "a", "c"}
	at := func(x vector, v []vector) vector { return g.Add(g.Mul(g.Sub(x, v[0]), v[1]), v[2]) }

	g.function("rowNorm", "y, x, gain, bias []float32, mean, a, c float32")
	g.overSlices([]string{"y", "x", "gain", "bias"}, line, func(c columns, x []operand.Mem, v []vector) {
		h := at(c.load(x[1]), v)
		c.store(g.Add(g.Mul(h, c.load(x[2])), c.load(x[3])), x[0])
	})
	g.Finish()

	g.sums("rowNormSums", "dy, x, gain []float32, mean, a, c float32) (total, moment float64")
	total, moment := g.doubleZero(), g.doubleZero()
	g.overSlices([]string{"dy", "x", "gain"}, line, func(c columns, x []operand.Mem, v []vector) {
		h := g.doubles(c.there(at(c.load(x[1]), v)))
		for i, u := range g.doubles(g.Mul(c.load(x[0]), c.load(x[2]))) {
			g.VADDPD(u, total[i], total[i])
			g.VFMADD231PD(u, h[i], moment[i])
		}
	})
	g.doubleResult(total, "total")
	g.doubleResult(moment, "moment")
	g.Finish()

	g.function("rowNormGrad", "dx, dy, x, gain, dgain, dbias []float32, mean, a, c, mean1, mean2 float32")
	g.overSlices([]string{"dx", "dy", "x", "gain", "dgain", "dbias"}, append(line, "mean1", "mean2"), func(c columns, x []operand.Mem, v []vector) {
		u, h := c.load(x[1]), at(c.load(x[2]), v)
		c.store(g.Add(c.load(x[4]), g.Mul(u, h)), x[4])
		c.store(g.Add(c.load(x[5]), u), x[5])
		c.store(g.Mul(g.Sub(g.Sub(g.Mul(u, c.load(x[3])), v[3]), g.Mul(h, v[4])), v[1]), x[0])
	})
	g.Finish()
}
