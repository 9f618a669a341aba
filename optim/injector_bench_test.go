package optim

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"
)

// BenchmarkNoise measures an injection into a tensor that fits the second-level cache: generating, scaling, adding to the
// weights, and saving the clean copy.
func BenchmarkNoise(b *testing.B) {
	const size = 1 << 16
	for _, dist := range []string{"gaussian", "rademacher", "uniform"} {
		for _, dtype := range dtypes {
			b.Run(fmt.Sprintf("%s/%v", dist, dtype), func(b *testing.B) {
				p := &Param{name: "w", shape: tensor.Shape{size}, vec: vecFor(dtype, size)}
				var n injector
				n.begin(noises[dist].noise, 1, 0, 1)
				if err := n.target(p, 1e-3); err != nil {
					b.Fatal(err)
				}
				n.reserve()
				b.ReportAllocs()
				b.SetBytes(int64(size * dtype.Size()))
				for i := uint64(0); b.Loop(); i++ {
					if err := n.inject(i%(1<<32), 1); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/sample")
			})
		}
	}
}

func vecFor(dtype tensor.Dtype, n int) vec {
	if dtype == tensor.Float32 {
		return vec{f32: make([]float32, n)}
	}
	return vec{f64: make([]float64, n)}
}
