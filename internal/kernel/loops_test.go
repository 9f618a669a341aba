package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
)

// finite are values without the special ones: sums of infinities of both signs are NaN in one order only.
func finite(r *rand.Rand, n int) []float32 {
	x := values(r, n)
	for i, v := range x {
		if v-v != 0 || math.Abs(float64(v)) > 1e20 {
			x[i] = float32(r.NormFloat64())
		}
	}
	return x
}

// testLoops compares loops with the plain ones, for arguments that follow from seed.
func testLoops(t *testing.T, l loops[float32], seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	plain := plainLoops[float32]()
	n := r.IntN(70)
	x, z := framed(r, values(r, n)).data, framed(r, values(r, n)).data
	y := values(r, n)
	b := float32(r.NormFloat64())
	low := lowest[float32](r.IntN(2) == 0)
	both(t, r, "addClip", y, func(y []float32) { l.addClip(y, x, b, low) }, func(y []float32) { plain.addClip(y, x, b, low) })
	both(t, r, "sumClip", y, func(y []float32) { l.sumClip(y, x, z, low) }, func(y []float32) { plain.sumClip(y, x, z, low) })
	words, threshold := make([]uint32, n), r.Uint32()
	for i := range words {
		words[i] = threshold + uint32(r.IntN(3)) - 1
		if r.IntN(2) == 0 {
			words[i] = r.Uint32()
		}
	}
	both(t, r, "dropout", y, func(y []float32) { l.dropout(y, x, words, threshold, b) },
		func(y []float32) { plain.dropout(y, x, words, threshold, b) })
	width, rows, gap := r.IntN(40), 1+r.IntN(4), r.IntN(5)
	from := framed(r, values(r, rows*(width+gap))).data
	both(t, r, "clipRows", values(r, rows*(width+3)),
		func(y []float32) { l.clipRows(y, width+3, from, width+gap, width, rows, b, low) },
		func(y []float32) { plain.clipRows(y, width+3, from, width+gap, width, rows, b, low) })

	u := framed(r, finite(r, n)).data
	equalBits(t, "sum", []float32{l.sum(u)}, []float32{plain.sum(u)})

	sums, wantSums := make([]float64, rows), make([]float64, rows)
	for i := range sums {
		sums[i] = r.NormFloat64()
		wantSums[i] = sums[i]
	}
	dy, gates := framed(r, finite(r, rows*width)).data, framed(r, values(r, rows*width)).data
	l.gatedSums(sums, dy, gates, width)
	plain.gatedSums(wantSums, dy, gates, width)
	if !slices.Equal(sums, wantSums) {
		t.Fatalf("gatedSums: %v, want %v", sums, wantSums)
	}

	// The steps of the optimisers change several slices, here parts of one.
	parts := func(s []float32) (w, g, m, v []float32) {
		return s[:n], s[n : 2*n], s[2*n : 3*n], s[3*n:]
	}
	state := values(r, 4*n)
	for i, v := range state[3*n:] {
		state[3*n+i] = float32(math.Abs(float64(v)))
	}
	step := func(s []float32, f func(w, g, m, v []float32)) { f(parts(s)) }
	rate, momentum, decay := float32(0.1), float32(0.9), float32(r.IntN(2))*5e-4
	both(t, r, "sgd", state,
		func(s []float32) { step(s, func(w, g, m, v []float32) { l.sgd(w, g, rate, decay) }) },
		func(s []float32) { step(s, func(w, g, m, v []float32) { plain.sgd(w, g, rate, decay) }) })
	both(t, r, "momentum", state,
		func(s []float32) { step(s, func(w, g, m, v []float32) { l.momentum(w, g, v, rate, momentum, decay) }) },
		func(s []float32) {
			step(s, func(w, g, m, v []float32) { plain.momentum(w, g, v, rate, momentum, decay) })
		})
	both(t, r, "nesterov", state,
		func(s []float32) { step(s, func(w, g, m, v []float32) { l.nesterov(w, g, v, rate, momentum, decay) }) },
		func(s []float32) {
			step(s, func(w, g, m, v []float32) { plain.nesterov(w, g, v, rate, momentum, decay) })
		})
	adam := &AdamStep[float32]{Rate: 0.01, Beta1: 0.9, Beta2: 0.999, Omit1: 0.1, Omit2: 0.001, Root2: 0.3, Eps: 1e-8, Decay: decay, Shrink: 0.999}
	both(t, r, "adam", state,
		func(s []float32) { step(s, func(w, g, m, v []float32) { l.adam(w, g, m, v, adam) }) },
		func(s []float32) { step(s, func(w, g, m, v []float32) { plain.adam(w, g, m, v, adam) }) })
}

