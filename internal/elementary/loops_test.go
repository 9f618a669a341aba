package elementary

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
)

// equalBits compares two slices bit for bit; one NaN is as good as another.
func equalBits(t *testing.T, name string, got, want []float32, x ...[]float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) && !(got[i] != got[i] && w != w) {
			t.Fatalf("%s, element %d of %d, x = %v: %v, want %v", name, i, len(want), x[0][i], got[i], w)
		}
	}
}

// testLoops compares loops with the plain ones.
func testLoops(t *testing.T, l Loops[float32], x, dy []float32) {
	plain, n := plainLoops[float32](), len(x)
	got, want := make([]float32, n+1), make([]float32, n+1)
	got[n], want[n] = 7, 7 // which no loop may touch
	for _, f := range []struct {
		name        string
		loop, plain func(y, x []float32)
	}{
		{"Tanh", l.Tanh, plain.Tanh}, {"Sigmoid", l.Sigmoid, plain.Sigmoid},
		{"GELU", l.GELU, plain.GELU}, {"SiLU", l.SiLU, plain.SiLU},
		{"GELUTanh", l.GELUTanh, plain.GELUTanh},
	} {
		f.loop(got[:n], x)
		f.plain(want[:n], x)
		equalBits(t, f.name, got, want, append(x, 0))
	}
	for _, f := range []struct {
		name        string
		loop, plain func(dx, x, dy []float32)
	}{
		{"TanhGrad", l.TanhGrad, plain.TanhGrad}, {"SigmoidGrad", l.SigmoidGrad, plain.SigmoidGrad},
		{"Product", l.Product, plain.Product},
	} {
		f.loop(got[:n], x, dy)
		f.plain(want[:n], x, dy)
		equalBits(t, f.name, got, want, append(x, 0))
	}
	slope := append(make([]float32, n), 7)
	wantSlope := slices.Clone(slope)
	for _, f := range []struct {
		name        string
		loop, plain func(y, slope, x []float32)
		alone       func(y, x []float32)
	}{
		{"GELUSlope", l.GELUSlope, plain.GELUSlope, plain.GELU}, {"SiLUSlope", l.SiLUSlope, plain.SiLUSlope, plain.SiLU},
		{"GELUTanhSlope", l.GELUTanhSlope, plain.GELUTanhSlope, plain.GELUTanh},
	} {
		f.loop(got[:n], slope[:n], x)
		f.plain(want[:n], wantSlope[:n], x)
		equalBits(t, f.name, slope, wantSlope, append(x, 0))
		equalBits(t, f.name, got, want, append(x, 0))
		f.alone(want[:n], x)
		equalBits(t, f.name+", value alone", got, want, append(x, 0))
		copy(got, x)
		f.loop(got[:n], slope[:n], got[:n])
		equalBits(t, f.name+" in place", got, want, append(x, 0))
		equalBits(t, f.name+" in place", slope, wantSlope, append(x, 0))
	}
	if n > 0 {
		top := float32(math.Inf(-1))
		for _, v := range x {
			if v > top {
				top = v
			}
		}
		sum, wantSum := l.ExpSum(got[:n], x, top, 0.7), plain.ExpSum(want[:n], x, top, 0.7)
		equalBits(t, "ExpSum", got, want, append(x, 0))
		if math.Float64bits(sum) != math.Float64bits(wantSum) && !(sum != sum && wantSum != wantSum) {
			t.Fatalf("ExpSum of %d: %v, want %v", n, sum, wantSum)
		}
	}
}

