package nativeblas_test

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/graph/nativeblas"
)

// Take the machine's OpenBLAS, MKL, BLIS or Accelerate, and the kernels of this module where there is none.
func ExampleUse() {
	name, err := nativeblas.Use()
	if err != nil {
		graph.UseBLAS()
		name = "the kernels of package graph"
	}
	fmt.Println("products by", name)
}