// testHalves is testLoops for pools.
func testHalves(t *testing.T, l loops[float32], seed uint64) {
	r := rand.New(rand.NewPCG(seed, 6))
	plain := plainLoops[float32]()
	width, p := 2+r.IntN(70), pooled{rows: 1 + r.IntN(3), count: 1 + r.IntN(3)}
	if r.IntN(2) == 0 {
		width = 2 << r.IntN(5)
	}
	pitch := width + r.IntN(2)*r.IntN(9)
	p.apart, p.lines = p.rows+r.IntN(3), 2*p.rows+r.IntN(3)
	out, words, size := p.count*p.apart*(width/2), p.count*p.apart*pickWords(width), p.count*p.lines*pitch
	v := []float32{0, float32(math.Copysign(0, -1)), float32(r.NormFloat64())}[r.IntN(3)]
	keep := uint32(r.IntN(2)) * math.MaxUint32
	x := values(r, size)
	for i := range x { // equal elements
		if i > 0 && r.IntN(4) == 0 {
			x[i] = x[i-1]
		}
	}
	x = framed(r, x).data
	picks, want := make([]uint32, words+1), make([]uint32, words+1)
	picks[words], want[words] = margin, margin
	both(t, r, "maxHalves", values(r, out),
		func(y []float32) { l.maxHalves(y, picks, x, width, pitch, p, v, keep) },
		func(y []float32) { plain.maxHalves(y, want, x, width, pitch, p, v, keep) })
	if !slices.Equal(picks, want) {
		t.Fatalf("maxHalves: picks %x, want %x", picks, want)
	}
	dy := framed(r, values(r, out)).data
	both(t, r, "unpoolHalves", values(r, size),
		func(dx []float32) { l.unpoolHalves(dx, picks, dy, width, pitch, p) },
		func(dx []float32) { plain.unpoolHalves(dx, picks, dy, width, pitch, p) })
}

// testChannelsLast is testLoops for the copies between planes and rows of channels.
func testChannelsLast(t *testing.T, l loops[float32], seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	plain := plainLoops[float32]()
	n, channels := r.IntN(30), r.IntN(40)
	plane, ld := n+r.IntN(9), channels+r.IntN(9)
	pixels := r.Perm(n + r.IntN(9))[:n]
	for i := range pixels {
		pixels[i] *= ld
	}
	planes, rows := values(r, max(channels-1, 0)*plane+n), values(r, (n+9)*ld)
	from := framed(r, planes).data
	both(t, r, "toChannelsLast", rows,
		func(dst []float32) { l.toChannelsLast(dst, pixels, from, plane, channels) },
		func(dst []float32) { plain.toChannelsLast(dst, pixels, from, plane, channels) })
	from = framed(r, rows).data
	both(t, r, "fromChannelsLast", planes,
		func(dst []float32) { l.fromChannelsLast(dst, plane, channels, from, pixels) },
		func(dst []float32) { plain.fromChannelsLast(dst, plane, channels, from, pixels) })
}

func testGate(t *testing.T, k kernels, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 4))
	n := r.IntN(70)
	y, dy := framed(r, values(r, n)).data, framed(r, values(r, n)).data
	both(t, r, "gate32", values(r, n),
		func(dx []float32) { k.gate32(bits[uint32](dx), bits[uint32](y), bits[uint32](dy)) },
		func(dx []float32) { gate32(bits[uint32](dx), bits[uint32](y), bits[uint32](dy)) })
}

func TestLoops(t *testing.T) {
	for level := cpu.Plain; level <= cpu.Best(); level++ {
		for seed := range uint64(1000) {
			testLoops(t, loopsOf(level), seed)
			testHalves(t, loopsOf(level), seed)
			testChannelsLast(t, loopsOf(level), seed)
			testNorms(t, loopsOf(level), seed)
			testRowNorms(t, loopsOf(level), seed)
			testAttentionLoops(t, loopsOf(level), seed)
			testGate(t, kernelsOf(level), seed)
		}
	}
}

func FuzzLoops(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		testLoops(t, loops32, seed)
		testHalves(t, loops32, seed)
		testChannelsLast(t, loops32, seed)
		testNorms(t, loops32, seed)
		testRowNorms(t, loops32, seed)
		testAttentionLoops(t, loops32, seed)
		testGate(t, use, seed)
	})
}
