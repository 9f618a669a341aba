package optim_test

import (
	"fmt"
	"log"
	"math"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// regression builds the graph of |x*w - y|^2/n, whose solution is w = (1, -2).
func regression() (g *G.ExprGraph, w, cost *G.Node) {
	g = G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithValue(
		tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float64{1, 0, 0, 1, 1, 1}))))
	y := G.NewVector(g, tensor.Float64, G.WithName("y"), G.WithValue(
		tensor.New(tensor.WithShape(3), tensor.WithBacking([]float64{1, -2, -1}))))
	w = G.NewVector(g, tensor.Float64, G.WithName("w"), G.WithShape(2), G.WithInit(G.Zeroes()))
	cost = G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(G.Must(G.Mul(x, w)), y))))))
	if _, err := G.Grad(cost, w); err != nil {
		log.Fatal(err)
	}
	return g, w, cost
}

// The guarded protocol: two lines change, and the weights are clean outside RunAll.
func ExampleNewPerturbedSolver() {
	g, w, _ := regression()
	base := G.NewVanillaSolver(G.WithLearnRate(0.3))

	solver, err := optim.NewPerturbedSolver(base, 0.1, optim.WithSeed(1))
	if err != nil {
		log.Fatal(err)
	}
	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(w)), w)
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()

	for range 200 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w})); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	last := solver.Last()
	fmt.Printf("step %d: noise with sigma %.1f on %v\n", last.Step, last.Sigma, last.Layers)
	// Output: step 199: noise with sigma 0.1 on [w]
}

// SAM: each RunAll evaluates the gradient twice, the second time where the loss is higher.
func ExampleNewSAM() {
	g, w, _ := regression()
	base := G.NewVanillaSolver(G.WithLearnRate(0.3))

	solver, err := optim.NewSAM(base, 0.05)
	if err != nil {
		log.Fatal(err)
	}
	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(w)), w)
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()

	for range 200 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w})); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	last := solver.Last()
	fmt.Printf("step %d: %v moved by %.2f\n", last.Step, last.Layers, last.NoiseNorm)
	// Output: step 199: [w] moved by 0.05
}

// A program whose graph computes the next weights, like Gorgonia's example of logistic regression: it calls Set of the
// guarded machine and needs no solver.
func ExampleMachine() {
	g, w, cost := regression()
	gradient := w.Deriv()
	next := G.Must(G.Sub(w, G.Must(G.HadamardProd(G.NewConstant(0.3), gradient))))
	var loss G.Value
	G.Read(cost, &loss)

	solver, err := optim.NewPerturbedSolver(G.NewVanillaSolver(), 0.1)
	if err != nil {
		log.Fatal(err)
	}
	guarded, err := solver.Guard(G.NewTapeMachine(g), w)
	if err != nil {
		log.Fatal(err)
	}
	machine := guarded.(optim.Machine)
	defer machine.Close()
	for range 200 {
		if err := machine.RunAll(); err != nil {
			log.Fatal(err)
		}
		if err := machine.Set(w, next); err != nil {
			log.Fatal(err)
		}
		machine.Reset()
	}
	weights := w.Value().Data().([]float64)
	fmt.Printf("within 0.2 of (1, -2): %v\n", math.Abs(weights[0]-1) < 0.2 && math.Abs(weights[1]+2) < 0.2)
	// Output: within 0.2 of (1, -2): true
}

// The carried protocol: one line changes. Restore gives the clean weights.
func ExamplePerturbedSolver_Restore() {
	g, w, _ := regression()
	solver, err := optim.NewPerturbedSolver(G.NewVanillaSolver(G.WithLearnRate(0.3)), 0.1,
		optim.WithSchedule(optim.Linear(1, 0, 200)))
	if err != nil {
		log.Fatal(err)
	}
	train(g, w, solver)
	if err := solver.Restore(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", w.Value().Data())
	// Output: [1.000 -2.000]
}

// graph.Layers finds which parameters of an existing graph belong to one layer.
func ExampleByLayer() {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(4, 3), G.WithInit(G.Ones()))
	w0 := G.NewMatrix(g, tensor.Float64, G.WithName("w0"), G.WithShape(3, 5), G.WithInit(G.Ones()))
	b0 := G.NewVector(g, tensor.Float64, G.WithName("b0"), G.WithShape(5), G.WithInit(G.Zeroes()))
	w1 := G.NewVector(g, tensor.Float64, G.WithName("w1"), G.WithShape(5), G.WithInit(G.Ones()))
	hidden := G.Must(G.Rectify(G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w0)), b0, nil, []byte{0}))))
	cost := G.Must(G.Mean(G.Must(G.Mul(hidden, w1))))
	learnables := G.Nodes{w0, b0, w1}
	if _, err := G.Grad(cost, learnables...); err != nil {
		log.Fatal(err)
	}

	layers, err := graph.Layers(cost, learnables...)
	if err != nil {
		log.Fatal(err)
	}
	solver, err := optim.NewPerturbedSolver(G.NewVanillaSolver(), 0.1, optim.WithGrouping(optim.ByLayer(layers...)))
	if err != nil {
		log.Fatal(err)
	}
	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(learnables...)), learnables...)
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	for range 3 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(solver.Last().Layers)
		if err := solver.Step(G.NodesToValueGrads(learnables)); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	// Output:
	// [w0+b0]
	// [w1]
	// [w0+b0]
}

func ExampleNewSGD() {
	g, w, _ := regression()
	solver, err := optim.NewSGD(0.1, optim.WithMomentum(0.9), optim.WithLearnRateSchedule(optim.Cosine(300)))
	if err != nil {
		log.Fatal(err)
	}
	train(g, w, solver)
	fmt.Printf("%.3f\n", w.Value().Data())
	// Output: [1.000 -2.000]
}

func ExampleNewAdam() {
	g, w, _ := regression()
	solver, err := optim.NewAdam(0.1, optim.WithLearnRateSchedule(optim.Cosine(300)))
	if err != nil {
		log.Fatal(err)
	}
	train(g, w, solver)
	fmt.Printf("%.3f\n", w.Value().Data())
	// Output: [1.000 -2.000]
}

// Decoupled weight decay pulls the weights towards zero.
func ExampleNewAdamW() {
	g, w, _ := regression()
	solver, err := optim.NewAdamW(0.1, optim.WithWeightDecay(1), optim.WithLearnRateSchedule(optim.Cosine(300)))
	if err != nil {
		log.Fatal(err)
	}
	train(g, w, solver)
	weights := w.Value().Data().([]float64)
	fmt.Println(weights[0] < 1, weights[1] > -2)
	// Output: true true
}

func train(g *G.ExprGraph, w *G.Node, solver G.Solver) {
	vm := G.NewTapeMachine(g, G.BindDualValues(w))
	defer vm.Close()
	for range 300 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w})); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
}
