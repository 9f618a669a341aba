package graph_test

import (
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/internal/noise"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// dropped runs Dropout on ones the given number of times and returns the results.
func dropped(t *testing.T, p float64, config graph.DropoutConfig, passes int) (masks [][]float64, r *gradcheck.Run) {
	t.Helper()
	ones := tensor.Ones(tensor.Float64, 40, 50)
	r = gradcheck.NewRun(t, func(in []*G.Node) (*G.Node, error) { return graph.Dropout(in[0], p, config) }, ones)
	for range passes {
		if err := r.Pass(); err != nil {
			t.Fatal(err)
		}
		masks = append(masks, r.Result())
	}
	return masks, r
}

func TestDropoutKeepsTheMean(t *testing.T) {
	const p = 0.3
	masks, _ := dropped(t, p, graph.DropoutConfig{Seed: 1}, 20)
	kept, n := 0, 0
	for _, mask := range masks {
		for _, v := range mask {
			switch {
			case v == 1/(1-p):
				kept++
			case v != 0:
				t.Fatalf("a one has become %v, want 0 or %v", v, 1/(1-p))
			}
			n++
		}
	}
	// Five standard deviations of a binomial.
	if d := float64(kept) - (1-p)*float64(n); math.Abs(d) > 5*math.Sqrt(p*(1-p)*float64(n)) {
		t.Errorf("kept %d of %d", kept, n)
	}
}

func TestDropoutDrawsAreFunctionsOfSeedAndPass(t *testing.T) {
	a, _ := dropped(t, 0.5, graph.DropoutConfig{Seed: 7}, 3)
	b, _ := dropped(t, 0.5, graph.DropoutConfig{Seed: 7}, 3)
	c, _ := dropped(t, 0.5, graph.DropoutConfig{Seed: 8}, 1)
	for i := range a {
		if !slices.Equal(a[i], b[i]) {
			t.Errorf("pass %d differs between two nodes of one seed", i)
		}
		for j := range i {
			if slices.Equal(a[i], a[j]) {
				t.Errorf("passes %d and %d drop the same", i, j)
			}
		}
	}
	if slices.Equal(a[0], c[0]) {
		t.Error("two seeds drop the same")
	}
	if d, _ := dropped(t, 0.5, graph.DropoutConfig{Seed: 7, Layer: 1}, 1); slices.Equal(a[0], d[0]) {
		t.Error("two layers drop the same")
	}
}

// Training sets the step. The runs within a step differ, and beginning it again repeats them, whatever ran in between.
func TestDropoutSteps(t *testing.T) {
	var steps graph.Steps
	pass := func(r *gradcheck.Run) []float64 {
		t.Helper()
		if err := r.Pass(); err != nil {
			t.Fatal(err)
		}
		return r.Result()
	}
	_, r := dropped(t, 0.5, graph.DropoutConfig{Seed: 7, Steps: &steps}, 0)
	var masks [][]float64
	for _, step := range []uint32{3, 4} {
		steps.Begin(step)
		masks = append(masks, pass(r), pass(r))
	}
	for i := range masks {
		for j := range i {
			if slices.Equal(masks[i], masks[j]) {
				t.Errorf("runs %d and %d drop the same", i, j)
			}
		}
	}
	steps.Begin(3)
	for i := range 2 {
		if !slices.Equal(pass(r), masks[i]) {
			t.Errorf("run %d of a step begun again drops other elements", i)
		}
	}
	_, other := dropped(t, 0.5, graph.DropoutConfig{Seed: 7, Steps: &steps}, 0)
	steps.Begin(4)
	if !slices.Equal(pass(other), masks[2]) {
		t.Error("another graph at the same step drops other elements")
	}
}

// No mask equals one made from the numbers of a solver's noise, or of a measurement, with the same seed.
func TestDropoutSharesNoStream(t *testing.T) {
	const p, seed = 0.5, 7
	masks, _ := dropped(t, p, graph.DropoutConfig{Seed: seed}, 4)
	words := make([]uint32, len(masks[0]))
	mask := make([]float64, len(words))
	ones := gradcheck.Floats(tensor.Ones(tensor.Float64, len(words)))
	for _, first := range []uint32{noise.WeightTensors, noise.RegulariserTensors, noise.ProbeTensors, noise.MaskTensors} {
		shared := 0
		for number := range uint32(16) { // step and number of the tensor
			noise.Bits(noise.Stream{Seed: seed, Step: number % 4, Tensor: first + number/4}, words)
			kernel.Dropout(mask, ones, words, kernel.DropoutThreshold(p), 2)
			for _, drawn := range masks {
				if slices.Equal(mask, drawn) {
					shared++
				}
			}
		}
		want := 0
		if first == noise.MaskTensors { // to check that the test can fail
			want = len(masks)
		}
		if shared != want {
			t.Errorf("%d masks are those of the tensors from %d on, want %d", shared, first, want)
		}
	}
}

// The gradient has the same mask: with ones as input it is the result times the weights with which the result was summed.
func TestDropoutGradient(t *testing.T) {
	masks, r := dropped(t, 0.25, graph.DropoutConfig{Seed: 3}, 1)
	weights := gradcheck.Floats(gradcheck.Random(99, tensor.Float64, 40, 50))
	for i, g := range r.Gradient(t, 0) {
		if want := masks[0][i] * weights[i]; g != want {
			t.Fatalf("element %d: gradient %v, want %v", i, g, want)
		}
	}
}

func TestDropoutOfNothing(t *testing.T) {
	masks, _ := dropped(t, 0, graph.DropoutConfig{}, 1)
	for i, v := range masks[0] {
		if v != 1 {
			t.Fatalf("element %d has become %v", i, v)
		}
	}
}
