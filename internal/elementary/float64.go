package elementary

import "math"

const (
	sign64  = 1 << 63
	ln2High = 6.93147180369123816490e-01 // few enough bits that k*ln2High is exact
	ln2Low  = 1.90821492927058770002e-10
	round   = 3 << 51 // added and subtracted, it rounds a float64 to an integer
)

// Exp is e^x.
func Exp(x float64) float64 {
	p, k := expPart(min(max(x, -746), 710), 0)
	return scale(1+p, k)
}

// fall is e^x for x <= 0, and zero where that would be (nearly) denormal.
func fall(x float64) float64 {
	if x < -708 {
		return 0
	}
	return Exp(x)
}

// expPolynomial is (e^r - 1 - r)/r^2 for |r| <= ln(2)/2, lowest power first: a minimax fit within 2^-61.7 of e^r - 1.
var expPolynomial = [...]float64{
	0.5, 0.16666666666666677, 0.041666666666666505, 0.008333333333321608, 0.0013888888888962912, 0.00019841269886207888,
	2.480158717181742e-05, 2.75572441041757e-06, 2.7557402960896976e-07, 2.5109081424871223e-08, 2.0875322781728217e-09,
}

// expPart returns e^(x + rest) as (1 + p) 2^k, for a rest that is small beside 1.
func expPart(x, rest float64) (p float64, k int64) {
	shifted := float64((x+rest)*math.Log2E) + round
	k = int64(math.Float64bits(shifted) - math.Float64bits(round))
	whole := shifted - round
	r := x - float64(whole*ln2High) - float64(whole*ln2Low) + rest
	return r + float64(float64(r*r)*horner(r, expPolynomial[:])), k
}

// horner is the polynomial with coefficients c, lowest power first, every operation rounded.
func horner(x float64, c []float64) float64 {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = float64(y*x) + c[i]
	}
	return y
}

// scale is x 2^k, in two steps, so that it is rounded once where the result is denormal. |k| <= 2044.
func scale(x float64, k int64) float64 {
	half := k >> 1
	return float64(x*power(half)) * power(k-half)
}

// power is 2^k for -1023 < k < 1024.
func power(k int64) float64 { return math.Float64frombits(uint64(k+1023) << 52) }

// logPolynomial is (2 atanh(s) - 2s)/s^3 in s^2 for |s| <= (sqrt(2) - 1)/(sqrt(2) + 1), lowest power first: a minimax fit
// within 2^-58.4 of that over s^3.
var logPolynomial = [...]float64{
	0.6666666666666735, 0.399999999994123, 0.285714287430038, 0.22222198500786333, 0.1818356856421368, 0.1531393025435651,
	0.14797267647255166,
}

// Log is the natural logarithm of x: with x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and s = f/(2 + f),
//
//	log(x) = k ln(2) + f - s (f - r), r = (2 atanh(s) - 2s)/s
func Log(x float64) float64 {
	switch {
	case x != x || x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	case math.IsInf(x, 1):
		return x
	}
	m, exponent := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, exponent = m*2, exponent-1
	}
	f, k := m-1, float64(exponent)
	s := f / (2 + f)
	z := float64(s * s)
	r := float64(z * horner(z, logPolynomial[:]))
	return float64(k*ln2High) - (float64(s*(f-r)) - float64(k*ln2Low) - f)
}

// Tanh is the hyperbolic tangent, from e^2|x| - 1 = 2^k p + (2^k - 1).
func Tanh(x float64) float64 {
	a := min(math.Abs(x), 20)
	p, k := expPart(a+a, 0)
	power := power(k)
	e := float64(p*power) + (power - 1)
	return math.Copysign(e/(e+2), x)
}

// Sigmoid is the logistic function 1/(1 + e^-x).
func Sigmoid(x float64) float64 {
	s, _ := sigmoids(x)
	return s
}

// sigmoids is the logistic function of x and of -x, neither with cancellation.
func sigmoids(x float64) (s, c float64) {
	e := Exp(-math.Abs(x))
	high := 1 / (1 + e)
	low := float64(e * high)
	if math.Signbit(x) {
		return low, high
	}
	return high, low
}

// NormalCDF is the standard normal distribution function.
func NormalCDF(x float64) float64 {
	phi, _ := normal(x)
	return phi
}

// tailPole and tailPolynomial, lowest power first, give the tail of the normal distribution,
//
//	Phi(-a) = exp(-a^2/2) P(t)/(a + tailPole), t = (a - tailPole)/(a + tailPole)
//
// for 0 <= a <= 39, below which it is less than the smallest float64: a minimax fit within 2^-57.2. The form is that of M.
// Shepherd and J. Laframboise, Chebyshev Approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity, Mathematics of
// Computation 36 (1981).
const tailPole = 5

var tailPolynomial = [...]float64{
	0.769193049750063, -0.6653825028900567, 0.4953056159699773, -0.3135331566712962, 0.16502036617033752, -0.06911863870656965,
	0.020795066800836016, -0.0029933767667097515, -0.0007978694079943311, 0.0005448990334197582, -5.937567487442415e-05,
	-4.976265504581413e-05, 1.668104148459759e-05, 3.980385121482501e-06, -2.7689529792984227e-06, -3.355380484075787e-07,
	4.3288462406111267e-07, 4.088158920028237e-08, -6.601171627909537e-08, -8.295619358569431e-09, 7.942059071514174e-09,
	1.432234013580699e-09, -3.0279871130573574e-10,
}

// normal is the standard normal distribution function and its density. a^2/2 is split into two parts, because the rounding
// of a large exponent would cost many ulp in the result.
func normal(x float64) (phi, density float64) {
	a := min(math.Abs(x), 39)
	high := math.Float64frombits(math.Float64bits(a) &^ (1<<27 - 1))
	p, k := expPart(float64(high*high)*-0.5, float64((high-a)*(high+a))*0.5)
	e := scale(1+p, k)
	u := 1 / (a + tailPole)
	tail := float64(float64(horner(float64((a-tailPole)*u), tailPolynomial[:])*u) * e)
	density = float64(e * (1 / (math.Sqrt2 * math.SqrtPi)))
	if math.Signbit(x) {
		return tail, density
	}
	return 1 - tail, density
}

// sinePolynomial is (sin(pi x) - pi x)/x^3 in x^2 for |x| <= 1/2, lowest power first: a minimax fit within 2^-60.
var sinePolynomial = [...]float64{
	-5.167712780049969, 2.550164039877308, -0.59926452931915, 0.08214588657588465, -0.007370430527187561, 0.00046629990850172024,
	-2.190370914854351e-05, 7.699829623993467e-07,
}

// sinPi is sin(pi x) for |x| <= 1/2.
func sinPi(x float64) float64 {
	z := float64(x * x)
	return float64(math.Pi*x) + float64(float64(x*z)*horner(z, sinePolynomial[:]))
}

// CosPi is cos(pi x) for 0 <= x <= 1.
func CosPi(x float64) float64 {
	switch {
	case x > 0.5:
		return -CosPi(1 - x)
	case x > 0.25:
		return sinPi(0.5 - x)
	}
	s := sinPi(x / 2)
	return 1 - float64(2*float64(s*s))
}

// Power is x^n, by squaring.
func Power(x float64, n uint64) float64 {
	y := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			y *= x
		}
		x *= x
	}
	return y
}
