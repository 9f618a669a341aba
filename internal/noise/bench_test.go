package noise

import (
	"fmt"
	"testing"
	"unsafe"
)

// BenchmarkNoise is generating and adding to weights in place, in the second-level cache.
func BenchmarkNoise(b *testing.B) {
	for _, d := range allDists {
		b.Run(fmt.Sprintf("%v/float32", d), benchAdd[float32](d))
		b.Run(fmt.Sprintf("%v/float64", d), benchAdd[float64](d))
	}
}

const benchLen = 1 << 16

func benchAdd[T Float](d Dist) func(*testing.B) {
	return func(b *testing.B) {
		w := make([]T, benchLen)
		report[T](b, len(w), func(step uint32) { Add(d, Stream{Step: step}, w, w, 1e-3) })
	}
}

// report times step and reports nanoseconds a sample.
func report[T Float](b *testing.B, n int, step func(uint32)) {
	var x T
	b.SetBytes(int64(n) * int64(unsafe.Sizeof(x)))
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		step(i)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/sample")
}
