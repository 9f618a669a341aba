package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/internal/elementary"
	"github.com/layernoise/layernoise/internal/gemm"
	"github.com/layernoise/layernoise/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// BenchmarkConv measures the three passes of convolutions of 3 x 3, directly and as they are chosen.
func BenchmarkConv(b *testing.B) {
	for _, c := range []Conv{
		{Window: Window{H: 16, W: 16}, N: 128, C: 32, Out: 128},
		{Window: Window{H: 8, W: 8}, N: 128, C: 128, Out: 128},
		{Window: Window{H: 32, W: 32}, N: 32, C: 64, Out: 64},
		{Window: Window{H: 16, W: 16}, N: 32, C: 128, Out: 128},
		{Window: Window{H: 8, W: 8}, N: 32, C: 256, Out: 256},
		{Window: Window{H: 4, W: 4}, N: 32, C: 512, Out: 512},
		{Window: Window{H: 2, W: 2}, N: 128, C: 512, Out: 512},
		{Window: Window{H: 32, W: 32, SH: 2, SW: 2}, N: 32, C: 64, Out: 128},
		{Window: Window{H: 16, W: 16, SH: 2, SW: 2}, N: 32, C: 128, Out: 256},
		{Window: Window{H: 8, W: 8, SH: 2, SW: 2}, N: 32, C: 256, Out: 512},
	} {
		c.KH, c.KW, c.SH, c.SW, c.PH, c.PW = 3, 3, max(c.SH, 1), max(c.SW, 1), 1, 1
		s := newSample(c)
		for _, pass := range []struct {
			name string
			run  func()
		}{
			{"forward", func() { ConvForward(s.c, s.y, s.x, s.w, s.b, true) }},
			{"gradx", func() { ConvGradX(s.c, s.dx, s.dy, s.w) }},
			{"gradw", func() { ConvGradW(s.c, s.dw, s.dy, s.x) }},
		} {
			for _, direct := range []bool{true, false} {
				if !direct && !c.winograd() {
					continue
				}
				b.Run(fmt.Sprintf("%d-%d@%dx%d,stride%d/%s/direct=%v", c.C, c.Out, c.H, c.N, c.SH, pass.name, direct), func(b *testing.B) {
					defer func(d bool) { convDirect = d }(convDirect)
					convDirect = direct
					b.ReportAllocs()
					for b.Loop() {
						pass.run()
					}
				})
			}
		}
	}
}

// BenchmarkAttention measures an attention of 128 numbers in four heads, both ways, on 1024 positions in all, or one sequence
// of 4096: in blocks, and with the whole matrix of probabilities, which is kept for the backward pass.
func BenchmarkAttention(b *testing.B) {
	for _, length := range []int{64, 128, 256, 512, 1024, 4096} {
		for _, causal := range []bool{true, false} {
			a := Attention{N: max(1, 1024/length), Queries: length, Keys: length, Heads: 4, Width: 32, Causal: causal}
			name := fmt.Sprintf("%d/causal=%t/", length, causal)
			b.Run(name+"blocks", func(b *testing.B) { benchmarkAttention(b, a, inBlocks) })
			b.Run(name+"whole", func(b *testing.B) { benchmarkAttention(b, a, atOnce) })
		}
	}
}

// heads are the arguments of an attention, both ways.
type heads struct{ y, q, k, v, dq, dk, dv, dy Heads[float32] }

func benchmarkAttention(b *testing.B, a Attention, passes func(Attention) func(heads)) {
	const d = 128
	positions := a.N * a.Queries
	x, dx, dy := make([]float32, 3*positions*d), make([]float32, 3*positions*d), make([]float32, positions*d)
	r := rand.New(rand.NewPCG(1, 13))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for i := range dy {
		dy[i] = float32(r.NormFloat64())
	}
	h := heads{y: Heads[float32]{make([]float32, positions*d), d}, dy: Heads[float32]{dy, d}}
	for i, p := range []*Heads[float32]{&h.q, &h.k, &h.v} {
		*p = Heads[float32]{x[i*d:], 3 * d}
	}
	for i, p := range []*Heads[float32]{&h.dq, &h.dk, &h.dv} {
		*p = Heads[float32]{dx[i*d:], 3 * d}
	}
	pass := passes(a)
	for range 3 { // pages and caches
		pass(h)
	}
	b.ReportAllocs()
	for b.Loop() {
		pass(h)
	}
}

