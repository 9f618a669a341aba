package noise

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// BenchmarkNoise adds noise to weights in cache, in place and on one core, next to a plain copy of them.
func BenchmarkNoise(b *testing.B) {
	for _, d := range allDists {
		b.Run(fmt.Sprintf("%v/float32", d), func(b *testing.B) { benchInPlace[float32](b, d) })
		b.Run(fmt.Sprintf("%v/float64", d), func(b *testing.B) { benchInPlace[float64](b, d) })
	}
	b.Run("copy/float32", func(b *testing.B) { benchCopy(b, inCache) })
}

// BenchmarkNoiseLarge makes a noisy copy of as many weights as a ResNet-50 has, in memory.
func BenchmarkNoiseLarge(b *testing.B) {
	for _, d := range []Dist{Gaussian, Rademacher} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v/threads=%d", d, threads), func(b *testing.B) { benchCopied(b, d, threads) })
		}
	}
	b.Run("copy", func(b *testing.B) { benchCopy(b, inMemory) })
}

const (
	inCache  = 1 << 13 // 32 KB of float32, in the first-level cache; 64 KB of float64, in the second
	inMemory = 25 << 20
)

func benchInPlace[T Float](b *testing.B, d Dist) {
	w := make([]T, inCache)
	report[T](b, inCache, 1, func(step uint32) { Add(d, Stream{Step: step}, w, w, 1e-3) })
}

func benchCopied(b *testing.B, d Dist, threads int) {
	w, noisy := make([]float32, inMemory), make([]float32, inMemory)
	report[float32](b, inMemory, threads, func(step uint32) { Add(d, Stream{Step: step}, noisy, w, 1e-3) })
}

func benchCopy(b *testing.B, n int) {
	w, clean := make([]float32, n), make([]float32, n)
	report[float32](b, n, 1, func(uint32) { copy(clean, w) })
}

// report times step on a number of threads and reports nanoseconds per sample: the mean, and the minimum over all steps,
// which is the time of the code when nothing else slows the processor down.
func report[T Float](b *testing.B, n, threads int, step func(uint32)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	var x T
	b.SetBytes(int64(n) * int64(unsafe.Sizeof(x)))
	b.ReportAllocs()
	step(0) // touches the pages
	least := time.Duration(math.MaxInt64)
	for i := uint32(1); b.Loop(); i++ {
		started := time.Now()
		step(i)
		least = min(least, time.Since(started))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/sample")
	b.ReportMetric(float64(least.Nanoseconds())/float64(n), "least-ns/sample")
}
