package layers_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/layers"
	"gonum.org/v1/gonum/stat"
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

// TestInitDependsOnSeedAndName pins on what initial values depend, and on what they do not.
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

// TestInitPrefix wants every parameter of every network to take the prefix, so that two of them fit into one network.
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
