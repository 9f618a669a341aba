package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// flat emits the loops over slices of the same length, eight elements at a time.
func (g *generator) flat() {
	g.gate()
	g.lines()
	if !g.Wide() {
		g.sum()
	}
	g.gatedSums()
	g.updates()
}

// overSlices emits body for the slices named, the first of which counts the elements. numbers are loaded into all lanes
// before.
func (g *generator) overSlices(slices, numbers []string, body func(c columns, x []operand.Mem, v []vector)) {
	n := g.Length(slices[0])
	var bases []reg.Register
	for _, name := range slices {
		bases = append(bases, g.Pointer(name).Base)
	}
	var v []vector
	for _, name := range numbers {
		v = append(v, g.number(name))
	}
	g.columns(n, func(c columns) {
		var x []operand.Mem
		for _, b := range bases {
			x = append(x, c.of(b))
		}
		body(c, x, v)
	}, func() {})
}

// gate emits gate32.
func (g *generator) gate() {
	g.function("gate32", "dx, y, dy []uint32")
	zero := g.zero()
	g.overSlices([]string{"dx", "y", "dy"}, nil, func(c columns, x []operand.Mem, _ []vector) {
		c.store(g.where(c, x[1], x[2], zero), x[0])
	})
	g.Finish()
}

// where loads the elements at x where those at y are not zero.
func (g *generator) where(c columns, y, x operand.Mem, zero vector) vector {
	if !g.Masks() {
		return g.Op(g.VANDNPS, g.Op(g.VPCMPEQD, c.load(y), zero), c.load(x))
	}
	on, at, v := g.K(), c.load(y), g.Vec()
	g.VPTESTMD(at, at, on)
	g.VMOVUPS_Z(x, on, v)
	return v
}

func (g *generator) zero() vector {
	v := g.Vec()
	g.VXORPS(v, v, v)
	return v
}

// lines emits what is linear in each element.
func (g *generator) lines() {
	g.function("addClip", "y, x []float32, v, low float32")
	g.overSlices([]string{"y", "x"}, []string{"v", "low"}, func(c columns, x []operand.Mem, v []vector) {
		c.store(g.Op(g.VMAXPS, v[1], g.Add(c.load(x[1]), v[0])), x[0])
	})
	g.Finish()

	g.clipRows()

	g.function("dropout", "y, x []float32, words []uint32, threshold uint32, scale float32")
	g.overSlices([]string{"y", "x", "words"}, []string{"threshold", "scale"}, func(c columns, x []operand.Mem, v []vector) {
		word, y := c.load(x[2]), g.Mul(c.load(x[1]), v[1])
		if g.Masks() {
			const notLess = 5
			kept := g.K()
			g.VPCMPUD(operand.U8(notLess), v[0], word, kept)
			g.VMOVAPS_Z(y, kept, y)
		} else {
			y = g.Op(g.VANDPS, g.Op(g.VPCMPEQD, g.Op(g.VPMAXUD, word, v[0]), word), y)
		}
		c.store(y, x[0])
	})
	g.Finish()

	g.function("sumClip", "z, x, y []float32, low float32")
	zero := g.zero()
	g.overSlices([]string{"z", "x", "y"}, []string{"low"}, func(c columns, x []operand.Mem, v []vector) {
		c.store(g.Op(g.VMAXPS, v[0], g.Add(g.Add(c.load(x[1]), c.load(x[2])), zero)), x[0])
	})
	g.Finish()
}

// clipRows emits addClip for rows that lie apart.
func (g *generator) clipRows() {
	g.function("clipRows", "y []float32, yStride int, x []float32, xStride, width, rows int, v, low float32")
	y, x := g.Pointer("y").Base, g.Pointer("x").Base
	yStride, xStride, width, rows := g.bytes("yStride"), g.bytes("xStride"), g.value("width"), g.value("rows")
	v, low, mask := g.number("v"), g.number("low"), g.lastColumns(width)
	g.Label("row")
	g.columnsOf(g.copyOf(width), mask, func(c columns) {
		c.store(g.Op(g.VMAXPS, low, g.Add(c.load(c.of(x)), v)), c.of(y))
	}, func() {})
	g.ADDQ(yStride, y)
	g.ADDQ(xStride, x)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	g.Finish()
}

// sum emits sum.
func (g *generator) sum() {
	g.function("sum", "x []float32) (total float32")
	total := g.zero()
	g.overSlices([]string{"x"}, nil, func(c columns, x []operand.Mem, _ []vector) {
		g.VADDPS(c.load(x[0]), total, total)
	})
	g.result(total, "total")
	g.Finish()
}

