package optim_test

import (
	"fmt"
	"log"

	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func ExampleHessianTrace() {
	// R = 2 x^2 + 3 y^2 has the Hessian diag(4, 6).
	g := G.NewGraph()
	w := G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithShape(2), G.WithValue(tensor.New(tensor.WithBacking([]float64{1, -1}))))
	a := G.NewConstant(tensor.New(tensor.WithBacking([]float64{2, 3})))
	cost := G.Must(G.Sum(G.Must(G.HadamardProd(a, G.Must(G.Square(w))))))
	if _, err := G.Grad(cost, w); err != nil {
		log.Fatal(err)
	}
	vm := G.NewTapeMachine(g, G.BindDualValues(w))
	defer vm.Close()

	trace, err := optim.HessianTrace(vm, optim.TraceConfig{Probes: 1}, w)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f\n", trace.Mean)
	// Output: 10.0000
}
