package optim_test

import (
	"fmt"
	"sync"

	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// program is a training as Gorgonia's users write them.
type program struct {
	name        string
	sigma       float64
	opts        []optim.PerturbOpt
	guardedOnly bool // returns an error in the carried protocol
	stateless   bool // without a state, or with a base solver that cannot be saved
	run         func(r *run)
}

var programs = []program{
	{name: "classifier", sigma: 0.05, run: classifier},
	{name: "classifier, all and antithetic", sigma: 0.05, guardedOnly: true, run: classifier,
		opts: []optim.PerturbOpt{optim.WithSelection(optim.All()), optim.WithAntithetic()}},
	{name: "linear regression on scalars", sigma: 0.05, run: scalars},
	{name: "weights updated in the graph", sigma: 0.05, guardedOnly: true, stateless: true, run: updatedInTheGraph},
	{name: "tied autoencoder, a solver a phase", sigma: 0.02, run: func(r *run) { autoencoder(r, false) }},
	{name: "tied autoencoder, one solver", sigma: 0.02, run: func(r *run) { autoencoder(r, true) }},
	{name: "recurrent network, a graph a sequence", sigma: 0.02, run: recurrent},
	{name: "convolutional network", sigma: 0.02, stateless: true, run: convolutional},
	{name: "several machines over the same weights", sigma: 0.05, run: severalMachines},
	{name: "early stopping", sigma: 0.05, run: earlyStopping},
	{name: "two trainings at once", sigma: 0.05, run: twoTrainings},
}

func sgd() G.Solver {
	s, err := optim.NewSGD(0.1, optim.WithMomentum(0.9), optim.WithWeightDecay(1e-3))
	if err != nil {
		panic(err)
	}
	return s
}

func adam() G.Solver {
	s, err := optim.NewAdam(0.02)
	if err != nil {
		panic(err)
	}
	return s
}

func vanilla() G.Solver { return G.NewVanillaSolver(G.WithLearnRate(0.1)) }

// parameter is a node over weights owned by the program.
func (r *run) parameter(g *G.ExprGraph, name string, w *tensor.Dense) *G.Node {
	return G.NodeFromAny(g, w, G.WithName(name))
}

// squaredError is the mean of (a - b)^2.
func squaredError(a, b *G.Node) *G.Node {
	return G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(a, b))))))
}

// classifier: one graph, one machine, one solver.
func classifier(r *run) {
	const batch, in, hidden, classes = 12, 4, 8, 3
	g := G.NewGraph()
	x := G.NewMatrix(g, r.dtype, G.WithShape(batch, in), G.WithName("x"), G.WithValue(r.values(1, batch, in)))
	target := r.values(0, batch, classes)
	for i := range batch {
		r.check(target.SetAt(r.scalar(1), i, i%classes))
	}
	y := G.NewMatrix(g, r.dtype, G.WithShape(batch, classes), G.WithName("y"), G.WithValue(target))
	w1 := G.NewMatrix(g, r.dtype, G.WithName("w1"), G.WithShape(in, hidden), G.WithValue(r.values(0.5, in, hidden)))
	b1 := G.NewMatrix(g, r.dtype, G.WithName("b1"), G.WithShape(1, hidden), G.WithValue(r.values(0, 1, hidden)))
	w2 := G.NewMatrix(g, r.dtype, G.WithName("w2"), G.WithShape(hidden, classes), G.WithValue(r.values(0.5, hidden, classes)))
	h := G.Must(G.Rectify(G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w1)), b1, nil, []byte{0}))))
	p := G.Must(G.SoftMax(G.Must(G.Mul(h, w2))))
	cost := G.Must(G.Neg(G.Must(G.Mean(G.Must(G.HadamardProd(G.Must(G.Log(p)), y))))))
	var loss G.Value
	G.Read(cost, &loss)
	learnables := G.Nodes{w1, b1, w2}
	if _, err := G.Grad(cost, learnables...); err != nil {
		r.t.Fatal(err)
	}
	const steps = 40
	solver := r.solver(steps, sgd)
	vm := solver.machine(g, learnables...)
	defer vm.Close()
	for range steps {
		r.check(vm.RunAll())
		r.loss(loss)
		r.check(solver.Step(G.NodesToValueGrads(learnables)))
		vm.Reset()
	}
	solver.atClean(func() { r.look(G.NodesToValueGrads(learnables)) })
}

