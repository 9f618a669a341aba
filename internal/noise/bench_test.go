package noise

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"
)

// BenchmarkNoise generates noise and adds it to weights in the second-level cache, on one core.
func BenchmarkNoise(b *testing.B) {
	for _, d := range allDists {
		b.Run(fmt.Sprintf("%v/float32", d), func(b *testing.B) { benchAdd[float32](b, d, inCache, 1) })
		b.Run(fmt.Sprintf("%v/float64", d), func(b *testing.B) { benchAdd[float64](b, d, inCache, 1) })
	}
}

// BenchmarkNoiseSave saves the weights in the same pass.
func BenchmarkNoiseSave(b *testing.B) {
	for _, d := range allDists {
		b.Run(fmt.Sprintf("%v/float32", d), func(b *testing.B) { benchSave[float32](b, d, inCache, 1) })
		b.Run(fmt.Sprintf("%v/float64", d), func(b *testing.B) { benchSave[float64](b, d, inCache, 1) })
	}
}

// BenchmarkNoiseLarge works on as many weights as a ResNet-50 has, in memory, next to a plain copy of them.
func BenchmarkNoiseLarge(b *testing.B) {
	b.Run("copy", func(b *testing.B) { benchCopy(b, inMemory) })
	for _, threads := range []int{1, 2} {
		for _, d := range []Dist{Gaussian, Rademacher} {
			b.Run(fmt.Sprintf("%v/threads=%d", d, threads), func(b *testing.B) { benchAdd[float32](b, d, inMemory, threads) })
			b.Run(fmt.Sprintf("%v/save/threads=%d", d, threads), func(b *testing.B) { benchSave[float32](b, d, inMemory, threads) })
		}
	}
}

const (
	inCache  = 1 << 16
	inMemory = 25 << 20
)

func benchAdd[T Float](b *testing.B, d Dist, n, threads int) {
	w := make([]T, n)
	report[T](b, n, threads, func(step uint32) { Add(d, Stream{Step: step}, w, w, 1e-3) })
}

func benchSave[T Float](b *testing.B, d Dist, n, threads int) {
	w, clean := make([]T, n), make([]T, n)
	report[T](b, n, threads, func(step uint32) { SaveAdd(d, Stream{Step: step}, w, clean, 1e-3) })
}

func benchCopy(b *testing.B, n int) {
	w, clean := make([]float32, n), make([]float32, n)
	report[float32](b, n, 1, func(uint32) { copy(clean, w) })
}

// report times step on a number of threads and reports nanoseconds a sample.
func report[T Float](b *testing.B, n, threads int, step func(uint32)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	var x T
	b.SetBytes(int64(n) * int64(unsafe.Sizeof(x)))
	b.ReportAllocs()
	step(0) // touches the pages
	for i := uint32(1); b.Loop(); i++ {
		step(i)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/sample")
}