func TestLoops(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for level := cpu.Plain; level <= cpu.Best(); level++ {
		for n := range 70 {
			for _, scale := range []float64{1e-20, 1, 10, 1000} {
				x, dy := make([]float32, n), make([]float32, n)
				for i := range x {
					x[i], dy[i] = float32(scale*r.NormFloat64()), float32(r.NormFloat64())
				}
				testLoops(t, loopsOf(level), x, dy)
			}
		}
		// Floats of all bit patterns: NaN, infinities, denormals.
		step := uint64(1 << 12)
		switch {
		case os.Getenv(allVariable) != "":
			step = 1 << 8
		case testing.Short():
			step = 1 << 16
		}
		x, dy := make([]float32, 0, 1<<12), make([]float32, 1<<12)
		for i := range dy {
			dy[i] = 1 + float32(i)
		}
		for b := uint64(0); b < 1<<32; b += step {
			x = append(x, math.Float32frombits(uint32(b+r.Uint64N(step))))
			if len(x) == cap(x) {
				testLoops(t, loopsOf(level), x, dy)
				x = x[:0]
			}
		}
	}
}

// In float64 the plain loops are all there is: each gradient is the slope of its function.
func TestGradients(t *testing.T) {
	l := LoopsFor[float64]()
	r := rand.New(rand.NewPCG(5, 6))
	const n, h = 1000, 1e-5
	x, up, down, y, dy := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = 3 * r.NormFloat64()
		up[i], down[i], dy[i] = x[i]+h, x[i]-h, 1+r.Float64()
	}
	for _, f := range []struct {
		name  string
		value func(y, x []float64)
		grad  func(dx, x, y, dy []float64)
	}{
		{"Tanh", l.Tanh, func(dx, _, y, dy []float64) { l.TanhGrad(dx, y, dy) }},
		{"Sigmoid", l.Sigmoid, func(dx, _, y, dy []float64) { l.SigmoidGrad(dx, y, dy) }},
		{"GELU", l.GELU, bySlope(l.GELUSlope)}, {"SiLU", l.SiLU, bySlope(l.SiLUSlope)}, {"GELUTanh", l.GELUTanh, bySlope(l.GELUTanhSlope)},
	} {
		high, low, dx := make([]float64, n), make([]float64, n), make([]float64, n)
		f.value(y, x)
		f.value(high, up)
		f.value(low, down)
		f.grad(dx, x, y, dy)
		for i := range x {
			if want := dy[i] * (high[i] - low[i]) / (2 * h); math.Abs(dx[i]-want) > 1e-8 {
				t.Fatalf("gradient of %s at %v: %v, want %v", f.name, x[i], dx[i], want)
			}
		}
	}
}

// bySlope is the gradient by a loop that also writes the slope, and by a product.
func bySlope(f func(y, slope, x []float64)) func(dx, x, y, dy []float64) {
	return func(dx, x, y, dy []float64) {
		f(y, dx, x)
		LoopsFor[float64]().Product(dx, dx, dy)
	}
}

func BenchmarkLoops(b *testing.B) {
	const n = 1024 * 512
	x, y, dy := make([]float32, n), make([]float32, n), make([]float32, n)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range x {
		x[i], dy[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	for level := cpu.Plain; level <= cpu.Best(); level++ {
		l := loopsOf(level)
		for _, f := range []struct {
			name string
			run  func()
		}{
			{"Tanh", func() { l.Tanh(y, x) }}, {"TanhGrad", func() { l.TanhGrad(y, x, dy) }},
			{"Sigmoid", func() { l.Sigmoid(y, x) }}, {"ExpSum", func() { l.ExpSum(y, x, 4, 1) }},
			{"SiLU", func() { l.SiLU(y, x) }}, {"SiLUSlope", func() { l.SiLUSlope(y, dy, x) }},
			{"GELU", func() { l.GELU(y, x) }}, {"GELUSlope", func() { l.GELUSlope(y, dy, x) }},
			{"GELUTanh", func() { l.GELUTanh(y, x) }}, {"GELUTanhSlope", func() { l.GELUTanhSlope(y, dy, x) }},
			{"Product", func() { l.Product(y, x, dy) }},
		} {
			b.Run(f.name+"/"+level.String(), func(b *testing.B) {
				b.SetBytes(4 * n)
				for b.Loop() {
					f.run()
				}
			})
		}
	}
}
