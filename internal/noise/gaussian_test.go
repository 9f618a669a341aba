package noise

import (
	"math"
	"testing"
)

// radiusError is the relative error of radius(a).
func radiusError(a uint32) float64 {
	u := math.Abs(float64(float32(int32(a|1)))) / (1 << 31)
	if u == 1 {
		return float64(radius(a)) // exactly zero
	}
	want := math.Sqrt(-2 * math.Log(u))
	return math.Abs(float64(radius(a))-want) / want
}

// Every exponent, and a coarse grid of the mantissa with its ends.

func TestRadius(t *testing.T) {
	worst := 0.0
	for e := range 31 {
		for m := uint32(0); m < 1<<12; m++ {
			for _, low := range []uint32{0, 1, 1<<19 - 1} {
				a := 1<<e | uint32(uint64(m<<19|low)<<e>>31)
				worst = max(worst, radiusError(a), radiusError(-a))
			}
		}
	}
	if worst > 6.2e-7 {
		t.Errorf("relative error %.3g", worst)
	}
	if r := radius(0); r < 6.55 || r > 6.56 || r != radius(1) || r != radius(1<<32-1) {
		t.Errorf("largest radius %v", r)
	}
	if r := radius(1<<31 - 1); r != 0 {
		t.Errorf("radius of one: %v", r)
	}
}

func TestRadiusSweep(t *testing.T) {
	if testing.Short() {
		t.Skip("sweeps every 61st of 2^30 radii")
	}
	worst := 0.0
	for a := uint32(1); a < 1<<31; a += 2 * 61 {
		worst = max(worst, radiusError(a))
	}
	if worst > 6.2e-7 {
		t.Errorf("relative error %.3g", worst)
	}
}

func TestAngle(t *testing.T) {
	for b := int64(math.MinInt32); b <= math.MaxInt32; b += 997 {
		x := float64(float32(b)) / (1 << 31)
		cos, sin := boxMuller(1, uint32(int32(b)))
		r := float64(radius(1))
		if math.Abs(float64(cos)/r-math.Cos(x*math.Pi/2)) > 1.4e-6 || math.Abs(float64(sin)/r-math.Sin(x*math.Pi/2)) > 1.4e-6 {
			t.Fatalf("b %d: %v, %v", b, cos, sin)
		}
	}
}

// The sign of a flips the cosine alone, the sign of b the sine alone.
func TestSigns(t *testing.T) {
	const a, b = 123456789, 987654321
	cos, sin := boxMuller(a, b)
	if cos <= 0 || sin <= 0 {
		t.Errorf("%v, %v", cos, sin)
	}
	if c, s := boxMuller(-a&(1<<32-1), b); c != -cos || s != sin {
		t.Errorf("-a: %v, %v, want %v, %v", c, s, -cos, sin)
	}
	if c, s := boxMuller(a, -b&(1<<32-1)); c != cos || s != -sin {
		t.Errorf("-b: %v, %v, want %v, %v", c, s, cos, -sin)
	}
}
