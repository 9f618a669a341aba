package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/internal/noise"
)

// testAttentionLoops is testLoops for the loops of an attention.
func testAttentionLoops(t *testing.T, l loops[float32], seed uint64) {
	r := rand.New(rand.NewPCG(seed, 10))
	plain := plainLoops[float32]()
	n := r.IntN(70)
	x, a := framed(r, values(r, n)).data, float32(r.NormFloat64())
	for i := range x {
		if r.IntN(8) == 0 {
			x[i] = float32(math.Inf(-1))
		}
	}
	if got, want := l.top(x), plain.top(x); got != want {
		t.Fatalf("top of %v: %v, want %v", x, got, want)
	}
	both(t, r, "times", values(r, n), func(y []float32) { l.times(y, x, a) }, func(y []float32) { plain.times(y, x, a) })

	rows, cols := 1+r.IntN(5), 1+r.IntN(40)
	pitch := cols + r.IntN(9)
	size := rows * pitch
	a0, d := framed(r, values(r, rows)).data, framed(r, values(r, rows)).data
	e, u := framed(r, finite(r, size)).data, framed(r, finite(r, size)).data
	both(t, r, "timesRows", values(r, size), func(y []float32) { l.timesRows(y, pitch, cols, a0) }, func(y []float32) { plain.timesRows(y, pitch, cols, a0) })
	both(t, r, "dotRows", values(r, rows), func(d []float32) { l.dotRows(d, e, pitch, u, pitch, cols) },
		func(d []float32) { plain.dotRows(d, e, pitch, u, pitch, cols) })
	for _, inPlace := range []bool{false, true} {
		slope := func(l loops[float32]) func([]float32) {
			return func(y []float32) {
				e := e
				if inPlace {
					e = y[:size]
				}
				l.slopeRows(y[:size], y[size:], e, pitch, cols, a0, d, a)
			}
		}
		both(t, r, "slopeRows", values(r, 2*size), slope(l), slope(plain))
	}
}

// attended is an attention by its definition, with whole matrices: the result and the gradients of q, k and v.
func attended(a Attention, m AttentionMask[float64], q, k, v, dy []float64) (y, dq, dk, dv []float64) {
	d := a.Heads * a.Width
	y, dq, dk, dv = make([]float64, len(q)), make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(k))
	words := make([]uint32, AttentionWords(a))
	noise.BitsFrom(m.Stream, m.Block, words)
	for h := range a.N * a.Heads {
		at := func(t, length int) int { return (h/a.Heads*length+t)*d + h%a.Heads*a.Width }
		for i := range a.Queries {
			p, kept := make([]float64, a.Keys), make([]float64, a.Keys)
			total := 0.0
			for j := range a.Keys {
				if a.Causal && j > i || m.Padding != nil && m.Padding[h/a.Heads*a.Keys+j] {
					continue
				}
				s := 0.0
				for c := range a.Width {
					s += q[at(i, a.Queries)+c] * k[at(j, a.Keys)+c]
				}
				p[j] = math.Exp(s / math.Sqrt(float64(a.Width)))
				total += p[j]
				kept[j] = 1
				if m.Scale != 0 {
					if kept[j] = m.Scale; words[(h*a.Queries+i)*wordPitch(a.Keys)+j] < m.Threshold {
						kept[j] = 0
					}
				}
			}
			if total == 0 {
				continue
			}
			dp, mean := make([]float64, a.Keys), 0.0
			for j := range a.Keys {
				p[j] /= total
				for c := range a.Width {
					y[at(i, a.Queries)+c] += p[j] * kept[j] * v[at(j, a.Keys)+c]
					dv[at(j, a.Keys)+c] += p[j] * kept[j] * dy[at(i, a.Queries)+c]
					dp[j] += kept[j] * dy[at(i, a.Queries)+c] * v[at(j, a.Keys)+c]
				}
				mean += p[j] * dp[j]
			}
			for j := range a.Keys {
				ds := p[j] * (dp[j] - mean) / math.Sqrt(float64(a.Width))
				for c := range a.Width {
					dq[at(i, a.Queries)+c] += ds * k[at(j, a.Keys)+c]
					dk[at(j, a.Keys)+c] += ds * q[at(i, a.Queries)+c]
				}
			}
		}
	}
	return y, dq, dk, dv
}

// Whatever the shape, the blocks give what the definition does, in float64 and in float32, with scores of a hundred too.
func TestAttention(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 11))
		a := Attention{N: 1 + r.IntN(3), Queries: 1 + r.IntN(140), Keys: 1 + r.IntN(200), Heads: 1 + r.IntN(3), Width: 1 + r.IntN(40), Causal: seed%2 == 0}
		if a.Causal {
			a.Keys = a.Queries
		}
		m := AttentionMask[float64]{Stream: noise.Stream{Seed: seed}}
		if seed%3 == 0 {
			m.Padding = make([]bool, a.N*a.Keys)
			for i := range m.Padding {
				m.Padding[i] = r.IntN(3) > 0
			}
		}
		if seed%4 < 2 {
			m.Threshold, m.Scale, m.Block = DropoutThreshold(0.25), 4./3, uint32(r.IntN(3))
		}
		t.Run(fmt.Sprintf("%+v, padding %t, dropout %t", a, m.Padding != nil, m.Scale != 0), func(t *testing.T) {
			d := a.Heads * a.Width
			draw := func(n int, sd float64) []float32 {
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(sd * r.NormFloat64())
				}
				return x
			}
			size := math.Exp(3 * r.Float64())
			q, k, v, dy := draw(a.N*a.Queries*d, size), draw(a.N*a.Keys*d, 1), draw(a.N*a.Keys*d, 1), draw(a.N*a.Queries*d, 1)
			y, dq, dk, dv := attended(a, m, doubles(q), doubles(k), doubles(v), doubles(dy))
			y64, dq64, dk64, dv64 := attend(a, m, doubles(q), doubles(k), doubles(v), doubles(dy))
			narrow := AttentionMask[float32]{m.Padding, m.Stream, m.Threshold, float32(m.Scale), m.Block}
			y32, dq32, dk32, dv32 := attend(a, narrow, q, k, v, dy)
			for _, c := range []struct {
				name         string
				wide, narrow []float64
				want         []float64
			}{{"result", y64, doubles(y32), y}, {"gradient of q", dq64, doubles(dq32), dq}, {"gradient of k", dk64, doubles(dk32), dk}, {"gradient of v", dv64, doubles(dv32), dv}} {
				scale := 1e-3
				for _, w := range c.want {
					scale = max(scale, math.Abs(w))
				}
				for i, w := range c.want {
					if !(math.Abs(c.wide[i]-w) <= 1e-12*scale) || !(math.Abs(c.narrow[i]-w) <= 3e-5*scale) {
						t.Fatalf("%s, element %d: %v in float64, %v in float32, want %v", c.name, i, c.wide[i], c.narrow[i], w)
					}
				}
			}
		})
	}
}

