// Command gen writes the vector kernels of package kernel: go generate ./internal/kernel
package main

import (
	"log"
	"math"

	"github.com/layernoise/layernoise/internal/vectorasm"
	"github.com/mmcloughlin/avo/build"
)

var kernels = vectorasm.Package{Name: "kernel", Emit: emit}

func main() {
	if err := kernels.Write("."); err != nil {
		log.Fatal(err)
	}
}

// emit emits all kernels. The table begins with a row of ones and one of zeros: a mask for the first r lanes lies lanes - r
// words from its start.
func emit(ctx *build.Context, t *vectorasm.Table) {
	t.Words(math.MaxUint32)
	t.Words(0)
	for _, set := range []vectorasm.Set{vectorasm.AVX2, vectorasm.AVX512} {
		g := &generator{context: ctx, table: t, set: set}
		if set.Wide() {
			g.maskedPools()
		} else {
			g.pools()
			g.channelsLast()
			g.fetch()
		}
		g.tileRows()
		g.tileCols()
		g.windows()
		g.flat()
		g.sliding()
		g.batchNorm()
		g.rowNorm()
		g.attention()
	}
}
