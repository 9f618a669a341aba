package optim

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// memories returns the current memory of the net's tensors.
func (n *net) memories(t testing.TB) []vec {
	t.Helper()
	var all []vec
	for _, node := range n.learnables {
		all = append(all, must(vecOf(node.Value()))(t))
	}
	return all
}

// bitsOfAll is net.weights for memory.
func bitsOfAll(memories []vec) []uint64 {
	var bits []uint64
	for _, m := range memories {
		for _, x := range m.f32 {
			bits = append(bits, math.Float64bits(float64(x)))
		}
		for _, x := range m.f64 {
			bits = append(bits, math.Float64bits(x))
		}
	}
	return bits
}

func sameMemory(a, b []vec) bool {
	return slices.EqualFunc(a, b, func(v, w vec) bool { return v.data() == w.data() && v.len() == w.len() })
}

// TestNoiseNeverTouchesTheWeights: the graph sees noise while the memory of the weights holds the clean ones throughout.
// Afterwards the tensors have that memory again, also after an error and a panic.
func TestNoiseNeverTouchesTheWeights(t *testing.T) {
	boom := errors.New("boom")
	for _, dtype := range dtypes {
		for name, opts := range map[string][]PerturbOpt{
			"cyclic": nil, "all": {WithSelection(All())}, "samples": {WithSamples(3), WithAntithetic()}, "own noise": {WithNoise(clipped{new([]float64)})},
		} {
			for what, end := range map[string]func() error{
				"runs": func() error { return nil }, "fails": func() error { return boom }, "panics": func() error { panic(boom) },
			} {
				t.Run(fmt.Sprint(dtype, " ", name, " ", what), func(t *testing.T) {
					n := newNet(t, dtype, 1, 3, 4, 5, 2)
					n.train(t, bases["sgd"](), false, 1)
					own, clean := n.memories(t), n.weights()
					spy := &spyVM{look: func() error {
						if slices.Equal(n.weights(), clean) {
							t.Error("the graph sees no noise")
						}
						if !slices.Equal(bitsOfAll(own), clean) {
							t.Error("noise in the memory of the weights")
						}
						return end()
					}}
					vm := must(perturbed(t, bases["sgd"](), 0.5, opts...).Guard(spy, n.learnables...))(t)
					func() {
						defer func() { _ = recover() }()
						if err := vm.RunAll(); (err != nil) != (what == "fails") {
							t.Errorf("error %v", err)
						}
					}()
					if !sameMemory(own, n.memories(t)) || !slices.Equal(n.weights(), clean) {
						t.Error("other memory or weights afterwards")
					}
				})
			}
		}
	}
}

// TestCarriedMemory is the same for the carried protocol, where noise stays between steps: after Step, Restore, Bind, Guard
// and gorgonia.Let, the tensors have the weights' own memory.
func TestCarriedMemory(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	own := n.memories(t)
	s := perturbed(t, bases["sgd momentum"](), 0.5, WithSelection(All()))
	for range 3 {
		n.loop(t, n.vm, s, 1)
		if slices.Equal(n.weights(), bitsOfAll(own)) || sameMemory(own, n.memories(t)) {
			t.Fatal("no noise after Step, or noise in the memory of the weights")
		}
	}
	noisy := n.weights()
	if err := s.Bind(n.model); err != nil {
		t.Fatal(err)
	}
	if err := s.Step(append(slices.Clone(n.model), nil)); !errors.Is(err, ErrModel) {
		t.Fatalf("error %v, want %v", err, ErrModel)
	}
	if !slices.Equal(n.weights(), noisy) {
		t.Error("Bind, or a Step that failed, changed the noisy weights")
	}

	first := n.learnables[0]
	before := first.Value().(*tensor.Dense)
	if err := G.Let(first, before.Clone()); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(); err != nil {
		t.Fatal(err)
	}
	if got := must(vecOf(before))(t); got.data() != own[0].data() {
		t.Error("Restore did not give the replaced tensor its memory back")
	}
	if err := G.Let(first, before); err != nil {
		t.Fatal(err)
	}
	if !sameMemory(own, n.memories(t)) {
		t.Error("other memory after Restore")
	}

	if err := s.Perturb(); !errors.Is(err, ErrProtocol) {
		t.Fatalf("error %v after a value was replaced while it had noise, want %v", err, ErrProtocol)
	}
	own = n.memories(t)
	clean := n.weights()
	for _, err := range []error{s.Bind(n.model), s.Perturb()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if slices.Equal(n.weights()[:5], clean[:5]) {
		t.Error("no noise in a value that was replaced")
	}
	if _, err := s.Guard(n.vm, n.learnables...); err != nil {
		t.Fatal(err)
	}
	if !sameMemory(own, n.memories(t)) {
		t.Error("other memory after Guard")
	}
}

// over is a tensor over w.
func over(w []float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(3, 2), tensor.WithBacking(w))
}