func inBlocks(a Attention) func(heads) {
	s := NewSoftmax[float32](a)
	s.Keep(a)
	return func(h heads) {
		AttentionForward(a, AttentionMask[float32]{}, s, h.y, h.q, h.k, h.v)
		AttentionGrad(a, AttentionMask[float32]{}, s, h.dq, h.dk, h.dv, h.dy, h.y, h.q, h.k, h.v)
	}
}

// atOnce computes all probabilities of a head at once, with the same inner loops, and keeps them.
func atOnce(a Attention) func(heads) {
	n, scale := a.Queries, float32(1/math.Sqrt(float64(a.Width)))
	all := make([]float32, a.N*a.Heads*n*n)
	l, exps := loopsFor[float32](), elementary.LoopsFor[float32]()
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	each := func(f func(i int, probabilities []float32)) {
		parallel.For(a.N*a.Heads, 1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				f(i, all[i*n*n:][:n*n])
			}
		})
	}
	return func(h heads) {
		each(func(i int, p []float32) {
			q, k, v, y := head(a, h.q, i, n), head(a, h.k, i, n), head(a, h.v, i, n), head(a, h.y, i, n)
			gemm.Serial(blas.NoTrans, blas.Trans, n, n, a.Width, 1, q.X, q.Stride, k.X, k.Stride, 0, p, n)
			for r := range n {
				row := p[r*n:][:n]
				if a.Causal {
					for j := r + 1; j < n; j++ {
						row[j] = float32(math.Inf(-1))
					}
				}
				l.times(row, row, float32(1/exps.ExpSum(row, row, l.top(row), scale)))
			}
			gemm.Serial(blas.NoTrans, blas.NoTrans, n, a.Width, n, 1, p, n, v.X, v.Stride, 0, y.X, y.Stride)
		})
		each(func(i int, p []float32) {
			q, k, v, y := head(a, h.q, i, n), head(a, h.k, i, n), head(a, h.v, i, n), head(a, h.y, i, n)
			dq, dk, dv, dy := head(a, h.dq, i, n), head(a, h.dk, i, n), head(a, h.dv, i, n), head(a, h.dy, i, n)
			slopes := borrow[float32](n*n + n)
			defer giveBack(slopes)
			dots := slopes[n*n:]
			gemm.Serial(blas.Trans, blas.NoTrans, n, a.Width, n, 1, p, n, dy.X, dy.Stride, 0, dv.X, dv.Stride)
			gemm.Serial(blas.NoTrans, blas.Trans, n, n, a.Width, 1, dy.X, dy.Stride, v.X, v.Stride, 0, slopes, n)
			l.dotRows(dots, dy.X, dy.Stride, y.X, y.Stride, a.Width)
			l.slopeRows(p, slopes, p, n, n, ones, dots, scale)
			gemm.Serial(blas.NoTrans, blas.NoTrans, n, a.Width, n, 1, slopes, n, k.X, k.Stride, 0, dq.X, dq.Stride)
			gemm.Serial(blas.Trans, blas.NoTrans, n, a.Width, n, 1, slopes, n, q.X, q.Stride, 0, dk.X, dk.Stride)
		})
	}
}

// TestAttentionAtOnce: what the benchmark compares with computes the same.
func TestAttentionAtOnce(t *testing.T) {
	const d, n = 6, 70
	for _, causal := range []bool{false, true} {
		a := Attention{N: 2, Queries: n, Keys: n, Heads: 2, Width: 3, Causal: causal}
		var results [2][]float32
		for i, passes := range []func(Attention) func(heads){inBlocks, atOnce} {
			r := rand.New(rand.NewPCG(1, 13))
			x := make([]float32, 8*2*n*d)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			part := func(i int) Heads[float32] { return Heads[float32]{x[i*2*n*d:], d} }
			passes(a)(heads{part(0), part(1), part(2), part(3), part(4), part(5), part(6), part(7)})
			results[i] = x
		}
		for i, v := range results[0] {
			if w := results[1][i]; math.Abs(float64(v-w)) > 1e-5 {
				t.Fatalf("causal %v: number %d is %v in blocks, %v at once", causal, i, v, w)
			}
		}
	}
}

func BenchmarkDropout(b *testing.B) {
	const n = 1 << 16
	x, y, words := make([]float32, n), make([]float32, n), make([]uint32, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range words {
		x[i], words[i] = float32(r.NormFloat64()), r.Uint32()
	}
	for name, l := range map[string]loops[float32]{"plain": plainLoops[float32](), "fastest": loops32} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * n)
			for b.Loop() {
				l.dropout(y, x, words, DropoutThreshold(0.1), 1/0.9)
			}
		})
	}
}
