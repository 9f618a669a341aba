package main

import (
	"math"

	"github.com/layernoise/layernoise/internal/noise/coef"
)

const (
	signBit  = 1 << 31
	absBits  = signBit - 1
	fraction = 1<<23 - 1 // of a float32
)

var one = math.Float32bits(1)

// gaussian emits addGaussian, operation by operation.
func gaussian(a *applier) {
	a.keep(1, signBit, absBits, absBits-coef.Top, fraction, one)
	for _, c := range []float32{
		coef.LogStep, coef.Turn, coef.P0, coef.P1, coef.P2, coef.P3, coef.P4, coef.P5, coef.P6,
		coef.S0, coef.S1, coef.S2, coef.S3, coef.C0, coef.C1, coef.C2, coef.C3,
	} {
		a.keep(math.Float32bits(c))
	}
	a.loop(5, 32, func() {
		a.interleave(16/a.lanes(), func(i int) {
			lane := i * a.lanes()
			cos, sin := a.boxMuller(lane)
			a.addUnit(cos, lane)
			a.addUnit(sin, 16+lane)
		})
	})
}

// boxMuller is the function of that name, for the lanes from number lane on.
func (a *applier) boxMuller(lane int) (cos, sin vector) {
	w := a.words.Offset(4 * lane)
	var r vector
	a.interleave(2, func(i int) {
		if i == 0 {
			r = a.radius(a.load(w))
		} else {
			cos, sin = a.angle(a.load(w.Offset(64)))
		}
	})
	sin = a.mul(sin, r)
	cos = a.mul(cos, a.xorAnd(r, a.load(w), a.all(signBit)))
	return cos, sin
}

// angle is the cosine and the sine of the angle of w.
func (a *applier) angle(w vector) (cos, sin vector) {
	x := a.mul(a.toFloat(w), a.num(coef.Turn))
	q := a.mul(x, x)
	s := a.polynomial(q, coef.S3, coef.S2, coef.S1, coef.S0)
	c := a.polynomial(q, coef.C3, coef.C2, coef.C1, coef.C0)
	return a.add(a.mul(q, c), a.all(one)), a.mul(x, s)
}

// radius is the function of that name.
func (a *applier) radius(w vector) vector {
	f := a.toFloat(a.or(w, a.all(1)))
	// top - |f|, as the complement of |f| less the complement of top.
	n := a.subWords(a.not(f, a.all(absBits)), a.all(absBits-coef.Top))
	log := a.mul(a.toFloat(n), a.num(coef.LogStep))
	v := a.sub(a.andOr(n, a.all(fraction), a.all(one)), a.all(one))
	p := a.polynomial(v, coef.P6, coef.P5, coef.P4, coef.P3, coef.P2, coef.P1, coef.P0)
	return a.sqrt(a.add(log, a.mul(v, p)))
}

// polynomial is Horner's rule, the highest power first, each operation rounded.
func (a *applier) polynomial(x vector, highest float32, rest ...float32) vector {
	v := a.mul(x, a.num(highest))
	for i, c := range rest {
		if i > 0 {
			v = a.mul(v, x)
		}
		v = a.add(v, a.num(c))
	}
	return v
}