// sharedWeights is a graph with the mean square of x*(w + v), where v, which may be nil, is no parameter.
func sharedWeights(t *testing.T, w, v *tensor.Dense) *net {
	n := &net{g: G.NewGraph()}
	node := G.NewMatrix(n.g, tensor.Float32, G.WithName("w"), G.WithValue(w))
	x := G.NewMatrix(n.g, tensor.Float32, G.WithName("x"), G.WithValue(denseOf(tensor.Float32, []float64{1, 2, 3, 4, 5, 6}, 2, 3)))
	out := G.Must(G.Mul(x, node))
	if v != nil {
		n.x = G.NewMatrix(n.g, tensor.Float32, G.WithName("v"), G.WithValue(v))
		out = G.Must(G.Add(out, G.Must(G.Mul(x, n.x))))
	}
	n.cost = G.Must(G.Mean(G.Must(G.Square(out))))
	n.learnables = G.Nodes{node}
	if _, err := G.Grad(n.cost, node); err != nil {
		t.Fatal(err)
	}
	n.vm = G.NewTapeMachine(n.g, G.BindDualValues(node))
	n.model = G.NodesToValueGrads(n.learnables)
	return n
}

// TestSharedMemory: if several tensors lie over the memory of a parameter, all of them see its noise.
func TestSharedMemory(t *testing.T) {
	w := []float32{1, -2, 3, -4, 5, -6}
	clean := slices.Clone(w)
	noisy := func(n *net) func() error {
		return func() error {
			nodes := append(G.Nodes{}, n.learnables...)
			if n.x != nil {
				nodes = append(nodes, n.x)
			}
			for _, node := range nodes {
				if slices.Equal(node.Value().Data().([]float32), clean) {
					t.Errorf("%s sees no noise", node.Name())
				}
			}
			return nil
		}
	}
	noStep := stepFunc(func([]G.ValueGrad) error { return nil })
	sole := over(w)
	for name, nets := range map[string][]*net{
		"in a graph":                {sharedWeights(t, over(w), over(w))},
		"in two graphs":             {sharedWeights(t, over(w), nil), sharedWeights(t, over(w), nil)},
		"in one graph of two":       {sharedWeights(t, sole, nil), sharedWeights(t, sole, over(w))},
		"in the first graph of two": {sharedWeights(t, sole, over(w)), sharedWeights(t, sole, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			s := perturbed(t, noStep, 0.5)
			for range 2 {
				for _, n := range nets {
					vm := must(s.Guard(&spyVM{VM: n.vm, look: noisy(n)}, n.learnables...))(t)
					n.loop(t, vm, s, 1)
					if !slices.Equal(w, clean) {
						t.Error("weights changed by RunAll")
					}
				}
			}
		})
	}
	t.Run("not a node", func(t *testing.T) {
		n := sharedWeights(t, over(w), nil)
		if err := n.vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		s := perturbed(t, noStep, 0.5)
		if err := s.Step([]G.ValueGrad{&freshValue{n.learnables[0]}}); err != nil {
			t.Fatal(err)
		}
		if err := noisy(n)(); err != nil {
			t.Fatal(err)
		}
		if err := s.Restore(); err != nil || !slices.Equal(w, clean) {
			t.Errorf("weights %v after Restore (%v)", w, err)
		}
	})
	t.Run("noise fails", func(t *testing.T) {
		n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
		shareWeights(n)
		before := n.weights()
		vm := must(perturbed(t, noStep, 0.5, WithSelection(All()), WithNoise(failing{})).Guard(n.vm, n.learnables...))(t)
		if err := vm.RunAll(); err == nil || !slices.Equal(before, n.weights()) {
			t.Errorf("error %v, weights changed: %v", err, !slices.Equal(before, n.weights()))
		}
	})
	t.Run("refused", func(t *testing.T) {
		n, m := sharedWeights(t, over(w), nil), sharedWeights(t, over(w), nil)
		if err := perturbed(t, bases["sgd"](), 0.5).Bind(append(n.model, m.model...)); !errors.Is(err, ErrModel) {
			t.Errorf("two parameters over one memory: error %v, want %v", err, ErrModel)
		}
	})
}

