// Command gen writes the vector kernels of package noise: go generate ./internal/noise
package main

import (
	"fmt"
	"log"

	"github.com/mmcloughlin/avo/build"

	"github.com/layernoise/layernoise/internal/noise/coef"
	"github.com/layernoise/layernoise/internal/vectorasm"
)

var kernels = vectorasm.Package{Name: "noise", Emit: emit}

func main() {
	if err := kernels.Write("."); err != nil {
		log.Fatal(err)
	}
}

// groupsParams are the parameters of a function that makes the words of groups.
var groupsParams = fmt.Sprintf("words []uint32, k *[%d][2]uint32, c1, c2, c3, first uint32", coef.PhiloxRounds)

// emit emits all kernels.
func emit(ctx *build.Context, t *vectorasm.Table) {
	for _, set := range []vectorasm.Set{vectorasm.AVX2, vectorasm.AVX512} {
		groups(function(ctx, t, set, "groups", groupsParams))
		for _, elem := range []element{float32s, float64s} {
			for _, dist := range []struct {
				name string
				emit func(*applier)
			}{{"Gaussian", gaussian}, {"Rademacher", rademacher}, {"Uniform", uniform}} {
				dist.emit(newApplier(ctx, t, set, elem, dist.name))
			}
		}
	}
}

// function starts the function called name and the set's name.
func function(ctx *build.Context, t *vectorasm.Table, set vectorasm.Set, name, params string) *kernel {
	return &kernel{vectorasm.NewKernel(ctx, t, set, name, params), map[uint32]vector{}}
}
