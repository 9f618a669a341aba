package layers_test

import (
	"errors"
	"math"
	"testing"

	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestClipNorm: a step of gradient descent is the learning rate times the gradient, scaled down to the bound if its norm over
// all parameters is larger.
func TestClipNorm(t *testing.T) {
	const rate = 0.5
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		step := func(clip float64) (moved []float64, norm float64) {
			model, net := newModel(t, dtype)
			before := values(net)
			sgd, err := optim.NewSGD(rate)
			if err != nil {
				t.Fatal(err)
			}
			_, err = model.Fit(ctx, newBatches(dtype, 5), sgd, layers.FitConfig{ClipNorm: clip,
				OnStep: func(s layers.Step) error { norm = s.GradNorm; return nil }})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range net.Params() {
				if p.Buffer {
					continue
				}
				for i, w := range values(net)[p.Name] {
					moved = append(moved, (before[p.Name][i]-w)/rate)
				}
			}
			return moved, norm
		}
		gradient, unset := step(0)
		length := 0.0
		for _, g := range gradient {
			length = math.Hypot(length, g)
		}
		if unset != 0 {
			t.Errorf("a norm of %v without clipping", unset)
		}
		for _, clip := range []float64{length / 3, length * 0.99, length * 1.01, math.Inf(1)} {
			got, norm := step(clip)
			if math.Abs(norm-length) > 1e-5*length {
				t.Errorf("%v: norm %v, want %v", dtype, norm, length)
			}
			for i, g := range gradient {
				if want := g * min(1, clip/length); math.Abs(got[i]-want) > 1e-6*(1+length) {
					t.Fatalf("%v, clipped to %v of %v: element %d is %v, want %v", dtype, clip, length, i, got[i], want)
				}
			}
		}
	}
}

// TestClipNormOddSizes has parameters of 5 numbers, not a multiple of the number of partial sums.
func TestClipNormOddSizes(t *testing.T) {
	net := newPairs(t, 5, 0, tensor.Float64)
	m := newLanguageModel(t, net, 1, 3)
	before := values(net)
	sgd, err := optim.NewSGD(1)
	if err != nil {
		t.Fatal(err)
	}
	var norm float64
	_, err = m.Fit(ctx, sequencesOf(idTensor(1, 3, 0, 1, 2), 1, 2, 4), sgd, layers.FitConfig{ClipNorm: 1e3,
		OnStep: func(s layers.Step) error { norm = s.GradNorm; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for name, v := range values(net) {
		for i, w := range v {
			want = math.Hypot(want, before[name][i]-w)
		}
	}
	if math.Abs(norm-want) > 1e-9 {
		t.Errorf("norm %v, want %v", norm, want)
	}
}

func TestClipNormErrors(t *testing.T) {
	for _, clip := range []float64{-1, math.NaN()} {
		model, _ := newModel(t, tensor.Float32)
		if _, err := model.Fit(ctx, newBatches(tensor.Float32, 5), G.NewVanillaSolver(), layers.FitConfig{ClipNorm: clip}); err == nil {
			t.Errorf("ClipNorm %v", clip)
		}
	}
}

// TestClipNormNotFinite has a finite loss with an infinite gradient: clipped, it would be NaN.
func TestClipNormNotFinite(t *testing.T) {
	init := layers.Init{Seed: 1}
	net := layers.NewSequential(layers.NewFlatten(), layers.NewDense("fc1", 6, 4, init), layers.NewFunc("root", func(x *G.Node) (*G.Node, error) {
		sq, err := G.Square(x)
		if err != nil {
			return nil, err
		}
		return G.Sqrt(sq)
	}))
	for _, p := range net.Params() {
		p.Value.Zero() // where the square root has no derivative
	}
	model, err := layers.NewClassifier(net, 5, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, err = model.Fit(ctx, newBatches(tensor.Float32, 5), G.NewVanillaSolver(), layers.FitConfig{ClipNorm: 1})
	if !errors.Is(err, layers.ErrNotFinite) {
		t.Errorf("error %v", err)
	}
	for name, v := range values(net) {
		for i, w := range v {
			if w != 0 {
				t.Errorf("%s[%d] is %v after the error", name, i, w)
			}
		}
	}
}
