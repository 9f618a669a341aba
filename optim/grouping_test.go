package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// injected trains steps guarded steps and returns the layers that took noise at each.
func injected(t *testing.T, n *net, steps int, opts ...PerturbOpt) [][]string {
	t.Helper()
	s := perturbed(t, bases["sgd"](), 0.1, opts...)
	vm := must(s.Guard(n.vm, n.learnables...))(t)
	var layers [][]string
	for range steps {
		n.loop(t, vm, s, 1)
		layers = append(layers, s.Last().Layers)
	}
	return layers
}

func TestGroupings(t *testing.T) {
	byNode := func(n *net) Grouping {
		return ByLayer(n.learnables[2:4], n.learnables[0:2])
	}
	cases := []struct {
		name string
		opts func(n *net) []PerturbOpt
		want string
	}{
		{"tensor", func(*net) []PerturbOpt { return nil }, "[[fc1.weight] [fc1.bias] [fc2.weight] [fc2.bias] [fc1.weight]]"},
		{"layer by name", func(*net) []PerturbOpt { return []PerturbOpt{WithGrouping(ByLayer())} }, "[[fc1] [fc2] [fc1] [fc2] [fc1]]"},
		{"layer by node", func(n *net) []PerturbOpt { return []PerturbOpt{WithGrouping(byNode(n))} }, "[[fc2] [fc1] [fc2] [fc1] [fc2]]"},
		{"all layers", func(*net) []PerturbOpt {
			return []PerturbOpt{WithGrouping(ByLayer()), WithSelection(All())}
		}, "[[fc1 fc2] [fc1 fc2] [fc1 fc2] [fc1 fc2] [fc1 fc2]]"},
		{"without biases", func(*net) []PerturbOpt {
			return []PerturbOpt{WithExclude(func(name string) bool { return strings.HasSuffix(name, ".bias") })}
		}, "[[fc1.weight] [fc2.weight] [fc1.weight] [fc2.weight] [fc1.weight]]"},
		{"layer excluded", func(n *net) []PerturbOpt {
			return []PerturbOpt{WithGrouping(byNode(n)), WithExclude(func(name string) bool { return strings.HasPrefix(name, "fc2.") })}
		}, "[[fc1] [fc1] [fc1] [fc1] [fc1]]"},
		{"custom", func(*net) []PerturbOpt {
			return []PerturbOpt{WithGrouping(func(p []*Param) ([]Group, error) {
				return []Group{{Name: "ends", Params: []*Param{p[0], p[3]}}, {Name: "middle", Params: p[1:2]}}, nil
			})}
		}, "[[ends] [middle] [ends] [middle] [ends]]"},
	}
	for _, c := range cases {
		n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
		if got := fmt.Sprint(injected(t, n, 5, c.opts(n)...)); got != c.want {
			t.Errorf("%s: layers %v, want %v", c.name, got, c.want)
		}
	}
}

// TestGroupTakesNoiseTogether: with layers as groups, weight and bias are noisy in the same RunAll, and nothing else.
func TestGroupTakesNoiseTogether(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	noiseTogether(t, n, ByLayer())
	noiseTogether(t, n, ByLayer(n.learnables[:2], n.learnables[2:]))
}

func noiseTogether(t *testing.T, n *net, grouping Grouping) {
	t.Helper()
	n.train(t, bases["sgd"](), false, 1)
	clean := make([][]uint64, len(n.learnables))
	for i, node := range n.learnables {
		clean[i] = bitsOf(node.Value())
	}
	s := perturbed(t, stepFunc(func([]G.ValueGrad) error { return nil }), 0.1, WithGrouping(grouping))
	var noisy []bool
	vm := must(s.Guard(&spyVM{look: func() error {
		noisy = noisy[:0]
		for i, node := range n.learnables {
			noisy = append(noisy, !slices.Equal(clean[i], bitsOf(node.Value())))
		}
		return nil
	}}, n.learnables...))(t)
	for step, want := range []string{"[true true false false]", "[false false true true]", "[true true false false]"} {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := s.Step(n.model); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(noisy); got != want {
			t.Errorf("step %d: noise in %v, want %v", step, got, want)
		}
	}
}

