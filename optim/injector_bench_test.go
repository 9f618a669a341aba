package optim

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"
)

// BenchmarkNoise measures an injection into a tensor in cache: making the noisy copy, and pointing the tensor there and
// back.
func BenchmarkNoise(b *testing.B) {
	const size = 1 << 13
	for _, dist := range []string{"gaussian", "rademacher", "uniform"} {
		for _, dtype := range dtypes {
			b.Run(fmt.Sprintf("%s/%v", dist, dtype), func(b *testing.B) {
				w := tensor.New(tensor.Of(dtype), tensor.WithShape(size))
				p := &Param{name: "w", shape: w.Shape(), dense: w}
				var err error
				if p.vec, err = vecOf(w); err != nil {
					b.Fatal(err)
				}
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
					n.restore()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/sample")
			})
		}
	}
}
