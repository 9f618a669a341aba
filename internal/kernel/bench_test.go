package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkConv measures the three passes of convolutions of 3 x 3, directly and
// as they are chosen.
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

// BenchmarkAttention measures a causal attention of 128 numbers in four heads, both ways, on 1024 positions in all.
func BenchmarkAttention(b *testing.B) {
	for _, length := range []int{64, 256, 1024} {
		for _, causal := range []bool{true, false} {
			a := Attention{N: 1024 / length, Queries: length, Keys: length, Heads: 4, Width: 32, Causal: causal}
			b.Run(fmt.Sprintf("%d/causal=%t", length, causal), func(b *testing.B) { benchmarkAttention(b, a) })
		}
	}
}

func benchmarkAttention(b *testing.B, a Attention) {
	const d = 128
	x, dx, dy := make([]float32, 3*1024*d), make([]float32, 3*1024*d), make([]float32, 1024*d)
	r := rand.New(rand.NewPCG(1, 13))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for i := range dy {
		dy[i] = float32(r.NormFloat64())
	}
	packed := func(x []float32) (q, k, v Heads[float32]) {
		return Heads[float32]{x, 3 * d}, Heads[float32]{x[d:], 3 * d}, Heads[float32]{x[2*d:], 3 * d}
	}
	q, k, v := packed(x)
	dq, dk, dv := packed(dx)
	y, up := Heads[float32]{make([]float32, 1024*d), d}, Heads[float32]{dy, d}
	s := NewSoftmax[float32](a)
	b.ReportAllocs()
	for b.Loop() {
		AttentionForward(a, AttentionMask[float32]{}, s, y, q, k, v)
		AttentionGrad(a, AttentionMask[float32]{}, s, dq, dk, dv, up, y, q, k, v)
	}
}
