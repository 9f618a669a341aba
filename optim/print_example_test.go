package optim_test

import (
	"fmt"
	"log"

	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The noise that was last in the weights. Weights without a name are called by their index in the model.
func ExampleInjection() {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(1, 2), G.WithInit(G.Ones()))
	w := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 3), G.WithInit(G.Ones()))
	b := G.NewMatrix(g, tensor.Float64, G.WithName("b"), G.WithShape(1, 3), G.WithInit(G.Ones()))
	cost := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Add(G.Must(G.Mul(x, w)), b))))))
	if _, err := G.Grad(cost, w, b); err != nil {
		log.Fatal(err)
	}
	showGroups := func(params []*optim.Param) ([]optim.Group, error) {
		groups, err := optim.ByTensor()(params)
		for _, group := range groups {
			fmt.Println("group", group)
		}
		return groups, err
	}
	solver, err := optim.NewPerturbedSolver(G.NewVanillaSolver(), 0.1, optim.WithGrouping(showGroups))
	if err != nil {
		log.Fatal(err)
	}
	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(w, b)), w, b)
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	for range 2 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(solver.Last())
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w, b})); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	// Output:
	// group #0: #0 (2, 3)
	// group b: b (1, 3)
	// step 0: #0, sigma 0.1, noise norm 0.1412, relative norm 0.0576
	// step 1: b, sigma 0.1, noise norm 0.174, relative norm 0.101
}
