// Command gen writes the vector kernels of package elementary: go generate ./internal/elementary
package main

import (
	"log"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"

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
		start := func(name, params string) *kernel { return newKernel(ctx, t, set, name, params) }
		expSum(start("expSum", "y, x []float32, top, scale float32, sums *[8]float64) (total float64"))

		start("tanh", "y, x []float32").each("y", "x", func(k *kernel, v []vector, _ operand.Mem) []vector { return []vector{k.tanh(v[0])} })
		start("sigmoid", "y, x []float32").each("y", "x", func(k *kernel, v []vector, _ operand.Mem) []vector {
			s, _ := k.sigmoids(v[0])
			return []vector{s}
		})
		start("tanhGrad", "dx, y, dy []float32").each("dx", "y dy", func(k *kernel, v []vector, _ operand.Mem) []vector {
			return []vector{k.Mul(v[1], k.Mul(k.Sub(k.one, v[0]), k.Add(k.one, v[0])))}
		})
		start("sigmoidGrad", "dx, y, dy []float32").each("dx", "y dy", func(k *kernel, v []vector, _ operand.Mem) []vector {
			return []vector{k.Mul(v[1], k.Mul(v[0], k.Sub(k.one, v[0])))}
		})
		start("product", "z, x, y []float32").each("z", "x y", func(k *kernel, v []vector, _ operand.Mem) []vector {
			return []vector{k.Mul(v[0], v[1])}
		})

		for _, f := range []struct {
			name string
			emit func(k *kernel, x vector, m operand.Mem) (y vector, slope func() vector)
		}{{"silu", (*kernel).silu}, {"gelu", (*kernel).gelu}, {"geluTanh", (*kernel).geluTanh}} {
			start(f.name, "y, x []float32").each("y", "x", func(k *kernel, v []vector, x operand.Mem) []vector {
				y, _ := f.emit(k, v[0], x)
				return []vector{y}
			})
			start(f.name+"Slope", "y, slope, x []float32").each("y slope", "x", func(k *kernel, v []vector, x operand.Mem) []vector {
				y, slope := f.emit(k, v[0], x)
				return []vector{y, slope()}
			})
		}
	}
}
