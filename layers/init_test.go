package layers_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/layernoise/layernoise/layers"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestSchemes compares variance, largest value and bias with the definitions. The weight is (60, 40, 3, 2): fan-in 240,
// fan-out 360.
func TestSchemes(t *testing.T) {
	const fanIn, fanOut = 240.0, 360.0
	for _, c := range []struct {
		name     string
		scheme   layers.Scheme
		variance float64
		uniform  bool
		bias     bool
	}{
		{"default", layers.DefaultUniform, 1 / (3 * fanIn), true, true},
		{"He normal", layers.HeNormal, 2 / fanIn, false, false},
		{"He uniform", layers.HeUniform, 2 / fanIn, true, false},
		{"Glorot normal", layers.GlorotNormal, 2 / (fanIn + fanOut), false, false},
		{"Glorot uniform", layers.GlorotUniform, 2 / (fanIn + fanOut), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conv := layers.NewConv2D("conv", 40, 60, layers.ConvConfig{Kernel: [2]int{3, 2}}, layers.Init{Seed: 5, Scheme: c.scheme})
			weight, bias := floats(conv.Params()[0].Value), floats(conv.Params()[1].Value)
			n := float64(len(weight))
			mean, variance := stat.MeanVariance(weight, nil)
			if limit := 4 * math.Sqrt(c.variance/n); math.Abs(mean) > limit {
				t.Errorf("mean %v, want 0 within %v", mean, limit)
			}
			if relative := variance / c.variance; math.Abs(relative-1) > 4*math.Sqrt(2/n) {
				t.Errorf("variance %v, want %v", variance, c.variance)
			}
			largest, bound := 0.0, math.Sqrt(3*c.variance)
			for _, v := range weight {
				largest = max(largest, math.Abs(v))
			}
			if inside := largest > 0.999*bound && largest <= bound*(1+1e-6); inside != c.uniform {
				t.Errorf("largest %v, uniform bound %v", largest, bound)
			}
			for _, v := range bias {
				if (v != 0) != c.bias || math.Abs(v) > bound*(1+1e-6) {
					t.Fatalf("bias %v, drawn is %t", v, c.bias)
				}
			}
		})
	}
}

// TestInitDependsOnSeedAndName: initial values depend on these and on nothing else.
func TestInitDependsOnSeedAndName(t *testing.T) {
	first := func(net layers.Layer) []float64 { return floats(net.Params()[0].Value) }
	alone := layers.NewDense("fc2", 6, 5, layers.Init{Seed: 1})
	inNet := layers.NewMLP(layers.Init{Seed: 1}, 9, 6, 5)
	if diff := cmp.Diff(first(alone), floats(inNet.Params()[2].Value)); diff != "" {
		t.Errorf("the layer in a network begins otherwise than alone:\n%s", diff)
	}
	for name, other := range map[string]layers.Layer{
		"seed": layers.NewDense("fc2", 6, 5, layers.Init{Seed: 2}),
		"name": layers.NewDense("fc3", 6, 5, layers.Init{Seed: 1}),
	} {
		if got := stat.Correlation(first(alone), first(other), nil); math.Abs(got) > 0.7 {
			t.Errorf("another %s: correlation %v", name, got)
		}
	}
	wide := layers.NewDense("fc2", 6, 5, layers.Init{Seed: 1, Dtype: tensor.Float64})
	for i, v := range first(wide) {
		if narrow := first(alone)[i]; math.Abs(v-narrow) > 1e-7 {
			t.Fatalf("element %d is %v in float64, %v in float32", i, v, narrow)
		}
	}
}

// TestInitPrefix: every parameter of every network has the prefix, so that two networks can be combined into one.
func TestInitPrefix(t *testing.T) {
	for _, n := range networks {
		if n.large() && testing.Short() {
			continue
		}
		plain, prefixed := n.make(layers.Init{Seed: 1}), n.make(layers.Init{Seed: 1, Prefix: "a."})
		for i, p := range prefixed.Params() {
			if want := "a." + plain.Params()[i].Name; p.Name != want {
				t.Errorf("%s: parameter %q, want %q", n.name, p.Name, want)
			}
		}
	}
	two := layers.NewSequential(layers.NewMLP(layers.Init{Prefix: "a."}, 6, 5), layers.NewMLP(layers.Init{Prefix: "b."}, 5, 4))
	if _, err := layers.NewClassifier(two, 2, 6); err != nil {
		t.Error(err)
	}
	if first := two.Params(); floats(first[0].Value)[0] == floats(first[2].Value)[0] {
		t.Error("networks of other prefixes begin alike")
	}
	if err := layers.NewDense("x", 0, 1, layers.Init{Prefix: "a."}).Err(); err == nil || !strings.Contains(err.Error(), "a.x.weight") {
		t.Errorf("error %v, want the full name in it", err)
	}
	if _, err := (layers.Init{Prefix: "a."}).Constant("", 0, 1); err == nil {
		t.Error("a parameter without a name of its own is accepted")
	}
}

