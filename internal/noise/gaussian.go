package noise

import "math"

// The Gaussian is Box and Muller's: a radius sqrt(-2 ln u) and an angle give two
// independent normals, one from the cosine and one from the sine.
//
// Radius, from a. |a|1| = 2^31 u as a float32 with u in (0, 1], never 0, so that no
// sample exceeds 6.6 standard deviations; the bits of a float are a piecewise linear logarithm, so the
// distance n of its bits from those of 2^31 is about -2^23 log2 u. P mends the piece: with v
// the fraction of n, y = n*logStep + v*P(v) = -2 ln u. There is no constant term, so y = 0
// at u = 1 and y >= 0 everywhere.
//
// Angle, from b. x in [-1, 1] stands for the angle x*pi/2, a half circle: the sine takes the sign of x,
// and the cosine, which would always be positive, the sign of a, which the
// radius does not use.
//
// The coefficients are minimax fits rounded to float32, of -2 ln(1 - v/2) - 2 ln 2 v over v with
// weight 1/y, of sin(pi/2 x) over x, and of (cos(pi/2 x) - 1) over x^2. Over all 2^30 radii the relative
// error is below 6.2e-7, and the sine and the cosine are within 1.3e-6.
const (
	top     = 0x4f000000     // the bits of 2^31 as a float32
	logStep = 1.65259166e-07 // 2 ln 2 / 2^23
	turn    = 1.0 / (1 << 31)

	p0, p1, p2, p3 = -0.386293381, 0.249908373, 0.0847277641, 0.0234415233
	p4, p5, p6     = 0.0326716192, -0.0199350864, 0.0154778557
	s0, s1, s2, s3 = 1.57079518, -0.645925939, 0.0795006528, -0.00437101489
	c0, c1, c2, c3 = -1.23369884, 0.253653198, -0.0208139662, 0.000859690073
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

// boxMuller makes two normals of two words.
func boxMuller(a, b uint32) (cos, sin float32) {
	r := radius(a)
	x := float32(int32(b)) * turn
	q := x * x
	cos = signed(r, a) * (1 + float32(q*cosine(q)))
	sin = r * float32(x*sine(q))
	return cos, sin
}

// radius is sqrt(-2 ln u).
func radius(a uint32) float32 {
	n := top - math.Float32bits(float32(int32(a|1)))&^signBit
	v := math.Float32frombits(n&0x7fffff|0x3f800000) - 1
	p := float32(v*p6) + p5
	p = float32(v*p) + p4
	p = float32(v*p) + p3
	p = float32(v*p) + p2
	p = float32(v*p) + p1
	p = float32(v*p) + p0
	y := float32(float32(int32(n))*logStep) + float32(v*p)
	return float32(math.Sqrt(float64(y)))
}

// sine is sin(pi/2 x)/x for q = x^2.
func sine(q float32) float32 {
	s := float32(q*s3) + s2
	s = float32(q*s) + s1
	return float32(q*s) + s0
}

// cosine is (cos(pi/2 x) - 1)/x^2 for q = x^2.
func cosine(q float32) float32 {
	c := float32(q*c3) + c2
	c = float32(q*c) + c1
	return float32(q*c) + c0
}

const signBit = 1 << 31

// signed flips the sign of x when the top bit of w is set.
func signed(x float32, w uint32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ w&signBit)
}
