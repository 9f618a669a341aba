package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
)

// eachLevel runs f with the kernels of every set of instructions that can be tested here. The plain ones are among them, so
// that a test of nothing else still runs where there are no others.
func eachLevel(t *testing.T, f func(t *testing.T, k kernels)) {
	for l := cpu.Plain; l <= cpu.Best(); l++ {
		t.Run(l.String(), func(t *testing.T) { f(t, kernelsOf(l)) })
	}
}

// frame is a slice between two margins that must stay as they are.
type frame struct {
	all, data []float32
	from      int
}

const margin = 12345

// framed copies data to any alignment.
func framed(r *rand.Rand, data []float32) frame {
	from := 1 + r.IntN(17)
	all := make([]float32, from+len(data)+17)
	for i := range all {
		all[i] = margin
	}
	copy(all[from:], data)
	return frame{all, all[from : from+len(data)], from}
}

func (f frame) check(t *testing.T) {
	t.Helper()
	for i, x := range f.all {
		if (i < f.from || i >= f.from+len(f.data)) && x != margin {
			t.Fatalf("wrote element %d of %d", i-f.from, len(f.data))
		}
	}
}

// equalBits compares floats, of which all NaN are equal.
func equalBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if g := got[i]; math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i, g, math.Float32bits(g), w, math.Float32bits(w))
		}
	}
}

// values are numbers of all sizes and signs, with some of those that are special.
func values(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-38, 1e30, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * math.Exp2(float64(r.IntN(40)-20)))
		if r.IntN(16) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

// both runs a kernel and its plain twin on copies of dst, compares them, and looks for writes outside.
func both(t *testing.T, r *rand.Rand, what string, dst []float32, vector, plain func(dst []float32)) {
	t.Helper()
	got, want := framed(r, dst), framed(r, dst)
	vector(got.data)
	plain(want.data)
	equalBits(t, what, got.data, want.data)
	got.check(t)
	want.check(t)
}
