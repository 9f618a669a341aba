package elementary

import (
	"math"
	"math/rand/v2"
	"testing"
)

// functions64 lists the functions of float64, with those of package math, and by how many ulp the two may differ: the stated
// error, plus one for package math's.
var functions64 = []struct {
	name    string
	f, want func(float64) float64
	ulp     float64
	draw    func(r *rand.Rand) float64
}{
	{"Exp", Exp, math.Exp, 2, around(100)},
	{"Log", Log, math.Log, 2, func(r *rand.Rand) float64 { return math.Exp(around(100)(r)) }},
	{"Tanh", Tanh, math.Tanh, 3.5, around(3)},
	{"Sigmoid", Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 4, around(50)},
	{"NormalCDF", NormalCDF, normalCDF, 9, around(4)},
	{"CosPi", CosPi, func(x float64) float64 { return math.Sin(math.Pi * (0.5 - x)) }, 3, func(r *rand.Rand) float64 { return r.Float64() }},
}

// normalCDF corrects erfc for the rounding of its argument, which would cost hundreds of ulp.
func normalCDF(x float64) float64 {
	const rootLow = -9.667293313452913e-17 // sqrt(2) less math.Sqrt2
	z := -x / math.Sqrt2
	rounding := -(math.FMA(z, math.Sqrt2, x) + z*rootLow) / math.Sqrt2
	return math.Erfc(z)/2 - rounding*math.Exp(-z*z)/math.SqrtPi
}

// around draws numbers of all sizes, most of them about as large as scale.
func around(scale float64) func(r *rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		x := scale * r.NormFloat64()
		if r.IntN(4) == 0 {
			x *= math.Ldexp(1, -r.IntN(1100))
		}
		return x
	}
}

func ulpOff64(got, want float64) float64 {
	if got == want || got != got && want != want {
		return 0
	}
	_, exponent := math.Frexp(want)
	return math.Abs(got-want) / math.Ldexp(1, max(exponent-53, -1074))
}

func TestAccuracy64(t *testing.T) {
	n := 20_000_000
	if testing.Short() {
		n = 100_000
	}
	for _, f := range functions64 {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			most, where := 0.0, 0.0
			for range n {
				x := f.draw(r)
				if off := ulpOff64(f.f(x), f.want(x)); !(off <= most) {
					most, where = off, x
				}
			}
			t.Logf("%s is off by at most %.2f ulp, at %v", f.name, most, where)
			if !(most <= f.ulp) {
				t.Errorf("%s(%v) = %v, want %v: off by %.2f ulp", f.name, where, f.f(where), f.want(where), most)
			}
		})
	}
}
