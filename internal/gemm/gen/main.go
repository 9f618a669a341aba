// Command gen writes the vector kernels of package gemm: go generate ./internal/gemm
package main

import (
	"log"
	"math"

	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/build"
)

var kernels = vectorasm.Package{Name: "gemm", Emit: emit}

func main() {
	if err := kernels.Write("."); err != nil {
		log.Fatal(err)
	}
	for name, text := range texts() {
		if err := write(name, text); err != nil {
			log.Fatal(err)
		}
	}
}

// emit emits all kernels for amd64. The table begins with a row of ones and one of zeros: a mask for the first r lanes of an
// AVX2 register lies that many lanes before the zeros.
func emit(ctx *build.Context, t *vectorasm.Table) {
	t.Words(math.MaxUint32)
	t.Words(0)
	for _, e := range elements {
		for _, s := range sets {
			for _, shape := range s.shapes {
				for h := 1; h <= shape.rows; h++ {
					newGenerator(ctx, t, s, e, tileName(e, h, shape.vectors), tileParams).tile(h, shape.vectors)
				}
				newGenerator(ctx, t, s, e, copyName(e, shape.vectors), copyParams).copyRows(shape.vectors)
			}
			newGenerator(ctx, t, s, e, transposeName(e), transposeParams).transpose()
			newGenerator(ctx, t, s, e, dotsName(e), dotsParams).dots()
		}
	}
}
