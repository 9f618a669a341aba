package noise

import (
	"math"

	"github.com/layernoise/layernoise/internal/noise/coef"
)

// addGaussian makes element l of a group from the cosine of lane l, and element 16 + l from its sine.
func addGaussian[T Float](dst, src []T, words []uint32, scale T) {
	for ; len(words) > 0; words = words[groupWords:] {
		g, d, s := (*[groupWords]uint32)(words), (*[groupWords]T)(dst), (*[groupWords]T)(src)
		for l := range lanes {
			cos, sin := boxMuller(g[l], g[lanes+l])
			d[l] = s[l] + T(scale*T(cos))
			d[lanes+l] = s[lanes+l] + T(scale*T(sin))
		}
		dst, src = dst[groupWords:], src[groupWords:]
	}
}

// boxMuller makes two independent normals from two words: a radius sqrt(-2 ln u) from a, times the cosine and the sine of an
// angle from b. x in [-1, 1] represents the angle x*pi/2, a half circle. The sine has the sign of x, and the cosine, which
// would never be negative, takes the sign of a, which the radius does not use.
func boxMuller(a, b uint32) (cos, sin float32) {
	r := radius(a)
	x := float32(int32(b)) * coef.Turn
	q := x * x
	cos = signed(r, a) * (1 + float32(q*cosine(q)))
	sin = r * float32(x*sine(q))
	return cos, sin
}

// radius is sqrt(-2 ln u), where 2^31 u is |a|1| as a float32: u lies in (0, 1], so that no sample exceeds 6.6 standard
// deviations.
//
// The bits of a float are a piecewise linear logarithm: the distance n of those of 2^31 u from those of 2^31 is about -2^23
// log2 u, and a polynomial in v, the fraction of n, corrects the pieces,
//
//	-2 ln u = n*LogStep + v*P(v),
//
// without a constant term, so that the sum is zero at u = 1 and never negative.
func radius(a uint32) float32 {
	n := coef.Top - math.Float32bits(float32(int32(a|1)))&^signBit
	v := math.Float32frombits(n&0x7fffff|0x3f800000) - 1
	p := float32(v*coef.P6) + coef.P5
	p = float32(v*p) + coef.P4
	p = float32(v*p) + coef.P3
	p = float32(v*p) + coef.P2
	p = float32(v*p) + coef.P1
	p = float32(v*p) + coef.P0
	y := float32(float32(int32(n))*coef.LogStep) + float32(v*p)
	return float32(math.Sqrt(float64(y)))
}

// sine is sin(pi/2 x)/x for q = x^2.
func sine(q float32) float32 {
	s := float32(q*coef.S3) + coef.S2
	s = float32(q*s) + coef.S1
	return float32(q*s) + coef.S0
}

// cosine is (cos(pi/2 x) - 1)/x^2 for q = x^2.
func cosine(q float32) float32 {
	c := float32(q*coef.C3) + coef.C2
	c = float32(q*c) + coef.C1
	return float32(q*c) + coef.C0
}

const signBit = 1 << 31

// signed flips the sign of x if the top bit of w is set.
func signed(x float32, w uint32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ w&signBit)
}
