// Package coef holds the constants shared by the plain Go code and the generator of the vector kernels.
package coef

// Polynomials are minimax fits, lowest power first, weighted such that the error is relative to the value of the whole
// function; each is followed by that error, before its coefficients are rounded.

// e^r = 1 + r + r^2 P(r), in float32, for |r| <= ln(2)/2; error of e^r - 1 within 2^-31.9.
const (
	Exp0, Exp1, Exp2 = 0.5000000044348789, 0.1666666636528596, 0.041666359856156576
	Exp3, Exp4, Exp5 = 0.008333390235905935, 0.001394072106534463, 0.00019845583001384587
)

// The standard normal distribution function in float32:
//
//	Phi(-a) = exp(-a^2/2) P(s)/(a + TailPole), s = a/(a + TailPole)
//
// for 0 <= a <= 14.5, below which it is less than the smallest float32; error within 2^-25.9.
const (
	TailPole                   = 2.5
	Tail0, Tail1, Tail2, Tail3 = 1.2500000190401954, -1.2433935431889813, 0.16963318248141038, 0.2916369472979599
	Tail4, Tail5, Tail6, Tail7 = 0.057136095856707626, -0.15284158642566134, 0.1432782913366711, -0.31873975470645977
	Tail8, Tail9               = 0.2827479063534426, -0.08051750573706674
)

// The reduction x = k ln(2) + r in float32. Ln2High has few enough bits that k*Ln2High is exact.
const (
	Log2E   = 1.4426950408889634
	Ln2High = 0.693359375
	Ln2Low  = -2.1219444005469057e-4
	Round   = 3 << 22 // added and subtracted, it rounds a float32 to an integer, which is in the lowest bits of the sum
)

// Where results in float32 (nearly) cease to change: e^x is infinite from ExpMax on, not denormal from ExpTiny on, and zero
// below ExpMin, tanh is 1 from TanhMax on, and the normal distribution's tail is zero from TailMax on.
const (
	ExpMax  = 89
	ExpTiny = -87
	ExpMin  = -104
	TanhMax = 10
	TailMax = 15
)

// Density is 1/sqrt(2 pi), the normal density at zero.
const Density = 0.3989422804014327

// High masks the high bits of a float32, whose square is then exact.
const High = 0xfffff000

// The argument of the logistic function in GELU's approximation, Cubic1 x + Cubic3 x^3 = 2 sqrt(2/pi) (x + 0.044715 x^3).
// From CubicMax on the result ceases to change, also in float64.
const (
	Cubic1   = 1.5957691216057308
	Cubic3   = 0.044715 * Cubic1
	CubicMax = 24
)