// scalars: y = w x + b, with w and b scalars.
func scalars(r *run) {
	const n = 20
	g := G.NewGraph()
	xs := r.values(1, n)
	ys := xs.Clone().(*tensor.Dense)
	x := G.NewVector(g, r.dtype, G.WithShape(n), G.WithName("x"), G.WithValue(xs))
	y := G.NewVector(g, r.dtype, G.WithShape(n), G.WithName("y"), G.WithValue(ys))
	w := G.NewScalar(g, r.dtype, G.WithName("w"), G.WithValue(r.scalar(-1)))
	b := G.NewScalar(g, r.dtype, G.WithName("b"), G.WithValue(r.scalar(2)))
	cost := squaredError(G.Must(G.Add(G.Must(G.HadamardProd(x, w)), b)), y)
	var loss G.Value
	G.Read(cost, &loss)
	if _, err := G.Grad(cost, w, b); err != nil {
		r.t.Fatal(err)
	}
	const steps = 40
	solver := r.solver(steps, vanilla)
	vm := solver.machine(g, w, b)
	defer vm.Close()
	model := []G.ValueGrad{w, b}
	for range steps {
		r.check(vm.RunAll())
		r.loss(loss)
		r.check(solver.Step(model))
		vm.Reset()
	}
	solver.atClean(func() { r.look(model) })
}

// updatedInTheGraph: the graph computes the next weights and the machine sets them, without a solver.
func updatedInTheGraph(r *run) {
	const n, in = 20, 3
	g := G.NewGraph()
	x := G.NewMatrix(g, r.dtype, G.WithShape(n, in), G.WithName("x"), G.WithValue(r.values(1, n, in)))
	y := G.NewVector(g, r.dtype, G.WithShape(n), G.WithName("y"), G.WithValue(r.values(1, n)))
	w := G.NewVector(g, r.dtype, G.WithName("w"), G.WithShape(in), G.WithValue(r.values(2, in)))
	b := G.NewScalar(g, r.dtype, G.WithName("b"), G.WithValue(r.scalar(3)))
	cost := squaredError(G.Must(G.Add(G.Must(G.Mul(x, w)), b)), y)
	var loss G.Value
	G.Read(cost, &loss)
	grads, err := G.Grad(cost, w, b)
	r.check(err)
	rate := G.NewConstant(r.scalar(0.1))
	wUpdated := G.Must(G.Sub(w, G.Must(G.HadamardProd(rate, grads[0]))))
	bUpdated := G.Must(G.Sub(b, G.Must(G.HadamardProd(rate, grads[1]))))
	const steps = 40
	solver := r.solver(steps, vanilla)
	vm := solver.machine(g, w, b)
	defer vm.Close()
	model := []G.ValueGrad{w, b}
	for range steps {
		r.look(model)
		r.check(vm.RunAll())
		r.loss(loss)
		r.look(model)
		r.check(vm.Set(w, wUpdated))
		r.check(vm.Set(b, bUpdated))
		r.learned(model)
		vm.Reset()
	}
}

// autoencoder: layers with tied weights, trained one after the other and then together, each phase with its own graph and
// machine, and with its own solver or one for all.
func autoencoder(r *run, one bool) {
	const batch = 10
	sizes := []int{6, 6, 4}
	data := r.values(1, batch, sizes[0])
	weights := []*tensor.Dense{r.values(0.4, sizes[0], sizes[1]), r.values(0.4, sizes[1], sizes[2])}
	const phase = 20
	solver := r.solver(3*phase, adam)
	// train runs a phase of steps with the layers from first to last.
	train := func(first, last int) {
		if !one {
			solver = r.solver(phase, adam)
		}
		g := G.NewGraph()
		x := G.NewMatrix(g, r.dtype, G.WithShape(batch, sizes[0]), G.WithName("x"), G.WithValue(data))
		h, input := x, x
		var nodes G.Nodes
		for i := range last {
			if i == first {
				input = h
			}
			nodes = append(nodes, r.parameter(g, fmt.Sprint("w", i), weights[i]))
			h = G.Must(G.Tanh(G.Must(G.Mul(h, nodes[i]))))
		}
		for i := last - 1; i >= first; i-- {
			h = G.Must(G.Mul(h, G.Must(G.Transpose(nodes[i]))))
		}
		cost := squaredError(h, input)
		var loss G.Value
		G.Read(cost, &loss)
		learnables := nodes[first:]
		if _, err := G.Grad(cost, learnables...); err != nil {
			r.t.Fatal(err)
		}
		vm := solver.machine(g, learnables...)
		defer vm.Close()
		for range phase {
			r.check(vm.RunAll())
			if last == 1 {
				r.loss(loss)
			}
			r.check(solver.Step(G.NodesToValueGrads(learnables)))
			vm.Reset()
		}
		solver.restore()
		r.look(G.NodesToValueGrads(nodes))
	}
	train(0, 1)
	train(1, 2)
	train(0, 2)
}

