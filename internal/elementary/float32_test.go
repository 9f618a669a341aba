package elementary

import (
	"math"
	"os"
	"sync"
	"testing"
)

// functions32 lists the functions of float32, with their exact values and tolerances in ulp.
var functions32 = []struct {
	name string
	f    func(float32) float32
	want func(float64) float64
	ulp  float64
}{
	{"Exp32", Exp32, math.Exp, 1.0},
	{"Tanh32", Tanh32, math.Tanh, 2.5},
	{"Sigmoid32", Sigmoid32, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3},
	{"GELUTanh32", geluTanh32, func(x float64) float64 {
		return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	}, 190},
	{"NormalCDF32", NormalCDF32, func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }, 6},
}

func geluTanh32(x float32) float32 {
	y, _ := geluTanh(x, sigmoids32)
	return y
}

// ulpOff32 returns the distance of got from want in units in the last place of a float32.
func ulpOff32(got float32, want float64) float64 {
	nearest := float32(want)
	switch {
	case got == nearest, got != got && want != want:
		return 0
	case math.IsInf(float64(nearest), 0):
		nearest = math.MaxFloat32
	}
	_, exponent := math.Frexp(math.Abs(want))
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exponent-24, -149))
}

// allVariable makes TestAccuracy32 take every float32, and TestLoops more of them, which takes two processors a quarter of
// an hour.
const allVariable = "LAYERNOISE_TEST_ALL"

// TestAccuracy32 takes one float32 out of a hundred, or out of a thousand in the short test.
func TestAccuracy32(t *testing.T) {
	step := uint64(101)
	switch {
	case os.Getenv(allVariable) != "":
		step = 1
	case testing.Short():
		step = 1009
	}
	for _, f := range functions32 {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			const parts = 16
			var worst [parts]float64
			var at [parts]float32
			var all sync.WaitGroup
			for part := range uint64(parts) {
				all.Go(func() {
					for b := part << 28; b < (part+1)<<28; b += step {
						x := math.Float32frombits(uint32(b))
						if off := ulpOff32(f.f(x), f.want(float64(x))); !(off <= worst[part]) {
							worst[part], at[part] = off, x
						}
					}
				})
			}
			all.Wait()
			most, where := 0.0, float32(0)
			for i, w := range worst {
				if !(w <= most) {
					most, where = w, at[i]
				}
			}
			if !(most <= f.ulp) {
				t.Errorf("%s(%v) is off by %.2f ulp, want at most %v", f.name, where, most, f.ulp)
			}
			t.Logf("%s is off by at most %.2f ulp, at %v", f.name, most, where)
		})
	}
}

func TestSpecial32(t *testing.T) {
	inf, nan, tiny := float32(math.Inf(1)), float32(math.NaN()), float32(math.SmallestNonzeroFloat32)
	zero := float32(0)
	for _, test := range []struct {
		name    string
		f       func(float32) float32
		x, want float32
	}{
		{"Exp32", Exp32, zero, 1}, {"Exp32", Exp32, -zero, 1}, {"Exp32", Exp32, inf, inf}, {"Exp32", Exp32, -inf, 0},
		{"Exp32", Exp32, tiny, 1}, {"Exp32", Exp32, nan, nan}, {"Exp32", Exp32, 88.72284, inf}, {"Exp32", Exp32, -103.98, 0},
		{"Exp32", Exp32, -103.9, tiny},
		{"Tanh32", Tanh32, zero, 0}, {"Tanh32", Tanh32, negative(zero), negative(zero)}, {"Tanh32", Tanh32, inf, 1},
		{"Tanh32", Tanh32, -inf, -1}, {"Tanh32", Tanh32, tiny, tiny}, {"Tanh32", Tanh32, -tiny, -tiny}, {"Tanh32", Tanh32, nan, nan},
		{"Sigmoid32", Sigmoid32, zero, 0.5}, {"Sigmoid32", Sigmoid32, inf, 1}, {"Sigmoid32", Sigmoid32, -inf, 0}, {"Sigmoid32", Sigmoid32, nan, nan},
		{"NormalCDF32", NormalCDF32, zero, 0.5}, {"NormalCDF32", NormalCDF32, inf, 1}, {"NormalCDF32", NormalCDF32, -inf, 0},
		{"NormalCDF32", NormalCDF32, nan, nan},
	} {
		got := test.f(test.x)
		if math.Float32bits(got) != math.Float32bits(test.want) && !(got != got && test.want != test.want) {
			t.Errorf("%s(%v) = %v, want %v", test.name, test.x, got, test.want)
		}
	}
}

// TestFall: the exponentials of a softmax are those of Exp, but never denormal.
func TestFall(t *testing.T) {
	for x := float32(-110); x <= 0; x += 1. / 64 {
		want := Exp32(x)
		if x < -87 {
			want = 0
		}
		if got := fall32(x); got != want || got != 0 && got < 0x1p-126 {
			t.Errorf("fall32(%v) = %v, want %v", x, got, want)
		}
	}
	for x := -750.; x <= 0; x += 1. / 64 {
		if got := fall(x); x < -708 && got != 0 || x >= -708 && (got != Exp(x) || got < 0x1p-1022) {
			t.Errorf("fall(%v) = %v", x, got)
		}
	}
	nan, down := math.NaN(), math.Inf(-1)
	if fall32(float32(nan)) == fall32(float32(nan)) || fall(nan) == fall(nan) || fall32(float32(down)) != 0 || fall(down) != 0 {
		t.Error("NaN does not stay, or -Inf does not give zero")
	}
}

func negative(x float32) float32 { return math.Float32frombits(math.Float32bits(x) ^ sign32) }