func TestLayerNames(t *testing.T) {
	for want, names := range map[string][]string{
		"conv1": {"conv1.weight", "conv1.bias"},
		"w0+b0": {"w0", "b0"},
		"a.w+b": {"a.w", "b"},
		"fc":    {"fc.weight"},
		"w0":    {"w0"},
	} {
		var params []*Param
		for _, name := range names {
			params = append(params, &Param{name: name})
		}
		if got := layerName(params); got != want {
			t.Errorf("%v are layer %q, want %q", names, got, want)
		}
	}
}

// TestScalings: the standard deviation of each tensor's noise, read off Rademacher noise, which has constant magnitude.
func TestScalings(t *testing.T) {
	const sigma = 0.5
	rms := func(w []float64) float64 {
		sum := 0.0
		for _, x := range w {
			sum += x * x
		}
		return math.Sqrt(sum / float64(len(w)))
	}
	cases := map[string]struct {
		scaling Scaling
		want    func(i int, w []float64) float64
	}{
		"absolute": {Absolute(), func(int, []float64) float64 { return sigma }},
		"rms":      {RelativeRMS(), func(_ int, w []float64) float64 { return sigma * rms(w) }},
		"fan-in": {FanIn(), func(i int, _ []float64) float64 { // widths 4, 5, 2
			return sigma / []float64{2, 1, math.Sqrt(5), 1}[i]
		}},
		"custom": {
			func(p *Param) float64 { return 1 / float64(p.Index()+1) },
			func(i int, _ []float64) float64 { return sigma / float64(i+1) },
		},
	}
	for name, c := range cases {
		n := newNet(t, tensor.Float64, 1, 3, 4, 5, 2)
		clean := make([][]float64, len(n.learnables))
		for i, node := range n.learnables {
			clean[i] = floatsOf(node.Value())
		}
		s := perturbed(t, bases["sgd"](), sigma*2, WithSelection(All()), WithNoise(Rademacher()), WithScaling(c.scaling))
		vm := must(s.Guard(&spyVM{look: func() error {
			for i, node := range n.learnables { // All halves sigma for four tensors
				want := c.want(i, clean[i])
				for j, x := range floatsOf(node.Value()) {
					if got := math.Abs(x - clean[i][j]); math.Abs(got-want) > 1e-12 {
						t.Fatalf("%s: %s took noise of %v, want %v", name, node.Name(), got, want)
					}
				}
			}
			return nil
		}}, n.learnables...))(t)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFanInLayouts: (out, in) if the tensor is not the right factor of a product, and all but the first dimension beyond
// two.
func TestFanInLayouts(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(4, 3))
	right := G.NewMatrix(g, tensor.Float64, G.WithName("right"), G.WithShape(3, 5))
	left := G.NewMatrix(g, tensor.Float64, G.WithName("left"), G.WithShape(7, 4))
	G.Must(G.Mul(x, right))
	G.Must(G.Mul(left, x))
	for _, c := range []struct {
		source G.ValueGrad
		shape  tensor.Shape
		want   int
	}{
		{right, tensor.Shape{3, 5}, 3},
		{left, tensor.Shape{7, 4}, 4},
		{&valueGrad{}, tensor.Shape{7, 4}, 4},
		{G.NewTensor(g, tensor.Float64, 4, G.WithName("kernel"), G.WithShape(8, 3, 5, 2)), tensor.Shape{8, 3, 5, 2}, 30},
		{G.NewVector(g, tensor.Float64, G.WithName("bias"), G.WithShape(9)), tensor.Shape{9}, 1},
		{G.NewScalar(g, tensor.Float64, G.WithName("scalar")), tensor.Shape{}, 1},
	} {
		size := 1
		for _, d := range c.shape {
			size *= d
		}
		p := &Param{shape: c.shape, dtype: tensor.Float64, vec: vec{f64: make([]float64, size)}}
		p.see(c.source, new(leafValues))
		if got := fanIn(p); got != c.want {
			t.Errorf("%v: fan-in %d, want %d", c.shape, got, c.want)
		}
	}
}
