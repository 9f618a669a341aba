// Package coef holds the constants shared by the plain Go code and the generator of the vector kernels.
package coef

// PhiloxRounds is the number of rounds; package noise says why seven.
const PhiloxRounds = 7

// Philox's multipliers (Salmon et al., SC 2011, section 3.3).
const (
	PhiloxM0 = 0xD2511F53
	PhiloxM1 = 0xCD9E8D57
)

// The Gaussian's polynomials, lowest power first, are minimax fits rounded to float32:
//
//	P(v)   of -2 ln(1 - v/2) - 2 ln 2 v over v, for 0 <= v < 1, with weight 1 over -2 ln u
//	S(x^2) of sin(pi/2 x) over x, for -1 <= x <= 1
//	C(x^2) of (cos(pi/2 x) - 1) over x^2, for -1 <= x <= 1
//
// With float32 arithmetic throughout, the radius is within a relative 6.2e-7 of the exact one for all of its 2^30 arguments,
// and the sine and the cosine within 1.3e-6.
const (
	Top     = 0x4f000000     // the bits of 2^31 as a float32
	LogStep = 1.65259166e-07 // 2 ln 2 / 2^23
	Turn    = 1.0 / (1 << 31)

	P0, P1, P2, P3 = -0.386293381, 0.249908373, 0.0847277641, 0.0234415233
	P4, P5, P6     = 0.0326716192, -0.0199350864, 0.0154778557
	S0, S1, S2, S3 = 1.57079518, -0.645925939, 0.0795006528, -0.00437101489
	C0, C1, C2, C3 = -1.23369884, 0.253653198, -0.0208139662, 0.000859690073
)

// UniformStep is sqrt(3)/2^24.
const UniformStep = 1.7320508 / (1 << 24)
