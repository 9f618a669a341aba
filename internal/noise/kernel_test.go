package noise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/layernoise/layernoise/internal/cpu"
)

// levels are the instruction sets that can be tested here.
func levels() (all []cpu.Level) {
	for l := cpu.Plain; l <= cpu.Best(); l++ {
		all = append(all, l)
	}
	return all
}

// at runs f with draws made by the kernels of a level.
func at(l cpu.Level, f func()) {
	k32, k64 := engine32.kernels, engine64.kernels
	defer func() { engine32.kernels, engine64.kernels = k32, k64 }()
	engine32.kernels, engine64.kernels = kernels32(l), kernels64(l)
	f()
}

func TestKernelGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, l := range levels() {
		for range 300 {
			n := groupWords * (1 + rng.IntN(70))
			k := expand(rng.Uint64())
			c1, c2, c3, first := rng.Uint32(), rng.Uint32(), rng.Uint32(), rng.Uint32()>>3
			if rng.IntN(4) == 0 {
				first = 1<<29 - uint32(n/groupWords) // up to the last block
			}
			want := make([]uint32, n)
			groupsPlain(want, &k, c1, c2, c3, first)
			buf := make([]uint32, n+32)
			from := rng.IntN(17)
			got := buf[from : from+n]
			kernels32(l).groups(got, &k, c1, c2, c3, first)
			for i := range buf {
				switch in := i >= from && i < from+n; {
				case in && buf[i] != want[i-from]:
					t.Fatalf("%v: %d words from group %d: word %d is %#x, want %#x", l, n, first, i-from, buf[i], want[i-from])
				case !in && buf[i] != 0:
					t.Fatalf("%v: %d words: wrote outside", l, n)
				}
			}
		}
	}
}

func TestKernelElements(t *testing.T) {
	for _, l := range levels() {
		t.Run(fmt.Sprintf("%v/float32", l), func(t *testing.T) { testElements(t, kernels32(l)) })
		t.Run(fmt.Sprintf("%v/float64", l), func(t *testing.T) { testElements(t, kernels64(l)) })
	}
}

// testElements compares kernels to the plain ones, on words and weights that include the extremes, at every alignment.
func testElements[T Float](t *testing.T, k kernels[T]) {
	rng := rand.New(rand.NewPCG(5, 6))
	plain := plainKernels[T]()
	scales := []T{1, -1, 0.1, -1e-3, 1e-30, 3e38, 1e-44}
	extremeWords := []uint32{0, 1, 2, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 1, 1<<31 - 64, 0x7fffffbf}
	extremes := []T{0, T(math.Copysign(0, -1)), T(math.Inf(1)), T(math.NaN()), 1e-45, -3e38, 1e30}
	for round := range 200 {
		groups := 1 + rng.IntN(9)
		words := make([]uint32, groups*groupWords)
		for i := range words {
			words[i] = rng.Uint32()
			if rng.IntN(5) == 0 {
				words[i] = extremeWords[rng.IntN(len(extremeWords))]
			}
		}
		scale := scales[round%len(scales)]
		if round%2 == 0 {
			scale = T(rng.NormFloat64())
		}
		for _, d := range allDists {
			n := groups * d.groupLen()
			src := make([]T, n)
			for i := range src {
				src[i] = T(rng.NormFloat64())
				if rng.IntN(7) == 0 {
					src[i] = extremes[rng.IntN(len(extremes))]
				}
			}
			want := make([]T, n)
			plain.add[d](want, src, words, scale)

			from, to := rng.IntN(17), rng.IntN(17)
			in, out := framed(src, from), framed(make([]T, n), to)
			k.add[d](out.data, in.data, words, scale)
			equal(t, fmt.Sprintf("add %v, scale %v", d, scale), out.data, want)
			equal(t, "source", in.data, src)
			out.check(t)
			k.add[d](in.data, in.data, words, scale)
			equal(t, fmt.Sprintf("add %v in place, scale %v", d, scale), in.data, want)
			in.check(t)
		}
	}
}

// frame is a slice between two margins that must stay as they are.
type frame[T Float] struct {
	all, data []T
	from      int
}

func framed[T Float](data []T, from int) frame[T] {
	all := make([]T, from+len(data)+17)
	for i := range all {
		all[i] = 12345
	}
	copy(all[from:], data)
	return frame[T]{all, all[from : from+len(data)], from}
}

func (f frame[T]) check(t *testing.T) {
	t.Helper()
	for i, x := range f.all {
		if (i < f.from || i >= f.from+len(f.data)) && x != 12345 {
			t.Fatalf("wrote at %d, outside of [%d, %d)", i, f.from, f.from+len(f.data))
		}
	}
}

// FuzzKernel makes whole draws at all levels.
func FuzzKernel(f *testing.F) {
	f.Add(uint8(0), uint64(1), uint32(2), uint32(3), uint32(4), uint32(5), uint8(0), 0.5)
	f.Add(uint8(1), uint64(1)<<63, uint32(1)<<31, uint32(0), uint32(4), uint32(1025), uint8(3), -1e-3)
	f.Add(uint8(2), uint64(0), uint32(0), uint32(0), uint32(0), uint32(33), uint8(15), 1e30)
	f.Add(uint8(0), uint64(99), uint32(7), uint32(0), uint32(1), uint32(70001), uint8(1), 0.0)
	f.Fuzz(func(t *testing.T, d uint8, seed uint64, step, sample, tensor, n uint32, from uint8, scale float64) {
		s := Stream{seed, step, sample, tensor}
		dist, length := Dist(d)%dists, int(n%100_000)
		fuzzDraw(t, dist, s, length, int(from%17), float32(scale))
		fuzzDraw(t, dist, s, length, int(from%17), scale)
	})
}

func fuzzDraw[T Float](t *testing.T, d Dist, s Stream, n, from int, scale T) {
	src := weights[T](n)
	var want []T
	for _, l := range levels() {
		at(l, func() {
			w, other := framed(src, from), framed(make([]T, n), 0)
			Add(d, s, other.data, w.data, scale)
			equal(t, "source", w.data, src)
			Add(d, s, w.data, w.data, scale)
			equal(t, "in place", w.data, other.data)
			w.check(t)
			other.check(t)
			if l == cpu.Plain {
				want = w.data
			}
			equal(t, fmt.Sprintf("%v, %v", l, d), w.data, want)
		})
	}
}

func TestKernelDraws(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 60 {
		s := Stream{rng.Uint64(), rng.Uint32(), rng.Uint32(), rng.Uint32()}
		d, n, from := Dist(rng.IntN(int(dists))), rng.IntN(5000), rng.IntN(17)
		fuzzDraw(t, d, s, n, from, float32(rng.NormFloat64()))
		fuzzDraw(t, d, s, n, from, rng.NormFloat64())
	}
}
