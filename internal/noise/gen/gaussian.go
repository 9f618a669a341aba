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
		a.Interleave(16/a.Lanes(), func(i int) {
			lane := i * a.Lanes()
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
	a.Interleave(2, func(i int) {
		if i == 0 {
			r = a.radius(a.Read(w))
		} else {
			cos, sin = a.angle(a.Read(w.Offset(64)))
		}
	})
	sin = a.Mul(sin, r)
	cos = a.Mul(cos, a.xorAnd(r, a.Read(w), a.all(signBit)))
	return cos, sin
}

// angle is the cosine and the sine of the angle of w.
func (a *applier) angle(w vector) (cos, sin vector) {
	x := a.Mul(a.toFloat(w), a.num(coef.Turn))
	q := a.Mul(x, x)
	s := a.polynomial(q, coef.S3, coef.S2, coef.S1, coef.S0)
	c := a.polynomial(q, coef.C3, coef.C2, coef.C1, coef.C0)
	return a.Add(a.Mul(q, c), a.all(one)), a.Mul(x, s)
}

// radius is the function of that name.
func (a *applier) radius(w vector) vector {
	f := a.toFloat(a.or(w, a.all(1)))
	// top - |f|, as the complement of |f| less the complement of top.
	n := a.subWords(a.not(f, a.all(absBits)), a.all(absBits-coef.Top))
	log := a.Mul(a.toFloat(n), a.num(coef.LogStep))
	v := a.Sub(a.andOr(n, a.all(fraction), a.all(one)), a.all(one))
	p := a.polynomial(v, coef.P6, coef.P5, coef.P4, coef.P3, coef.P2, coef.P1, coef.P0)
	return a.sqrt(a.Add(log, a.Mul(v, p)))
}

// polynomial is Horner's rule, the highest power first, each operation rounded.
func (a *applier) polynomial(x vector, highest float32, rest ...float32) vector {
	v := a.Mul(x, a.num(highest))
	for i, c := range rest {
		if i > 0 {
			v = a.Mul(v, x)
		}
		v = a.Add(v, a.num(c))
	}
	return v
}
