package optim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// net is a small ReLU network as Gorgonia users write it, with a squared-error loss.
type net struct {
	g          *G.ExprGraph
	x, y, cost *G.Node
	learnables G.Nodes
	loss       G.Value
	vm         G.VM
	model      []G.ValueGrad
	dtype      tensor.Dtype
	batch      int
}

// newNet builds a network of the given widths; its weights are a function of the seed.
func newNet(t testing.TB, dtype tensor.Dtype, seed uint64, batch int, widths ...int) *net {
	t.Helper()
	n := &net{g: G.NewGraph(), dtype: dtype, batch: batch}
	random := rand.New(rand.NewPCG(seed, 1))
	n.x = G.NewMatrix(n.g, dtype, G.WithShape(batch, widths[0]), G.WithName("x"), G.WithValue(randomTensor(random, dtype, batch, widths[0])))
	n.y = G.NewMatrix(n.g, dtype, G.WithShape(batch, widths[len(widths)-1]), G.WithName("y"), G.WithValue(randomTensor(random, dtype, batch, widths[len(widths)-1])))
	h := n.x
	for i := 1; i < len(widths); i++ {
		w := G.NewMatrix(n.g, dtype, G.WithShape(widths[i-1], widths[i]), G.WithName(fmt.Sprintf("fc%d.weight", i)),
			G.WithValue(randomTensor(random, dtype, widths[i-1], widths[i])))
		b := G.NewVector(n.g, dtype, G.WithShape(widths[i]), G.WithName(fmt.Sprintf("fc%d.bias", i)),
			G.WithValue(randomTensor(random, dtype, widths[i])))
		n.learnables = append(n.learnables, w, b)
		h = G.Must(G.BroadcastAdd(G.Must(G.Mul(h, w)), b, nil, []byte{0}))
		if i < len(widths)-1 {
			h = G.Must(G.Rectify(h))
		}
	}
	n.cost = G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(h, n.y))))))
	G.Read(n.cost, &n.loss)
	if _, err := G.Grad(n.cost, n.learnables...); err != nil {
		t.Fatal(err)
	}
	n.vm = G.NewTapeMachine(n.g, G.BindDualValues(n.learnables...))
	n.model = G.NodesToValueGrads(n.learnables)
	return n
}

// shareWeights adds other leaves to the graph over the memory of the weights.
func shareWeights(n *net) {
	for i, node := range n.learnables {
		G.NewTensor(n.g, n.dtype, node.Dims(), G.WithName(fmt.Sprint("company", i)),
			G.WithValue(tensor.New(tensor.WithShape(node.Shape()...), tensor.WithBacking(node.Value().Data()))))
	}
}

func randomTensor(random *rand.Rand, dtype tensor.Dtype, shape ...int) *tensor.Dense {
	size := tensor.Shape(shape).TotalSize()
	data := make([]float64, size)
	for i := range data {
		data[i] = random.NormFloat64() / math.Sqrt(float64(shape[0]))
	}
	return denseOf(dtype, data, shape...)
}

func denseOf(dtype tensor.Dtype, data []float64, shape ...int) *tensor.Dense {
	if dtype == tensor.Float64 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	}
	data32 := make([]float32, len(data))
	for i, x := range data {
		data32[i] = float32(x)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data32))
}

// train runs steps of a training loop, guarded or carried.
func (n *net) train(t testing.TB, solver G.Solver, guarded bool, steps int) {
	t.Helper()
	vm := n.vm
	if s, ok := solver.(*PerturbedSolver); ok && guarded {
		var err error
		if vm, err = s.Guard(n.vm, n.learnables...); err != nil {
			t.Fatal(err)
		}
	}
	n.loop(t, vm, solver, steps)
	if s, ok := solver.(*PerturbedSolver); ok {
		if err := s.Restore(); err != nil {
			t.Fatal(err)
		}
	}
}

func (n *net) loop(t testing.TB, vm G.VM, solver G.Solver, steps int) {
	t.Helper()
	for range steps {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := solver.Step(n.model); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
	}
}

// weights returns a copy of all weights, as bits.
func (n *net) weights() []uint64 {
	var bits []uint64
	for _, node := range n.learnables {
		bits = append(bits, bitsOf(node.Value())...)
	}
	return bits
}

// gradients returns a copy of all gradients.
func (n *net) gradients(t testing.TB) [][]float64 {
	t.Helper()
	var all [][]float64
	for _, node := range n.learnables {
		g, err := node.Grad()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, floatsOf(g))
	}
	return all
}

func (n *net) zeroGradients(t testing.TB) {
	t.Helper()
	for _, node := range n.learnables {
		g, err := node.Grad()
		if err != nil {
			t.Fatal(err)
		}
		v, err := vecOf(g)
		if err != nil {
			t.Fatal(err)
		}
		v.zero()
	}
}

func floatsOf(v G.Value) []float64 {
	m, err := vecOf(v)
	if err != nil {
		panic(err)
	}
	out := append([]float64(nil), m.f64...)
	for _, x := range m.f32 {
		out = append(out, float64(x))
	}
	return out
}

func bitsOf(v G.Value) []uint64 {
	var bits []uint64
	for _, x := range floatsOf(v) {
		bits = append(bits, math.Float64bits(x))
	}
	return bits
}

// must returns x, or fails the test with err.
func must[T any](x T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// bases makes every base solver that the package is tested with, Gorgonia's and its own.
var bases = map[string]func() G.Solver{
	"gorgonia vanilla":  func() G.Solver { return G.NewVanillaSolver(G.WithLearnRate(0.05)) },
	"gorgonia momentum": func() G.Solver { return G.NewMomentum(G.WithLearnRate(0.05), G.WithMomentum(0.9)) },
	"gorgonia rmsprop":  func() G.Solver { return G.NewRMSPropSolver(G.WithLearnRate(0.01)) },
	"gorgonia adam":     func() G.Solver { return G.NewAdamSolver(G.WithLearnRate(0.01)) },
	"sgd":               func() G.Solver { return ours(NewSGD(0.05)) },
	"sgd momentum":      func() G.Solver { return ours(NewSGD(0.05, WithMomentum(0.9), WithWeightDecay(5e-4))) },
	"sgd nesterov": func() G.Solver {
		return ours(NewSGD(0.05, WithMomentum(0.9), WithNesterov(), WithLearnRateSchedule(Cosine(20))))
	},
	"adam":  func() G.Solver { return ours(NewAdam(0.01, WithWeightDecay(1e-3))) },
	"adamw": func() G.Solver { return ours(NewAdamW(0.01, WithLearnRateSchedule(Linear(1, 0.1, 20)))) },
}

func ours[S G.Solver](s S, err error) G.Solver {
	if err != nil {
		panic(err)
	}
	return s
}

func perturbed(t testing.TB, base G.Solver, sigma float64, opts ...PerturbOpt) *PerturbedSolver {
	t.Helper()
	return must(NewPerturbedSolver(base, sigma, opts...))(t)
}

// stepAllocations returns the allocations per guarded step of solver, after its first steps. The base solver must not allocate.
func (n *net) stepAllocations(t *testing.T, solver interface {
	G.Solver
	Guard(G.VM, ...*G.Node) (G.VM, error)
}) float64 {
	t.Helper()
	vm := must(solver.Guard(&spyVM{look: func() error { return nil }}, n.learnables...))(t)
	step := func() {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := solver.Step(n.model); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		step()
	}
	return testing.AllocsPerRun(20, step)
}