// freshValue returns a node's value in another tensor at each call.
type freshValue struct{ *G.Node }

func (f *freshValue) Value() G.Value {
	t := f.Node.Value().(*tensor.Dense)
	return tensor.New(tensor.WithShape(t.Shape()...), tensor.WithBacking(t.Data()))
}

// TestMachinesSeeTheNoise: whatever Gorgonia makes of a parameter inside the graph, views included, the gradient is that at
// the noisy weights, at every step.
func TestMachinesSeeTheNoise(t *testing.T) {
	uses := map[string]func(w *G.Node) *G.Node{
		"itself":    func(w *G.Node) *G.Node { return w },
		"reshape":   func(w *G.Node) *G.Node { return G.Must(G.Reshape(w, tensor.Shape{6, 2})) },
		"transpose": func(w *G.Node) *G.Node { return G.Must(G.Transpose(w, 1, 0)) },
		"slice":     func(w *G.Node) *G.Node { return G.Must(G.Slice(w, G.S(1, 3))) },
		"sum":       func(w *G.Node) *G.Node { return G.Must(G.Sum(w, 1)) },
	}
	machines := map[string]func(g *G.ExprGraph, w *G.Node) G.VM{
		"tape": func(g *G.ExprGraph, w *G.Node) G.VM { return G.NewTapeMachine(g, G.BindDualValues(w)) },
		"lisp": func(g *G.ExprGraph, w *G.Node) G.VM { return G.NewLispMachine(g) },
	}
	for use, of := range uses {
		for machine, start := range machines {
			t.Run(use+"/"+machine, func(t *testing.T) {
				make := func() (*G.Node, G.VM) {
					g := G.NewGraph()
					w := G.NewMatrix(g, tensor.Float64, G.WithName("w"), G.WithValue(randomTensor(rand.New(rand.NewPCG(1, 2)), tensor.Float64, 4, 3)))
					cost := G.Must(G.Sum(G.Must(G.Tanh(of(w)))))
					if machine == "tape" {
						if _, err := G.Grad(cost, w); err != nil {
							t.Fatal(err)
						}
					}
					return w, start(g, w)
				}
				w, vm := make()
				at, plain := make() // at the same weights, with noise added by hand
				s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), 0.5)
				guarded, err := s.Guard(&spyVM{VM: vm, look: func() error {
					must(vecOf(at.Value()))(t).copyFrom(must(vecOf(w.Value()))(t))
					return nil
				}}, w)
				if err != nil {
					t.Fatal(err)
				}
				for step := range 3 {
					for _, err := range []error{guarded.RunAll(), plain.RunAll()} {
						if err != nil {
							t.Fatal(err)
						}
					}
					got, want := floatsOf(must(w.Grad())(t)), floatsOf(must(at.Grad())(t))
					if !slices.Equal(got, want) {
						t.Errorf("step %d: gradient %v, want %v", step, got, want)
					}
					must(vecOf(must(w.Grad())(t)))(t).zero()
					must(vecOf(must(at.Grad())(t)))(t).zero()
					if err := s.Step([]G.ValueGrad{w}); err != nil {
						t.Fatal(err)
					}
					guarded.Reset()
					plain.Reset()
				}
			})
		}
	}
}

// TestRepeatedRuns: passes without a Step in between are allowed, and weights that changed in the meantime are detected,
// whatever the noise and the tensors.
func TestRepeatedRuns(t *testing.T) {
	for _, dtype := range dtypes {
		for name, opts := range map[string][]PerturbOpt{
			"gaussian": nil, "uniform": {WithNoise(UniformNoise())}, "antithetic": {WithAntithetic()}, "samples": {WithSamples(3)},
			"own noise": {WithNoise(clipped{new([]float64)})}, "all": {WithSelection(All())},
		} {
			n := newNet(t, dtype, 1, 3, 4, 5, 2)
			vm := must(perturbed(t, bases["sgd"](), 0.5, opts...).Guard(n.vm, n.learnables...))(t)
			for range 3 {
				if err := vm.RunAll(); err != nil {
					t.Fatalf("%v, %s: %v", dtype, name, err)
				}
				vm.Reset()
			}
			w := must(vecOf(n.learnables[0].Value()))(t)
			eps := make([]float64, w.len())
			eps[w.len()-1] = 1
			w.addFloat64(1e-3, eps)
			if err := vm.RunAll(); !errors.Is(err, ErrProtocol) {
				t.Errorf("%v, %s: error %v, want %v", dtype, name, err, ErrProtocol)
			}
		}
	}
}

