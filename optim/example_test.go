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

// Schedules multiply sigma, or a learning rate, step by step. Any function of the step can be one.
func ExampleSchedule() {
	halves := func(step uint64) float64 { return 1 / float64(uint64(1)<<step) }
	for _, s := range []struct {
		name     string
		schedule optim.Schedule
	}{
		{"constant", optim.Constant(0.5)},
		{"until", optim.Until(3)},
		{"cosine", optim.Cosine(4)},
		{"linear", optim.Linear(1, 0, 4)},
		{"warm-up", optim.Warmup(2, optim.Cosine(4))},
		{"steps", optim.Steps(0.1, 2, 4)},
		{"per epoch", optim.PerEpoch(2, optim.Linear(1, 0, 2))},
		{"own", halves},
	} {
		fmt.Printf("%-9s", s.name)
		for step := range uint64(6) {
			fmt.Printf(" %5.3f", s.schedule(step))
		}
		fmt.Println()
	}
	// Output:
	// constant  0.500 0.500 0.500 0.500 0.500 0.500
	// until     1.000 1.000 1.000 0.000 0.000 0.000
	// cosine    1.000 0.854 0.500 0.146 0.000 0.000
	// linear    1.000 0.750 0.500 0.250 0.000 0.000
	// warm-up   0.500 1.000 1.000 0.854 0.500 0.146
	// steps     1.000 1.000 0.100 0.100 0.010 0.010
	// per epoch 1.000 1.000 0.500 0.500 0.000 0.000
	// own       1.000 0.500 0.250 0.125 0.062 0.031
}

// Noise that falls to zero along a cosine, so that the training ends at clean weights, and a learning rate with a warm-up.
func ExampleWithSchedule() {
	g, w, _ := regression()
	const steps = 100
	sgd, err := optim.NewSGD(0.3, optim.WithLearnRateSchedule(optim.Warmup(10, optim.Cosine(steps-10))))
	if err != nil {
		log.Fatal(err)
	}
	solver, err := optim.NewPerturbedSolver(sgd, 0.1, optim.WithSchedule(optim.Cosine(steps)))
	if err != nil {
		log.Fatal(err)
	}
	vm, err := solver.Guard(G.NewTapeMachine(g, G.BindDualValues(w)), w)
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	for step := range steps {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		if step%33 == 0 {
			fmt.Println(solver.Last())
		}
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w})); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	// Output:
	// step 0: w, sigma 0.1, noise norm 0.1266, relative norm +Inf
	// step 33: w, sigma 0.07545, noise norm 0.2209, relative norm 0.0981
	// step 66: w, sigma 0.02591, noise norm 0.02378, relative norm 0.0106
	// step 99: w, sigma 2.467e-05, noise norm 1.995e-05, relative norm 8.94e-06
}

// What noise adds to the loss at the current weights: on the quadratic |xw - y|^2/3, exactly sigma^2 times half the trace of
// the Hessian.
func ExampleNoiseRegulariser() {
	g, w, cost := regression()
	var loss G.Value
	G.Read(cost, &loss) // before the machine is made
	vm := G.NewTapeMachine(g, G.BindDualValues(w))
	defer vm.Close()

	const sigma = 0.1
	extra, err := optim.NoiseRegulariser(vm, &loss, sigma, optim.RegulariserConfig{Pairs: 5000, Seed: 1}, w)
	if err != nil {
		log.Fatal(err)
	}
	trace, err := optim.HessianTrace(vm, optim.TraceConfig{Probes: 1000}, w)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("noise adds %.4f, standard error %.4f\n", extra.Mean, extra.StdErr)
	fmt.Printf("by the trace %.4f\n", sigma*sigma/2*trace.Mean)
	// Output:
	// noise adds 0.0134, standard error 0.0002
	// by the trace 0.0132
}

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
