package elementary

import (
	"math"

	"github.com/layernoise/layernoise/internal/elementary/coef"
)

const sign32 = 1 << 31

// Exp32 is e^x.
func Exp32(x float32) float32 {
	p, k := expPart32(min(max(x, coef.ExpMin), coef.ExpMax), 0)
	return scale32(1+p, k)
}

// fall32 is e^x for x <= 0, and zero where that would be (nearly) denormal: processors take a hundred times as long for
// denormal numbers, and a softmax has no use for them.
func fall32(x float32) float32 {
	if x < coef.ExpTiny {
		return 0
	}
	p, k := expPart32(x, 0)
	return (1 + p) * power32(k)
}

// expPart32 returns e^(x + rest) as (1 + p) 2^k. rest is small beside 1, and ExpMin <= x <= ExpMax.
func expPart32(x, rest float32) (p float32, k int32) {
	shifted := float32((x+rest)*coef.Log2E) + coef.Round
	k = int32(math.Float32bits(shifted) - math.Float32bits(coef.Round))
	whole := shifted - coef.Round
	r := x - float32(whole*coef.Ln2High) - float32(whole*coef.Ln2Low) + rest
	q := float32(r*coef.Exp5) + coef.Exp4
	q = float32(q*r) + coef.Exp3
	q = float32(q*r) + coef.Exp2
	q = float32(q*r) + coef.Exp1
	q = float32(q*r) + coef.Exp0
	return r + float32(float32(r*r)*q), k
}

// scale32 is x 2^k, in two steps, so that it is rounded once where the result is denormal. |k| <= 252.
func scale32(x float32, k int32) float32 {
	half := k >> 1
	return float32(x*power32(half)) * power32(k-half)
}

// power32 is 2^k for -127 < k < 128.
func power32(k int32) float32 { return math.Float32frombits(uint32(k+127) << 23) }

// Tanh32 is the hyperbolic tangent, from e^2|x| - 1 = 2^k p + (2^k - 1).
func Tanh32(x float32) float32 {
	bits := math.Float32bits(x)
	a := min(math.Float32frombits(bits&^sign32), coef.TanhMax)
	p, k := expPart32(a+a, 0)
	power := power32(k)
	e := float32(p*power) + (power - 1)
	return math.Float32frombits(math.Float32bits(e/(e+2)) | bits&sign32)
}

// Sigmoid32 is the logistic function 1/(1 + e^-x).
func Sigmoid32(x float32) float32 {
	s, _ := sigmoids32(x)
	return s
}

// sigmoids32 is the logistic function of x and of -x, neither with cancellation.
func sigmoids32(x float32) (s, c float32) {
	bits := math.Float32bits(x)
	e := Exp32(math.Float32frombits(bits | sign32))
	high := 1 / (1 + e)
	low := float32(e * high)
	if bits&sign32 != 0 {
		return low, high
	}
	return high, low
}

// NormalCDF32 is the standard normal distribution function.
func NormalCDF32(x float32) float32 {
	phi, _ := normal32(x)
	return phi
}

// normal32 is the standard normal distribution function and its density. a^2/2 is split into two parts, because the rounding
// of a large exponent would cost many ulp in the result.
func normal32(x float32) (phi, density float32) {
	bits := math.Float32bits(x)
	a := min(math.Float32frombits(bits&^sign32), coef.TailMax)
	high := math.Float32frombits(math.Float32bits(a) & coef.High)
	p, k := expPart32(float32(high*high)*-0.5, float32((high-a)*(high+a))*0.5)
	e := scale32(1+p, k)
	u := 1 / (a + coef.TailPole)
	t := float32(a * u)
	q := float32(t*coef.Tail9) + coef.Tail8
	q = float32(q*t) + coef.Tail7
	q = float32(q*t) + coef.Tail6
	q = float32(q*t) + coef.Tail5
	q = float32(q*t) + coef.Tail4
	q = float32(q*t) + coef.Tail3
	q = float32(q*t) + coef.Tail2
	q = float32(q*t) + coef.Tail1
	q = float32(q*t) + coef.Tail0
	tail := float32(float32(q*u) * e)
	density = float32(e * coef.Density)
	if bits&sign32 != 0 {
		return tail, density
	}
	return 1 - tail, density
}
