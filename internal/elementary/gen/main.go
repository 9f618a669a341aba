// Command gen writes the vector kernels of package elementary: go generate ./internal/elementary
package main

import (
	"log"

	"github.com/mmcloughlin/avo/build"

	"github.com/layernoise/layernoise/internal/vectorasm"
)

var kernels = vectorasm.Package{Name: "elementary", Emit: emit}

func main() {
	if err := kernels.Write("."); err != nil {
		log.Fatal(err)
	}
}

// emit emits all kernels.
func emit(ctx *build.Context, t *vectorasm.Table) {
	for _, set := range []vectorasm.Set{vectorasm.AVX2, vectorasm.AVX512} {
		expSum(newKernel(ctx, t, set, "expSum", "y, x []float32, top, scale float32, sums *[8]float64"))
		newKernel(ctx, t, set, "tanh", "y, x []float32").each("x", func(k *kernel, v []vector) vector { return k.tanh(v[0]) })
		newKernel(ctx, t, set, "sigmoid", "y, x []float32").each("x", func(k *kernel, v []vector) vector {
			s, _ := k.sigmoids(v[0])
			return s
		})
		newKernel(ctx, t, set, "silu", "y, x []float32").each("x", func(k *kernel, v []vector) vector {
			s, _ := k.sigmoids(v[0])
			return k.Mul(v[0], s)
		})
		newKernel(ctx, t, set, "gelu", "y, x []float32").each("x", func(k *kernel, v []vector) vector {
			phi, _ := k.normal(v[0])
			return k.Mul(v[0], phi)
		})
		newKernel(ctx, t, set, "geluTanh", "y, x []float32").each("x", func(k *kernel, v []vector) vector {
			s, _, _ := k.geluTanh(v[0])
			return k.Mul(v[0], s)
		})
		newKernel(ctx, t, set, "geluTanhGrad", "dx, x, dy []float32").each("x dy", func(k *kernel, v []vector) vector {
			s, c, lift := k.geluTanh(v[0])
			return k.Mul(v[1], k.Add(s, k.Mul(k.Mul(lift, s), c)))
		})
		newKernel(ctx, t, set, "tanhGrad", "dx, y, dy []float32").each("y dy", func(k *kernel, v []vector) vector {
			one := k.number(1)
			return k.Mul(v[1], k.Mul(k.Sub(one, v[0]), k.Add(one, v[0])))
		})
		newKernel(ctx, t, set, "sigmoidGrad", "dx, y, dy []float32").each("y dy", func(k *kernel, v []vector) vector {
			return k.Mul(v[1], k.Mul(v[0], k.Sub(k.number(1), v[0])))
		})
		newKernel(ctx, t, set, "siluGrad", "dx, x, dy []float32").each("x dy", func(k *kernel, v []vector) vector {
			s, c := k.sigmoids(v[0])
			return k.Mul(v[1], k.Mul(s, k.Add(k.Mul(v[0], c), k.number(1))))
		})
		newKernel(ctx, t, set, "geluGrad", "dx, x, dy []float32").each("x dy", func(k *kernel, v []vector) vector {
			phi, density := k.normal(v[0])
			return k.Mul(v[1], k.Add(phi, k.Mul(v[0], density)))
		})
	}
}
