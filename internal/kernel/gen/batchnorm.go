package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The parameters that loops of a batch norm share.
const (
	normPlanes = "p struct{size, stride, count int}, "
	normLine   = normPlanes + "mean, a, b float32, "
)

// batchNorm emits the loops over the planes of a channel.
func (g *generator) batchNorm() {
	g.sums("moments", "x []float32, "+normPlanes+"pivot float32) (total, square float64")
	pivot := g.number("pivot")
	total, square := g.doubleZero(), g.doubleZero()
	g.overPlanes([]string{"x"}, func(c columns, x []operand.Mem) {
		d := g.doubles(c.there(g.Sub(c.load(x[0]), pivot)))
		for i, d := range d {
			g.VADDPD(d, total[i], total[i])
			g.VFMADD231PD(d, d, square[i])
		}
	})
	g.doubleResult(total, "total")
	g.doubleResult(square, "square")
	g.Finish()

	g.function("normForward", "y, x []float32, "+normLine+"low float32")
	l, low := g.line(), g.number("low")
	g.overPlanes([]string{"y", "x"}, func(c columns, x []operand.Mem) {
		_, y := l.at(c.load(x[1]))
		c.store(g.Op(g.VMAXPS, low, y), x[0])
	})
	g.Finish()

	g.function("normJoin", "y, x, residual []float32, "+normLine+"low float32")
	l, low = g.line(), g.number("low")
	g.overPlanes([]string{"y", "x", "residual"}, func(c columns, x []operand.Mem) {
		_, y := l.at(c.load(x[1]))
		c.store(g.Op(g.VMAXPS, low, g.Add(y, c.load(x[2]))), x[0])
	})
	g.Finish()

	g.sums("normSums", "dy, x []float32, "+normLine+"keep uint32) (total, moment float64")
	l = g.line()
	keep, zero := g.number("keep"), g.zero()
	total, moment := g.doubleZero(), g.doubleZero()
	g.overPlanes([]string{"dy", "x"}, func(c columns, x []operand.Mem) {
		d, y := l.at(c.load(x[1]))
		dys, ds := g.doubles(g.positive(c.load(x[0]), y, zero, keep)), g.doubles(d)
		for i, dy := range dys {
			g.VADDPD(dy, total[i], total[i])
			g.VFMADD231PD(dy, ds[i], moment[i])
		}
	})
	g.doubleResult(total, "total")
	g.doubleResult(moment, "moment")
	g.Finish()

	g.function("normGrad", "dx, dy, x []float32, "+normLine+"dyMean, slope float32, keep uint32")
	l = g.line()
	dyMean, slope := g.number("dyMean"), g.number("slope")
	keep, zero = g.number("keep"), g.zero()
	g.overPlanes([]string{"dx", "dy", "x"}, func(c columns, x []operand.Mem) {
		d, y := l.at(c.load(x[2]))
		dy := g.positive(c.load(x[1]), y, zero, keep)
		c.store(g.Mul(g.Sub(g.Sub(dy, dyMean), g.Mul(d, slope)), l.a), x[0])
	})
	g.Finish()
}

// positive is dy where y is positive or keep has all bits set, and zero elsewhere.
func (g *generator) positive(dy, y, zero, keep vector) vector {
	if !g.Masks() {
		return g.Op(g.VANDPS, g.Op(g.VORPS, g.Op(g.VPCMPGTD, y, zero), keep), dy)
	}
	on, all, v := g.K(), g.K(), g.Vec()
	g.VPCMPGTD(zero, y, on)
	g.VPMOVD2M(keep, all)
	g.KORW(all, on, on)
	g.VMOVAPS_Z(dy, on, v)
	return v
}

// overPlanes emits body for the planes in the slices named.
func (g *generator) overPlanes(slices []string, body func(c columns, x []operand.Mem)) {
	var bases []reg.Register
	for _, name := range slices {
		bases = append(bases, g.Pointer(name).Base)
	}
	field := func(name string) reg.Register { return g.Load(g.Param("p").Field(name), g.GP64()) }
	size, stride, count := field("size"), field("stride"), field("count")

	// What lies two planes ahead is fetched, behind the last two what begins the next channel: planes are in different pages
	// of memory, where the processor does not look ahead by itself.
	ahead, back := g.copyOf(stride), g.copyOf(count)
	g.ADDQ(stride, ahead)
	g.NEGQ(back)
	g.ADDQ(operand.I8(2), back)
	g.IMULQ(stride, back)
	g.ADDQ(size, back)

	mask := g.lastColumns(size)
	g.Label("plane")
	next := g.copyOf(ahead)
	g.CMPQ(count, operand.I8(2))
	g.CMOVQLE(back, next)
	g.columnsOf(g.copyOf(size), mask, func(c columns) {
		var x []operand.Mem
		for _, b := range bases {
			g.PREFETCHT0(operand.Mem{Base: b, Index: next, Scale: 4})
			x = append(x, c.of(b))
		}
		body(c, x)
	}, func() { g.ADDQ(operand.I8(g.Lanes()), next) })
	for _, b := range bases {
		g.LEAQ(operand.Mem{Base: b, Index: stride, Scale: 4}, b)
	}
	g.DECQ(count)
	g.JNZ(operand.LabelRef("plane"))
}

// line is the function a*(x - mean) + b.
type line struct {
	*generator
	mean, a, b vector
}

// line loads the parameters of that name.
func (g *generator) line() line { return line{g, g.number("mean"), g.number("a"), g.number("b")} }

// at returns x - mean and the function's value.
func (l line) at(x vector) (d, y vector) {
	d = l.Sub(x, l.mean)
	return d, l.Add(l.Mul(d, l.a), l.b)
}

// double is eight numbers in float64: two registers, or one of AVX-512.
type double []vector

func (g *generator) newDouble() double {
	if g.Masks() {
		return double{g.ZMM()}
	}
	return double{g.YMM(), g.YMM()}
}

func (g *generator) doubleZero() double {
	d := g.newDouble()
	for _, v := range d {
		g.VXORPS(v, v, v)
	}
	return d
}

// doubles converts to float64.
func (g *generator) doubles(v vector) double {
	d := g.newDouble()
	if len(d) == 1 {
		g.VCVTPS2PD(v, d[0])
		return d
	}
	high := g.XMM()
	g.VEXTRACTF128(operand.U8(1), v, high)
	g.VCVTPS2PD(v.AsX(), d[0])
	g.VCVTPS2PD(high, d[1])
	return d
}

// doubleResult adds up the lanes of v as result does.
func (g *generator) doubleResult(v double, name string) {
	four, x, y := g.YMM(), g.XMM(), g.XMM()
	if len(v) == 1 {
		g.VEXTRACTF64X4(operand.U8(1), v[0], four)
		g.VADDPD(four, v[0].AsY(), four)
	} else {
		g.VADDPD(v[1], v[0], four)
	}
	g.VEXTRACTF128(operand.U8(1), four, x)
	g.VADDPD(x, four.AsX(), x)
	g.VPERMILPD(operand.U8(1), x, y)
	g.VADDSD(y, x, x)
	g.Store(x, g.Return(name))
}
