package main

import (
	"math"

	"github.com/layernoise/layernoise/internal/noise/coef"
)

// uniform emits addUniform.
func uniform(a *applier) {
	a.keep(1, math.Float32bits(coef.UniformStep))
	a.loop(5, 32, func() {
		for i := 0; i < 32; i += a.Lanes() {
			w := a.Shift(a.VPSRAD, a.Read(a.words.Offset(4*i)), 7)
			a.addUnit(a.Mul(a.toFloat(a.or(w, a.all(1))), a.num(coef.UniformStep)), i)
		}
	})
}