// recurrent: a graph and a machine for each sequence, of varying length, over the same weights; the nodes are given back.
func recurrent(r *run) {
	// Sizes for which Go aligns float32 slices so that gonum's products always sum in the same order.
	const in, hidden = 4, 8
	wx, wh, b := r.values(0.4, hidden, in), r.values(0.4, hidden, hidden), r.values(0, hidden)
	out := r.values(0.4, in, hidden)
	word := r.values(1, in)
	const steps = 60
	solver := r.solver(steps, adam)
	for i := range steps {
		g := G.NewGraph()
		learnables := G.Nodes{r.parameter(g, "wx", wx), r.parameter(g, "wh", wh), r.parameter(g, "b", b), r.parameter(g, "out", out)}
		x := G.NewVector(g, r.dtype, G.WithShape(in), G.WithName("x"), G.WithValue(word))
		h := G.NewVector(g, r.dtype, G.WithShape(hidden), G.WithName("h"), G.WithValue(tensor.New(tensor.Of(r.dtype), tensor.WithShape(hidden))))
		y := x
		for range 2 + i%3 {
			h = G.Must(G.Tanh(G.Must(G.Add(G.Must(G.Add(G.Must(G.Mul(learnables[0], y)), G.Must(G.Mul(learnables[1], h)))), learnables[2]))))
			y = G.Must(G.Mul(learnables[3], h))
		}
		cost := squaredError(y, x)
		var loss G.Value
		G.Read(cost, &loss)
		if _, err := G.Grad(cost, learnables...); err != nil {
			r.t.Fatal(err)
		}
		vm := solver.machine(g, learnables...)
		r.check(vm.RunAll())
		r.loss(loss)
		r.check(solver.Step(G.NodesToValueGrads(learnables)))
		r.check(vm.Close())
		for _, n := range learnables {
			G.ReturnNode(n)
		}
	}
}