// gatedSums emits gatedSums.
func (g *generator) gatedSums() {
	g.sums("gatedSums", "s []float64, dy, y []float32, width int")
	s, dy, y, width := g.Pointer("s"), g.Pointer("dy").Base, g.Pointer("y").Base, g.value("width")
	zero, mask := g.zero(), g.lastColumns(width)
	g.eachRow("s", func(row reg.Register) {
		total := g.zero()
		g.columnsOf(g.copyOf(width), mask, func(c columns) {
			const ahead = 1024 // bytes: both come from memory
			g.PREFETCHT0(c.of(y).Offset(ahead))
			g.PREFETCHT0(c.of(dy).Offset(ahead))
			g.VADDPS(g.where(c, c.of(y), c.of(dy), zero), total, total)
		}, func() {})
		sum, sum64 := g.lanesSum(total), g.XMM()
		g.VCVTSS2SD(sum, sum, sum64)
		g.VADDSD(s.Idx(row, 8), sum64, sum64)
		g.VMOVSD(sum64, s.Idx(row, 8))
		for _, line := range []reg.Register{dy, y} {
			g.LEAQ(operand.Mem{Base: line, Index: width, Scale: 4}, line)
		}
	})
	g.Finish()
}

// result returns the sum of the lanes of v.
func (g *generator) result(v vector, name string) { g.Store(g.lanesSum(v), g.Return(name)) }

// lanesSum adds up the lanes of v: i and i+4, then i and i+2, then both.
func (g *generator) lanesSum(v vector) reg.VecVirtual {
	x := g.XMM()
	g.VEXTRACTF128(operand.U8(1), v, x)
	g.VADDPS(v.AsX(), x, x)
	y := g.XMM()
	g.VMOVHLPS(x, x, y)
	g.VADDPS(y, x, x)
	g.VMOVSHDUP(x, y)
	g.VADDSS(y, x, x)
	return x
}

// updates emits the steps of the optimisers, which clear the gradient g.
func (g *generator) updates() {
	g.function("sgd", "w, g []float32, rate, decay float32")
	zero := g.zero()
	g.overSlices([]string{"w", "g"}, []string{"rate", "decay"}, func(c columns, x []operand.Mem, v []vector) {
		w := c.load(x[0])
		d := g.Add(c.load(x[1]), g.Mul(w, v[1]))
		c.store(g.Sub(w, g.Mul(d, v[0])), x[0])
		c.store(zero, x[1])
	})
	g.Finish()

	for _, nesterov := range []bool{false, true} {
		g.function(map[bool]string{false: "sgdMomentum", true: "sgdNesterov"}[nesterov], "w, g, v []float32, rate, momentum, decay float32")
		zero := g.zero()
		g.overSlices([]string{"w", "g", "v"}, []string{"rate", "momentum", "decay"}, func(c columns, x []operand.Mem, v []vector) {
			w := c.load(x[0])
			d := g.Add(c.load(x[1]), g.Mul(w, v[2]))
			u := g.Add(g.Mul(c.load(x[2]), v[1]), d)
			c.store(u, x[2])
			if nesterov {
				u = g.Add(d, g.Mul(u, v[1]))
			}
			c.store(g.Sub(w, g.Mul(u, v[0])), x[0])
			c.store(zero, x[1])
		})
		g.Finish()
	}

	g.function("adam", "w, g, m, v []float32, s *[9]float32")
	s := g.value("s")
	var k [9]vector // the fields of AdamStep
	for i := range k {
		k[i] = g.Vec()
		g.VBROADCASTSS(operand.Mem{Base: s, Disp: 4 * i}, k[i])
	}
	rate, beta1, beta2, omit1, omit2, root2, eps, decay, shrink := k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8]
	zero = g.zero()
	g.overSlices([]string{"w", "g", "m", "v"}, nil, func(c columns, x []operand.Mem, _ []vector) {
		w := g.Mul(c.load(x[0]), shrink)
		d := g.Add(c.load(x[1]), g.Mul(w, decay))
		c.store(zero, x[1])
		first := g.Add(g.Mul(c.load(x[2]), beta1), g.Mul(d, omit1))
		c.store(first, x[2])
		second := g.Add(g.Mul(c.load(x[3]), beta2), g.Mul(g.Mul(d, omit2), d))
		c.store(second, x[3])
		root := g.Vec()
		g.VSQRTPS(second, root)
		below := g.Add(g.Op(g.VDIVPS, root, root2), eps)
		c.store(g.Sub(w, g.Op(g.VDIVPS, g.Mul(first, rate), below)), x[0])
	})
	g.Finish()
}
