package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/layernoise/layernoise/internal/elementary/coef"
)

// The methods below are the float32 functions of the same names in package elementary, operation by operation.

const sign = 1 << 31

// polynomial is Horner's rule, the highest power first.
func (k *kernel) polynomial(x vector, c ...float32) vector {
	y := k.plus(k.mulBy(x, c[0]), c[1])
	for _, c := range c[2:] {
		y = k.plus(k.Mul(y, x), c)
	}
	return y
}

// exponent is an integer in two forms: as a float, and in the low bits of the sum that rounded it.
type exponent struct{ whole, shifted vector }

// expPart is the function of that name; a nil rest is zero.
func (k *kernel) expPart(x, rest vector) (p vector, n exponent) {
	r, n := k.reduce(x, rest)
	return k.powerSeries(r), n
}

// reduce returns x + rest less the multiple of log 2 that is the exponent.
func (k *kernel) reduce(x, rest vector) (r vector, n exponent) {
	sum := x
	if rest != nil {
		sum = k.Add(x, rest)
	}
	shifted := k.plus(k.mulBy(sum, coef.Log2E), coef.Round)
	whole := k.minus(shifted, coef.Round)
	r = k.Sub(k.Sub(x, k.mulBy(whole, coef.Ln2High)), k.mulBy(whole, coef.Ln2Low))
	if rest != nil {
		r = k.Add(r, rest)
	}
	return r, exponent{whole, shifted}
}

// powerSeries is e^r - 1.
func (k *kernel) powerSeries(r vector) vector {
	q := k.polynomial(r, coef.Exp5, coef.Exp4, coef.Exp3, coef.Exp2, coef.Exp1, coef.Exp0)
	return k.Add(r, k.Mul(k.Mul(r, r), q))
}

func (k *kernel) exp(x vector) vector {
	p, n := k.expPart(k.atMost(k.atLeast(x, coef.ExpMin), coef.ExpMax), nil)
	return k.scale(k.plus(p, 1), n)
}

func (k *kernel) fall(x vector) vector {
	some := k.notBelow(x, coef.ExpTiny)
	p, n := k.expPart(some(x), nil)
	return some(k.scaleNormal(k.plus(p, 1), n))
}

// scale is one instruction with AVX-512, which also rounds once.
func (k *kernel) scale(x vector, n exponent) vector {
	if k.Wide() {
		return k.Op(k.VSCALEFPS, x, n.whole)
	}
	power := k.integer(n)
	half := k.Shift(k.VPSRAD, power, 1)
	return k.Mul(k.Mul(x, k.powerOf(half)), k.powerOf(k.Op(k.VPSUBD, power, half)))
}

// scaleNormal is scale for powers that are normal numbers.
func (k *kernel) scaleNormal(x vector, n exponent) vector {
	if k.Wide() {
		return k.scale(x, n)
	}
	return k.Mul(x, k.powerOf(k.integer(n)))
}

func (k *kernel) integer(n exponent) vector {
	return k.with(k.VPSUBD, k.VPSUBD_BCST, n.shifted, math.Float32bits(coef.Round))
}

func (k *kernel) powerOf(integer vector) vector {
	return k.Shift(k.VPSLLD, k.with(k.VPADDD, k.VPADDD_BCST, integer, 127), 23)
}

func (k *kernel) tanh(x vector) vector {
	a := k.atMost(k.and(x, sign-1), coef.TanhMax)
	p, n := k.expPart(k.Add(a, a), nil)
	power := k.powerOf(k.integer(n))
	e := k.Add(k.Mul(p, power), k.minus(power, 1))
	return k.orSign(k.div(e, k.plus(e, 2)), x)
}

// orSign is y, whose sign bit must be clear, with the sign bit of x.
func (k *kernel) orSign(y, x vector) vector {
	s := k.and(x, sign)
	if k.Wide() {
		return k.Op(k.VPORD, y, s)
	}
	return k.Op(narrow(k.VPOR), y, s)
}

// sigmoids emits the code of the second result when that is called.
func (k *kernel) sigmoids(x vector) (s vector, c func() vector) {
	pick := k.bySign(x)
	e := k.exp(k.or(x, sign))
	high := k.div(k.one, k.plus(e, 1))
	low := k.Mul(e, high)
	return pick(low, high), func() vector { return pick(high, low) }
}

