package optim_test

import (
	"fmt"
	"log"

	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
)

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