// TestLastAfterStep: the norm of the weights is that at the injection, not the current one.
func TestLastAfterStep(t *testing.T) {
	for _, opts := range [][]PerturbOpt{nil, {WithAntithetic()}} {
		n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
		s := perturbed(t, bases["sgd"](), 0.3, append(opts, WithSelection(All()))...)
		vm := must(s.Guard(n.vm, n.learnables...))(t)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for _, m := range n.memories(t) {
			want += m.norm2()
		}
		if err := s.Step(n.model); err != nil {
			t.Fatal(err)
		}
		if last := s.Last(); math.Abs(last.NoiseNorm/math.Sqrt(want)-last.RelativeNorm) > 1e-12*last.RelativeNorm {
			t.Errorf("relative norm %v, want %v", last.RelativeNorm, last.NoiseNorm/math.Sqrt(want))
		}
	}
}

// TestSpareMemory: the spare memory of each target starts on a cache line, and none overlaps.
func TestSpareMemory(t *testing.T) {
	n := injector{carrier: new(carrier)}
	var group Group
	for i, size := range []int{17, 1, 64, 1000, 3, 16} {
		for _, dtype := range dtypes {
			w := tensor.New(tensor.Of(dtype), tensor.WithShape(size))
			group.Params = append(group.Params, &Param{name: fmt.Sprint(i, dtype), shape: w.Shape(), dense: w, vec: must(vecOf(w))(t)})
		}
	}
	n.room([]Group{group})
	room32, room64 := &n.spare32[0], &n.spare64[0]
	n.begin(Gaussian(), 0, 0, 1)
	for _, p := range group.Params {
		must(p, n.target(p, 1))(t)
	}
	n.reserve()
	if &n.spare32[0] != room32 || &n.spare64[0] != room64 {
		t.Error("more memory than the room made for the group")
	}
	end := map[tensor.Dtype]uintptr{tensor.Float32: uintptr(unsafe.Pointer(room32)), tensor.Float64: uintptr(unsafe.Pointer(room64))}
	begin := maps.Clone(end)
	for _, target := range n.carrier.tensors {
		dtype := target.memory.dtype()
		at := uintptr(target.spare.data())
		if target.spare.len() != target.memory.len() || at < end[dtype] || (at-begin[dtype])%64 != 0 {
			t.Errorf("%s: %d elements %d bytes from the first, %d from the end of those before",
				target.name, target.spare.len(), at-begin[dtype], int(at-end[dtype]))
		}
		end[dtype] = at + uintptr(target.spare.len())*dtype.Size()
	}
}

// BenchmarkNoise measures an injection into a tensor in cache: making the noisy copy, and pointing the tensor there and
// back.
func BenchmarkNoise(b *testing.B) {
	const size = 1 << 13
	for _, dist := range []string{"gaussian", "rademacher", "uniform"} {
		for _, dtype := range dtypes {
			b.Run(fmt.Sprintf("%s/%v", dist, dtype), func(b *testing.B) {
				w := tensor.New(tensor.Of(dtype), tensor.WithShape(size))
				p := &Param{name: "w", shape: w.Shape(), dense: w}
				var err error
				if p.vec, err = vecOf(w); err != nil {
					b.Fatal(err)
				}
				var n injector
				n.begin(noises[dist].noise, 1, 0, 1)
				if err := n.target(p, 1e-3); err != nil {
					b.Fatal(err)
				}
				n.reserve()
				b.ReportAllocs()
				b.SetBytes(int64(size * dtype.Size()))
				for i := uint64(0); b.Loop(); i++ {
					if err := n.inject(i%(1<<32), 1); err != nil {
						b.Fatal(err)
					}
					n.restore()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/sample")
			})
		}
	}
}
