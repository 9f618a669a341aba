package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// normed are the results of a batch norm both ways.
type normed[T Float] struct{ y, dx, dscale, dshift, runMean, runVar []T }

func runNorm[T Float](n Norm, x, scale, shift, dy []T) normed[T] {
	r := normed[T]{make([]T, len(x)), make([]T, len(x)), make([]T, n.C), make([]T, n.C), make([]T, n.C), make([]T, n.C)}
	s := NewNormStats(n.C)
	NormTrain(n, s, r.runMean, r.runVar, r.y, x, scale, shift, nil)
	NormGrad(n, s, r.dx, r.dscale, r.dshift, x, scale, shift, dy, true)
	return r
}

// TestNormAccuracy holds the errors in float32 to a few roundings however far the mean is from zero, where a*x + b with the
// b of a line through the mean, and sums of x and its square, would lose as many digits as the ratio has.
func TestNormAccuracy(t *testing.T) {
	for _, ratio := range []float64{1, 10, 100, 1000, 1e5} {
		t.Run(fmt.Sprint(ratio), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 8))
			n := Norm{N: 16, C: 3, Size: 75, Momentum: 1, Eps: 1e-5}
			x, dy := make([]float32, n.N*n.C*n.Size), make([]float32, n.N*n.C*n.Size)
			for i := range x {
				x[i] = float32(ratio + r.NormFloat64())
				dy[i] = float32(0.5 + r.NormFloat64())
			}
			scale, shift := []float32{1.3, -0.7, 2}, []float32{0.5, -1, 0}
			const tolerance = 2e-7
			got := runNorm(n, x, scale, shift, dy)
			want := runNorm(n, doubles(x), doubles(scale), doubles(shift), doubles(dy))
			checkError(t, "output", got.y, want.y, tolerance)
			checkError(t, "gradient of x", got.dx, want.dx, tolerance)
			checkError(t, "gradient of the scale", got.dscale, want.dscale, tolerance)
			checkError(t, "gradient of the shift", got.dshift, want.dshift, tolerance)
			checkError(t, "running mean", got.runMean, want.runMean, tolerance)
			checkError(t, "running variance", got.runVar, want.runVar, tolerance)
		})
	}
}

// testNorms is testLoops for batch norms.
func testNorms(t *testing.T, l loops[float32], seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	plain := plainLoops[float32]()
	p := planes{size: 1 + r.IntN(40), count: 1 + r.IntN(4)}
	p.stride = p.size + r.IntN(20)
	n := (p.count-1)*p.stride + p.size
	x, dy, residual := framed(r, values(r, n)).data, framed(r, values(r, n)).data, framed(r, values(r, n)).data
	y := values(r, n)
	number := func() float32 { return float32(r.NormFloat64()) }
	mean, a, b, dyMean, k := number(), number(), number(), number(), number()
	low, keep := lowest[float32](r.IntN(2) == 0), uint32(r.IntN(2))*math.MaxUint32
	both(t, r, "normForward", y,
		func(y []float32) { l.normForward(y, x, p, mean, a, b, low) },
		func(y []float32) { plain.normForward(y, x, p, mean, a, b, low) })
	both(t, r, "normJoin", y,
		func(y []float32) { l.normJoin(y, x, residual, p, mean, a, b, low) },
		func(y []float32) { plain.normJoin(y, x, residual, p, mean, a, b, low) })
	both(t, r, "normGrad", y,
		func(dx []float32) { l.normGrad(dx, dy, x, p, mean, a, b, dyMean, k, keep) },
		func(dx []float32) { plain.normGrad(dx, dy, x, p, mean, a, b, dyMean, k, keep) })

	x, dy = framed(r, finite(r, n)).data, framed(r, finite(r, n)).data
	total, square := l.moments(x, p, mean)
	wantTotal, wantSquare := plain.moments(x, p, mean)
	if total != wantTotal || square != wantSquare {
		t.Fatalf("moments: %v and %v, want %v and %v", total, square, wantTotal, wantSquare)
	}
	total, moment := l.normSums(dy, x, p, mean, a, b, keep)
	wantTotal, wantMoment := plain.normSums(dy, x, p, mean, a, b, keep)
	if total != wantTotal || moment != wantMoment {
		t.Fatalf("normSums: %v and %v, want %v and %v", total, moment, wantTotal, wantMoment)
	}
}
