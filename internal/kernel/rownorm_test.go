package kernel

import (
	"math/rand/v2"
	"testing"
)

// testRowNorms is testLoops for norms of rows.
func testRowNorms(t *testing.T, l loops[float32], seed uint64) {
	r := rand.New(rand.NewPCG(seed, 8))
	plain := plainLoops[float32]()
	n := r.IntN(70)
	number := func() float32 { return float32(r.NormFloat64()) }
	mean, a, c, mean1, mean2 := number(), number(), number(), number(), number()
	x, gain, bias := framed(r, values(r, n)).data, framed(r, values(r, n)).data, framed(r, values(r, n)).data
	both(t, r, "rowNorm", values(r, n),
		func(y []float32) { l.rowNorm(y, x, gain, bias, mean, a, c) },
		func(y []float32) { plain.rowNorm(y, x, gain, bias, mean, a, c) })
	dy := framed(r, values(r, n)).data
	grad := func(l loops[float32]) func(s []float32) {
		return func(s []float32) {
			l.rowNormGrad(s[:n], dy, x, gain, s[n:2*n], s[2*n:], mean, a, c, mean1, mean2)
		}
	}
	both(t, r, "rowNormGrad", values(r, 3*n), grad(l), grad(plain))

	x, gain, dy = framed(r, finite(r, n)).data, framed(r, finite(r, n)).data, framed(r, finite(r, n)).data
	total, moment := l.rowNormSums(dy, x, gain, mean, a, c)
	wantTotal, wantMoment := plain.rowNormSums(dy, x, gain, mean, a, c)
	if total != wantTotal || moment != wantMoment {
		t.Fatalf("rowNormSums: %v and %v, want %v and %v", total, moment, wantTotal, wantMoment)
	}
}

// The errors in float32 stay within a few roundings however far the rows are from zero.
func TestRowNormAccuracy(t *testing.T) {
	type result[T Float] struct{ y, dx, dgain, dbias []T }
	for _, root := range []bool{false, true} {
		for _, ratio := range []float64{0, 10, 1000, 1e5} {
			r := rand.New(rand.NewPCG(1, 9))
			n := RowNorm{Rows: 100, Cols: 75, Root: root, Eps: 1e-5}
			x, dy, gain, bias := make([]float32, 7500), make([]float32, 7500), make([]float32, 75), make([]float32, 75)
			for _, s := range [][]float32{x, dy, gain, bias} {
				for i := range s {
					s[i] = float32(r.NormFloat64())
				}
			}
			for i := range x {
				x[i] += float32(ratio)
			}
			got := result[float32]{make([]float32, 7500), make([]float32, 7500), make([]float32, 75), make([]float32, 75)}
			want := result[float64]{make([]float64, 7500), make([]float64, 7500), make([]float64, 75), make([]float64, 75)}
			s := NewNormStats(n.Rows)
			RowNormForward(n, s, got.y, x, gain, bias)
			RowNormGrad(n, s, got.dx, got.dgain, got.dbias, x, gain, dy, nil)
			RowNormForward(n, s, want.y, doubles(x), doubles(gain), doubles(bias))
			RowNormGrad(n, s, want.dx, want.dgain, want.dbias, doubles(x), doubles(gain), doubles(dy), nil)
			const tolerance = 1e-6
			checkError(t, "output", got.y, want.y, tolerance)
			checkError(t, "gradient of x", got.dx, want.dx, tolerance)
			checkError(t, "gradient of the gain", got.dgain, want.dgain, tolerance)
			checkError(t, "gradient of the bias", got.dbias, want.dbias, tolerance)
		}
	}
}