// TestInitBits pins initial values to the bit: they must not change from one version to the next.
func TestInitBits(t *testing.T) {
	for _, c := range []struct {
		scheme layers.Scheme
		want   []float32
	}{
		{layers.DefaultUniform, []float32{0.08186950534582138, -0.1440737545490265, -0.07910618185997009, -0.2910189926624298}},
		{layers.HeNormal, []float32{0.8588889241218567, -1.0537590980529785, -0.9768093228340149, -0.6564518213272095}},
	} {
		fc := layers.NewDense("fc", 4, 1, layers.Init{Seed: 2023, Scheme: c.scheme})
		if diff := cmp.Diff(c.want, fc.Params()[0].Value.Data()); diff != "" {
			t.Errorf("scheme %d:\n%s", c.scheme, diff)
		}
	}
}

// TestDropoutsDrawApart: the dropouts of a network draw different masks, also with one seed.
func TestDropoutsDrawApart(t *testing.T) {
	g := G.NewGraph()
	b := layers.NewBuilder(g, layers.Training)
	ones := G.NodeFromAny(g, tensor.Ones(tensor.Float32, 40, 50), G.WithName("x"))
	var masks [2]G.Value
	for i := range masks {
		y, err := layers.NewDropout(0.5, 3).Forward(b, ones)
		if err != nil {
			t.Fatal(err)
		}
		G.Read(y, &masks[i])
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(floats(masks[0]), floats(masks[1])) {
		t.Error("two dropouts of one seed draw one mask")
	}
}

// TestVGGDropsApart: the two dropouts of VGG, each over 4,096 features, draw different masks.
func TestVGGDropsApart(t *testing.T) {
	if testing.Short() {
		t.Skip("a large network")
	}
	const batch = 2
	g := G.NewGraph()
	x := G.NodeFromAny(g, random(1, tensor.Float32, batch, 3, 32, 32), G.WithName("x"))
	if _, err := layers.NewVGG11(100, layers.Init{Seed: 1}).Forward(layers.NewBuilder(g, layers.Training), x); err != nil {
		t.Fatal(err)
	}
	var before, after []*G.Value
	for _, n := range g.AllNodes() {
		if n.Op() == nil || n.Op().String() != "Dropout" {
			continue
		}
		before, after = append(before, new(G.Value)), append(after, new(G.Value))
		inputs := g.From(n.ID())
		inputs.Next()
		G.Read(inputs.Node().(*G.Node), before[len(before)-1])
		G.Read(n, after[len(after)-1])
	}
	if len(after) != 2 {
		t.Fatalf("%d dropouts, want 2", len(after))
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	var in, out [2][]float64
	for i := range out {
		in[i], out[i] = floats(*before[i]), floats(*after[i])
	}
	known, equal := 0, 0 // elements that each dropout could drop, and those that both dropped or both kept
	for j := range in[0] {
		if in[0][j] != 0 && in[1][j] != 0 {
			known++
			if (out[0][j] == 0) == (out[1][j] == 0) {
				equal++
			}
		}
	}
	// Five standard deviations about one half.
	if known < 1000 || math.Abs(float64(equal)-float64(known)/2) > 2.5*math.Sqrt(float64(known)) {
		t.Errorf("the dropouts agree on %d of %d elements", equal, known)
	}
}

// TestInitialValuesAreNoTrainingDraws: no weight is initialised with the draws of a training with the same seed.
func TestInitialValuesAreNoTrainingDraws(t *testing.T) {
	const seed, steps, tensors = 1, 300, 20
	// ratios identify a draw whatever its scale.
	ratios := func(v []float64) string { return fmt.Sprintf("%.9f %.9f %.9f", v[1]/v[0], v[2]/v[0], v[3]/v[0]) }
	drawn := map[string]noise.Stream{}
	draw := make([]float64, 4)
	for _, first := range []uint32{noise.WeightTensors, noise.RegulariserTensors, noise.ProbeTensors, noise.MaskTensors} {
		for step := range uint32(steps) {
			for i := range uint32(tensors) {
				s := noise.Stream{Seed: seed, Step: step, Tensor: first + i}
				noise.Fill(noise.Uniform, s, draw, 1)
				drawn[ratios(draw)] = s
			}
		}
	}
	weights := map[string]string{}
	for _, p := range layers.NewCNN2(layers.Init{Seed: seed, Dtype: tensor.Float64}).Params() {
		v := floats(p.Value)
		if len(v) < 4 || v[0] == v[1] { // constants
			continue
		}
		if s, ok := drawn[ratios(v)]; ok {
			t.Errorf("%s begins with the draw %+v", p.Name, s)
		}
		if other, ok := weights[ratios(v)]; ok {
			t.Errorf("%s begins with the numbers of %s", p.Name, other)
		}
		weights[ratios(v)] = p.Name
	}
	if len(weights) < 6 {
		t.Errorf("%d weights", len(weights))
	}
}
