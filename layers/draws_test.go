package layers_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/internal/noise"
	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestDropoutsDrawApart wants the dropouts of a network to draw different masks, also with one seed.
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

// TestVGGDropsApart wants the two dropouts of VGG to draw different masks: both drop of 4,096 features.
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
	known, equal := 0, 0 // elements that both dropouts had the choice to drop, and made the same choice of
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

// TestInitialValuesAreNoTrainingDraws wants no weight of a network to begin with what a training with the same seed draws.
func TestInitialValuesAreNoTrainingDraws(t *testing.T) {
	const seed, steps, tensors = 1, 300, 20
	// ratios tell a draw whatever its scale.
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
