package noise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"github.com/layernoise/layernoise/internal/race"
)

var allDists = []Dist{Gaussian, Rademacher, Uniform}

// bits is the element's representation, so that -0 differs from 0 and a NaN equals itself.
func bits[T Float](x T) uint64 {
	if unsafe.Sizeof(x) == 4 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(float64(x))
}

// equal fails the test unless got and want have the same bits.
func equal[T Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if bits(got[i]) != bits(want[i]) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i, got[i], bits(got[i]), want[i], bits(want[i]))
		}
	}
}

// unit is the definition of the unit draw, element by element from the words of Bits.
func unit(d Dist, s Stream, n int) []float32 {
	words := make([]uint32, n+rademacherLen)
	Bits(s, words)
	at := func(group, lane, b int) uint32 { return words[4*(8*group+lane/2)+lane%2+2*b] }
	eps := make([]float32, n)
	for i := range eps {
		g, j := i/32, i%32
		switch d {
		case Gaussian:
			cos, sin := boxMuller(at(g, j%16, 0), at(g, j%16, 1))
			eps[i] = cos
			if j >= 16 {
				eps[i] = sin
			}
		case Rademacher:
			j = i % 1024
			eps[i] = 1
			if at(i/1024, j%16, j/512)<<(j%512/16)>>31 == 1 {
				eps[i] = -1
			}
		case Uniform:
			eps[i] = uniform(at(g, j%16, j/16))
		}
	}
	return eps
}

// each runs the test for every distribution and type.
func each(t *testing.T, f32 func(*testing.T, Dist), f64 func(*testing.T, Dist)) {
	for _, d := range allDists {
		t.Run(fmt.Sprintf("%v/float32", d), func(t *testing.T) { f32(t, d) })
		t.Run(fmt.Sprintf("%v/float64", d), func(t *testing.T) { f64(t, d) })
	}
}

func weights[T Float](n int) []T {
	rng := rand.New(rand.NewPCG(1, 2))
	w := make([]T, n)
	for i := range w {
		w[i] = T(rng.NormFloat64())
	}
	return w
}

// Fill and Add follow their definition, whatever the length.
func TestDefinition(t *testing.T) { each(t, testDefinition[float32], testDefinition[float64]) }

func testDefinition[T Float](t *testing.T, d Dist) {
	const longest = 200_000
	s := Stream{Seed: 1<<40 + 3, Step: 4, Sample: 5, Tensor: 6}
	eps, src := unit(d, s, longest), weights[T](longest)
	const scale = 0.3
	fill, sum := make([]T, longest), make([]T, longest)
	for i, e := range eps {
		fill[i] = T(scale * T(e))
		sum[i] = src[i] + fill[i]
	}
	for _, n := range []int{0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000, 1023, 1024, 1025, 5000, 1 << 16, 1<<16 + 1, longest} {
		name := fmt.Sprint(n, " elements: ")
		got := make([]T, n)
		Fill(d, s, got, scale)
		equal(t, name+"Fill", got, fill[:n])
		Add(d, s, got, src[:n], scale)
		equal(t, name+"Add", got, sum[:n])
		copy(got, src)
		Add(d, s, got, got, scale)
		equal(t, name+"Add in place", got, sum[:n])
	}
}

func TestThreadsDoNotMatter(t *testing.T) { each(t, testThreads[float32], testThreads[float64]) }

func testThreads[T Float](t *testing.T, d Dist) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const n = 9<<16 + 77
	s := Stream{Seed: 5}
	want := make([]T, n)
	Fill(d, s, want, 1)
	for _, procs := range []int{2, 3, 4, 7} {
		runtime.GOMAXPROCS(procs)
		got := make([]T, n)
		Fill(d, s, got, 1)
		equal(t, fmt.Sprint(procs, " threads"), got, want)
	}
}

func TestNegativeScale(t *testing.T) { each(t, testNegative[float32], testNegative[float64]) }

func testNegative[T Float](t *testing.T, d Dist) {
	plus, minus := make([]T, 3000), make([]T, 3000)
	Fill(d, Stream{Seed: 8}, plus, 0.7)
	Fill(d, Stream{Seed: 8}, minus, -0.7)
	for i := range plus {
		plus[i] = -plus[i]
	}
	equal(t, "negated", minus, plus)
}

func TestZeroScale(t *testing.T) { each(t, testZero[float32], testZero[float64]) }

func testZero[T Float](t *testing.T, d Dist) {
	zero := T(0)
	src := append(weights[T](100), zero, -zero, T(math.Copysign(0, -1)), T(math.NaN()), T(math.Inf(1)))
	for _, scale := range []T{0, T(math.Copysign(0, -1))} {
		got := make([]T, len(src))
		Add(d, Stream{}, got, src, scale)
		equal(t, "Add", got, src)
		Add(d, Stream{}, got, got, scale)
		equal(t, "Add in place", got, src)
		Fill(d, Stream{}, got, scale)
		equal(t, "Fill", got, make([]T, len(src)))
	}
}

// A draw of float64 is the draw of float32, widened.
func TestWidening(t *testing.T) {
	for _, d := range allDists {
		narrow, wide := make([]float32, 2000), make([]float64, 2000)
		Fill(d, Stream{Seed: 3}, narrow, 1)
		Fill(d, Stream{Seed: 3}, wide, 1)
		for i, x := range narrow {
			if wide[i] != float64(x) {
				t.Fatalf("%v: element %d is %v, want %v", d, i, wide[i], x)
			}
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	each(t, testAllocs[float32], testAllocs[float64])
}

func testAllocs[T Float](t *testing.T, d Dist) {
	for _, n := range []int{10, 1000, 300_000} {
		w, clean := make([]T, n), make([]T, n)
		step := func() {
			Add(d, Stream{}, w, clean, 0.1)
			Fill(d, Stream{}, w, 0.1)
		}
		if a := testing.AllocsPerRun(20, step); a != 0 {
			t.Errorf("%d elements: %v allocations", n, a)
		}
	}
}

func TestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"lengths":      func() { Add(Gaussian, Stream{}, make([]float32, 3), make([]float32, 4), 1) },
		"distribution": func() { Fill(dists, Stream{}, make([]float64, 3), 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