// gelu, silu and geluTanh emit the code of the slope when that is called; m is where x is. They read x again instead of keeping
// it in a register.
func (k *kernel) gelu(x vector, m operand.Mem) (y vector, slope func() vector) {
	phi, density := k.normal(x)
	return k.Mul(phi, m), func() vector { return k.Add(phi, k.Mul(density(), m)) }
}

func (k *kernel) silu(x vector, m operand.Mem) (y vector, slope func() vector) {
	s, c := k.sigmoids(x)
	return k.Mul(s, m), func() vector { return k.Mul(s, k.plus(k.Mul(c(), m), 1)) }
}

func (k *kernel) geluTanh(x vector, m operand.Mem) (y vector, slope func() vector) {
	v := k.atMost(k.atLeast(x, -coef.CubicMax), coef.CubicMax)
	square := k.Mul(v, v)
	s, c := k.sigmoids(k.Mul(v, k.plus(k.mulBy(square, coef.Cubic3), coef.Cubic1)))
	return k.Mul(s, m), func() vector {
		lift := k.Mul(v, k.plus(k.mulBy(square, 3*coef.Cubic3), coef.Cubic1))
		return k.Add(s, k.Mul(k.Mul(lift, s), c()))
	}
}

// normal emits the code of the density when that is called. The exponential and the polynomial of the tail do not wait for each
// other.
func (k *kernel) normal(x vector) (phi vector, density func() vector) {
	pick := k.bySign(x)
	a := k.atMost(k.and(x, sign-1), coef.TailMax)
	u := k.div(k.one, k.plus(a, coef.TailPole))
	high := k.and(a, coef.High)
	rest := k.mulBy(k.Mul(k.Sub(high, a), k.Add(high, a)), 0.5)
	r, n := k.reduce(k.mulBy(k.Mul(high, high), -0.5), rest)
	var e, q vector
	k.Interleave(2, func(i int) {
		if i == 0 {
			e = k.scale(k.plus(k.powerSeries(r), 1), n)
		} else {
			q = k.polynomial(k.Mul(a, u), coef.Tail9, coef.Tail8, coef.Tail7, coef.Tail6, coef.Tail5, coef.Tail4,
				coef.Tail3, coef.Tail2, coef.Tail1, coef.Tail0)
		}
	})
	tail := k.Mul(k.Mul(q, u), e)
	return pick(tail, k.Sub(k.one, tail)), func() vector { return k.mulBy(e, coef.Density) }
}

// expSum writes exp((x - top) scale), as computed by fall, to y, and its eight sums to sums, and returns what they add up to.
func expSum(k *kernel) {
	n, y, x := k.Length("y"), k.Pointer("y"), k.Pointer("x")
	top, scale := k.Repeat(k.Address("top")), k.Repeat(k.Address("scale"))
	width := 4 // elements of float64 in the registers of the sums
	if k.Wide() {
		width = 8
	}
	var total []vector
	for i := 0; i < 8; i += width {
		t := k.Vec()
		k.VXORPS(t, t, t)
		total = append(total, t)
	}
	k.loop(n, func(at func(operand.Mem) operand.Mem) vector {
		e := k.fall(k.Mul(k.Sub(k.Read(at(x)), top), scale))
		k.Write(e, at(y))
		return e
	}, func(e vector) {
		low, high := k.Widen(e)
		for i, d := range []vector{low, high} {
			t := total[i%len(total)]
			k.VADDPD(d, t, t)
		}
	})
	sums := operand.Mem{Base: k.Load(k.Param("sums"), k.GP64())}
	for i, t := range total {
		k.Write(t, sums.Offset(8*width*i))
	}
	k.Store(k.fold(total), k.Return("total"))
	k.Finish()
}

// fold adds up eight sums.
func (k *kernel) fold(s []vector) reg.VecVirtual {
	quarter, half := k.XMM(), k.YMM()
	if k.Wide() {
		k.VEXTRACTF64X4(operand.U8(1), s[0], half)
	} else {
		k.VMOVAPS(s[1], half)
	}
	k.VADDPD(s[0].AsY(), half, half)
	k.VEXTRACTF128(operand.U8(1), half, quarter)
	k.VADDPD(half.AsX(), quarter, quarter)
	x := k.XMM()
	k.VUNPCKHPD(quarter, quarter, x)
	k.VADDSD(quarter, x, x)
	return x
}
