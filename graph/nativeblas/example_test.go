package nativeblas_test

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/graph/nativeblas"
)

// Use the machine's OpenBLAS, MKL, BLIS or Accelerate if there is one, and this module's kernels otherwise.
func ExampleUse() {
	name, err := nativeblas.Use()
	if err != nil {
		graph.UseBLAS()
		name = "the kernels of package graph"
	}
	fmt.Println("products by", name)
}