// convolutional: Gorgonia's own operations and its RMSProp.
func convolutional(r *run) {
	const batch, classes = 4, 3
	g := G.NewGraph()
	x := G.NewTensor(g, r.dtype, 4, G.WithShape(batch, 1, 6, 6), G.WithName("x"), G.WithValue(r.values(1, batch, 1, 6, 6)))
	y := G.NewMatrix(g, r.dtype, G.WithShape(batch, classes), G.WithName("y"), G.WithValue(r.values(1, batch, classes)))
	filter := G.NewTensor(g, r.dtype, 4, G.WithShape(2, 1, 3, 3), G.WithName("filter"), G.WithValue(r.values(0.3, 2, 1, 3, 3)))
	w := G.NewMatrix(g, r.dtype, G.WithShape(18, classes), G.WithName("w"), G.WithValue(r.values(0.2, 18, classes)))
	h := G.Must(G.Rectify(G.Must(G.Conv2d(x, filter, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))))
	h = G.Must(G.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	cost := squaredError(G.Must(G.Mul(G.Must(G.Reshape(h, tensor.Shape{batch, 18})), w)), y)
	var loss G.Value
	G.Read(cost, &loss)
	if _, err := G.Grad(cost, filter, w); err != nil {
		r.t.Fatal(err)
	}
	const steps = 40
	solver := r.solver(steps, func() G.Solver { return G.NewRMSPropSolver(G.WithLearnRate(0.02)) })
	vm := solver.machine(g, filter, w)
	defer vm.Close()
	model := []G.ValueGrad{filter, w}
	for range steps {
		r.check(vm.RunAll())
		r.loss(loss)
		r.check(solver.Step(model))
		vm.Reset()
	}
	solver.atClean(func() { r.look(model) })
}

// severalMachines: graphs for batches of two sizes, and one for evaluation, over the same weights.
func severalMachines(r *run) {
	const in, out = 4, 2
	w, b := r.values(0.5, in, out), r.values(0.5, 1, out)
	xs, ys := r.values(1, 10, in), r.values(1, 10, out)
	build := func(from, to int) (*G.ExprGraph, G.Nodes, *G.Node) {
		g := G.NewGraph()
		rows := func(t *tensor.Dense, name string) *G.Node {
			part, err := t.Slice(G.S(from, to))
			r.check(err)
			return G.NodeFromAny(g, part.Materialize(), G.WithName(name))
		}
		learnables := G.Nodes{r.parameter(g, "w", w), r.parameter(g, "b", b)}
		y := G.Must(G.BroadcastAdd(G.Must(G.Mul(rows(xs, "x"), learnables[0])), learnables[1], nil, []byte{0}))
		return g, learnables, squaredError(y, rows(ys, "y"))
	}
	const steps = 60
	solver := r.solver(steps, sgd)
	var machines [2]*machine
	var nodes [2]G.Nodes
	for i, rows := range [][2]int{{0, 6}, {6, 10}} {
		g, learnables, cost := build(rows[0], rows[1])
		if _, err := G.Grad(cost, learnables...); err != nil {
			r.t.Fatal(err)
		}
		machines[i], nodes[i] = solver.machine(g, learnables...), learnables
		defer machines[i].Close()
	}
	g, _, cost := build(0, 10)
	var loss G.Value
	G.Read(cost, &loss)
	evaluation := G.NewTapeMachine(g)
	defer evaluation.Close()
	for i := range steps {
		vm, model := machines[i%2], G.NodesToValueGrads(nodes[i%2])
		r.check(vm.RunAll())
		r.check(solver.Step(model))
		vm.Reset()
		solver.atClean(func() {
			r.look(model)
			r.check(evaluation.RunAll())
			r.loss(loss)
			evaluation.Reset()
		})
	}
}

// earlyStopping: a custom loop that discards the gradient of some batches, keeps the best weights, and ends with them.
func earlyStopping(r *run) {
	const n, in = 12, 4
	g := G.NewGraph()
	x := G.NewMatrix(g, r.dtype, G.WithShape(n, in), G.WithName("x"), G.WithValue(r.values(1, n, in)))
	y := G.NewVector(g, r.dtype, G.WithShape(n), G.WithName("y"), G.WithValue(r.values(1, n)))
	w := G.NewVector(g, r.dtype, G.WithName("w"), G.WithShape(in), G.WithValue(r.values(1, in)))
	v := G.NewVector(g, r.dtype, G.WithName("v"), G.WithShape(in), G.WithValue(r.values(1, in)))
	cost := squaredError(G.Must(G.Mul(x, G.Must(G.HadamardProd(w, v)))), y)
	var loss G.Value
	G.Read(cost, &loss)
	if _, err := G.Grad(cost, w, v); err != nil {
		r.t.Fatal(err)
	}
	const steps = 40
	solver := r.solver(steps-8, sgd)
	vm := solver.machine(g, w, v)
	defer vm.Close()
	model := []G.ValueGrad{w, v}
	best := -1.0
	var bestW, bestV *tensor.Dense
	for i := range steps {
		r.check(vm.RunAll())
		if i%5 == 4 { // a batch to discard
			for _, p := range model {
				gradient, err := p.Grad()
				r.check(err)
				gradient.(*tensor.Dense).Zero()
			}
			if r.guarded() {
				solver.restore()
			}
			vm.Reset()
			continue
		}
		r.loss(loss)
		r.check(solver.Step(model))
		vm.Reset()
		solver.atClean(func() {
			r.look(model)
			if now := numbers(loss)[0]; best < 0 || now < best {
				best = now
				bestW, bestV = w.Value().(*tensor.Dense).Clone().(*tensor.Dense), v.Value().(*tensor.Dense).Clone().(*tensor.Dense)
			}
		})
	}
	solver.restore()
	r.check(G.Let(w, bestW))
	r.check(G.Let(v, bestV))
	r.learned(model)
}

// twoTrainings: two models, each with its own solver, in two goroutines.
func twoTrainings(r *run) {
	const steps = 30
	type training struct {
		solver *programSolver
		vm     *machine
		model  []G.ValueGrad
	}
	var trainings [2]*training
	var read [2]G.Value // not in training: Gorgonia's machines have finalizers and must not be in a reference cycle
	for i := range trainings {
		g := G.NewGraph()
		x := G.NewMatrix(g, r.dtype, G.WithShape(8, 3), G.WithName("x"), G.WithValue(r.values(1, 8, 3)))
		y := G.NewMatrix(g, r.dtype, G.WithShape(8, 2), G.WithName("y"), G.WithValue(r.values(1, 8, 2)))
		w := G.NewMatrix(g, r.dtype, G.WithName(fmt.Sprint("w", i)), G.WithShape(3, 2), G.WithValue(r.values(2, 3, 2)))
		cost := squaredError(G.Must(G.Mul(x, w)), y)
		tr := &training{solver: r.solver(steps, sgd), model: []G.ValueGrad{w}}
		G.Read(cost, &read[i])
		if _, err := G.Grad(cost, w); err != nil {
			r.t.Fatal(err)
		}
		tr.vm = tr.solver.machine(g, w)
		defer tr.vm.Close()
		trainings[i] = tr
	}
	var wait sync.WaitGroup
	var losses [2][]float64
	for i, tr := range trainings {
		wait.Go(func() {
			for range steps {
				if err := tr.vm.RunAll(); err != nil {
					r.t.Error(err)
				}
				losses[i] = append(losses[i], numbers(read[i])[0])
				if err := tr.solver.Step(tr.model); err != nil {
					r.t.Error(err)
				}
				tr.vm.Reset()
			}
		})
	}
	wait.Wait()
	for i := range losses[0] {
		r.losses = append(r.losses, losses[0][i]+losses[1][i])
	}
}