func attend[T Float](a Attention, m AttentionMask[T], q, k, v, dy []T) (y, dq, dk, dv []T) {
	d := a.Heads * a.Width
	y, dq, dk, dv = make([]T, len(q)), make([]T, len(q)), make([]T, len(k)), make([]T, len(k))
	s := NewSoftmax[T](a)
	of := func(x []T) Heads[T] { return Heads[T]{x, d} }
	AttentionForward(a, m, s, of(y), of(q), of(k), of(v))
	AttentionGrad(a, m, s, of(dq), of(dk), of(dv), of(dy), of(y), of(q), of(k), of(v))
	return y, dq, dk, dv
}

// A NaN in a key reaches the queries that see it and no others; so do infinities, as NaN.
func TestAttentionBadValues(t *testing.T) {
	a := Attention{N: 2, Queries: 70, Keys: 70, Heads: 1, Width: 3, Causal: true}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		r := rand.New(rand.NewPCG(1, 12))
		x := [4][]float64{}
		for i := range x {
			x[i] = make([]float64, 2*70*3)
			for j := range x[i] {
				x[i][j] = 1 + r.Float64()
			}
		}
		x[1][66*3] = bad
		y, _, _, _ := attend(a, AttentionMask[float64]{}, x[0], x[1], x[2], x[3])
		for i, v := range y {
			sees := i/3 >= 66 && i/3 < 70
			if isBad := v != v; isBad != (sees && !math.IsInf(bad, -1)) {
				t.Fatalf("key 66 is %v: result %v of query %d", bad, v, i/3)
			}
		}
	}
}

// A pass leaves nothing to the next: where no key is seen, the result is zero, whatever was seen before.
func TestAttentionSeesNothing(t *testing.T) {
	a := Attention{N: 1, Queries: 5, Keys: 20, Heads: 1, Width: 3}
	q, k, v, y := make([]float32, 15), make([]float32, 60), make([]float32, 60), make([]float32, 15)
	for i := range v {
		v[i] = 1
	}
	s := NewSoftmax[float32](a)
	padding := make([]bool, 20)
	for _, want := range []float32{1, 0} {
		AttentionForward(a, AttentionMask[float32]{Padding: padding}, s, Heads[float32]{y, 3}, Heads[float32]{q, 3}, Heads[float32]{k, 3}, Heads[float32]{v, 3})
		for i, got := range y {
			if math.Abs(float64(got-want)) > 1e-6 || want == 0 && s.Inverse[i/3] != 0 {
				t.Fatalf("element %d: %v, want %v; one over the sum is %v", i, got, want, s.Inverse[i/3])
			}
		}
		for i := range padding {
			padding[i] = true
		}
	}
}

// TestAttentionKept: exponentials that are kept are those that are computed again, to the bit.
func TestAttentionKept(t *testing.T) {
	const width, heads, n = 5, 2, 3
	for _, c := range []struct {
		length          int
		causal, padding bool
		drop            float32
	}{
		{length: 1}, {length: 17, causal: true}, {length: 63, padding: true}, {length: 64, causal: true, padding: true, drop: 1.25}, {length: 64, drop: 1.25}, {length: 130, causal: true}, {length: 150, padding: true, drop: 1.25},
	} {
		a := Attention{N: n, Queries: c.length, Keys: c.length, Heads: heads, Width: width, Causal: c.causal}
		mask := AttentionMask[float32]{Threshold: 1 << 30, Scale: c.drop}
		if c.padding {
			mask.Padding = make([]bool, n*c.length)
			for i := range mask.Padding {
				mask.Padding[i] = i < c.length || i%5 == 0 // all of the first sequence
			}
		}
		var results [2][]float32
		for i := range results {
			r := rand.New(rand.NewPCG(1, 14))
			x := make([]float32, 8*n*c.length*heads*width)
			for i := range x {
				x[i] = 3 * float32(r.NormFloat64())
			}
			part := func(i int) Heads[float32] { return Heads[float32]{x[len(x)/8*i:], heads * width} }
			s := NewSoftmax[float32](a)
			if i == 1 {
				s.Keep(a)
			}
			AttentionForward(a, mask, s, part(0), part(1), part(2), part(3))
			AttentionGrad(a, mask, s, part(4), part(5), part(6), part(7), part(0), part(1), part(2), part(3))
			results[i] = x
		}
		if !slices.Equal(results[0], results[1]) {
			t.Errorf("%+v: other results", c)
		}
	}
}
