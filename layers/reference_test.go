package layers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/internal/golden"
	"github.com/layernoise/layernoise/layers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rebuilt is a case of the reference numbers, built from this package's layers.
type rebuilt struct {
	layer layers.Layer
	mode  layers.Mode

	// names maps the names of the case's tensors to those of the layer's parameters, if they differ.
	names map[string]string
}

var float64s = layers.Init{Dtype: tensor.Float64}

func rebuild(t *testing.T, c golden.Layer) rebuilt {
	shape := func(name string) []int { return c.Inputs[name].Shape }
	weights := map[string]string{"w": "l.weight", "b": "l.bias"}
	norm := map[string]string{"gamma": "l.weight", "beta": "l.bias",
		"running_mean": "l.running_mean", "running_mean_from_0": "l.running_mean",
		"running_var": "l.running_var", "running_var_from_1": "l.running_var"}
	window := layers.PoolConfig{Kernel: c.Config.Kernel, Stride: c.Config.Stride, Padding: c.Config.Padding}
	switch c.Name {
	case "dense":
		return rebuilt{layer: layers.NewDense("l", shape("w")[1], shape("w")[0], float64s), names: weights}
	case "conv2d":
		_, bias := c.Inputs["b"]
		k := layers.ConvConfig{Kernel: c.Config.Kernel, Stride: c.Config.Stride, Padding: c.Config.Padding, NoBias: !bias}
		return rebuilt{layer: layers.NewConv2D("l", shape("w")[1], shape("w")[0], k, float64s), names: weights}
	case "max_pool2d":
		return rebuilt{layer: layers.NewMaxPool2D(window)}
	case "avg_pool2d":
		return rebuilt{layer: layers.NewAvgPool2D(window)}
	case "global_avg_pool":
		return rebuilt{layer: layers.NewGlobalAvgPool()}
	case "batch_norm_train":
		return rebuilt{layer: layers.NewBatchNorm("l", shape("gamma")[0], float64s), names: norm}
	case "batch_norm_eval":
		return rebuilt{layer: layers.NewBatchNorm("l", shape("gamma")[0], float64s), names: norm, mode: layers.Evaluation}
	case "residual_basic_block":
		return rebuilt{layer: basicBlock(c.Config.InChannels, c.Config.OutChannels, c.Config.Stride)}
	}
	t.Fatalf("no layer for the case %s", c.Name)
	return rebuilt{}
}

// basicBlock makes a residual block and its ReLU, with the names of the reference numbers.
func basicBlock(in, out int, stride [2]int) layers.Layer {
	kernel := layers.ConvConfig{Kernel: layers.Square(3), Padding: layers.Square(1), NoBias: true}
	strided := kernel
	strided.Stride = stride
	body := layers.NewSequential(
		layers.NewConv2D("c1", in, out, strided, float64s), layers.NewBatchNorm("b1", out, float64s), layers.NewReLU(),
		layers.NewConv2D("c2", out, out, kernel, float64s), layers.NewBatchNorm("b2", out, float64s))
	if stride == layers.Square(1) && in == out {
		return layers.NewSequential(layers.NewResidual(body, nil), layers.NewReLU())
	}
	return layers.NewSequential(layers.NewResidual(body, layers.NewSequential(
		layers.NewConv2D("cs", in, out, layers.ConvConfig{Kernel: layers.Square(1), Stride: stride, NoBias: true}, float64s),
		layers.NewBatchNorm("bs", out, float64s))), layers.NewReLU())
}

// name returns the layer's name for one of the case's tensors.
func (r rebuilt) name(name string) string {
	if n, ok := r.names[name]; ok {
		return n
	}
	return name
}

// setParams gives the layer the parameters of the case.
func (r rebuilt) setParams(t *testing.T, c golden.Layer) {
	params := make(map[string]*layers.Param)
	for _, p := range r.layer.Params() {
		params[p.Name] = p
	}
	for _, tensors := range []map[string]golden.Tensor{c.Inputs, c.Params} {
		for name, v := range tensors {
			if name == "x" {
				continue
			}
			p, ok := params[r.name(name)]
			if !ok {
				t.Fatalf("the layer has no parameter for %s", name)
			}
			if !p.Value.Shape().Eq(v.Shape) {
				t.Fatalf("%s: layer %v, case %v", p.Name, p.Value.Shape(), v.Shape)
			}
			set(p.Value, v.Data)
		}
	}
}

// TestReference compares outputs, gradients and running statistics with the numbers of testdata, which PyTorch computed in
// float64.
func TestReference(t *testing.T) {
	for i, c := range golden.Layers(t) {
		t.Run(fmt.Sprintf("%02d_%s", i, c.Name), func(t *testing.T) {
			if c.Name == "softmax_cross_entropy" {
				testCrossEntropy(t, c)
				return
			}
			r := rebuild(t, c)
			r.setParams(t, c)
			run := newRun(t, r.layer, r.mode, c.Inputs["x"].Dense(), func(tensor.Shape) *tensor.Dense { return c.GradOutput.Dense() })
			golden.Near(t, "output", run.pass(t), c.Output.Data, peerTolerance)
			for name, want := range c.Extra {
				golden.Near(t, name, values(r.layer)[r.name(name)], want.Data, peerTolerance)
			}
			grads := run.grads(t)
			for name, want := range c.Grads {
				golden.Near(t, "gradient of "+name, grads[r.name(name)], want.Data, peerTolerance)
			}
		})
	}
}

// TestReferenceOfTransformers is TestReference for the blocks and networks of transformers.json, which torch.nn computed.
func TestReferenceOfTransformers(t *testing.T) {
	tested := map[string]bool{}
	for i, c := range golden.Transformers(t) {
		if len(c.Params) == 0 {
			continue
		}
		if tested[c.Name] = true; c.Config.ClassToken {
			tested["vit with a class token"] = true
		}
		t.Run(fmt.Sprintf("%02d_%s", i, c.Name), func(t *testing.T) {
			r := rebuilt{layer: transformer(c)}
			r.setParams(t, c)
			if got, want := len(r.layer.Params()), len(c.Params); got != want {
				t.Errorf("%d parameters, the case has %d", got, want)
			}
			x := c.Inputs["x"].Dense
			if c.Config.Tokens != nil {
				x = func() *tensor.Dense {
					return tensor.New(tensor.WithShape(c.Config.Shape...), tensor.WithBacking(c.Config.Tokens))
				}
			}
			run := newRun(t, r.layer, r.mode, x(), func(tensor.Shape) *tensor.Dense { return c.GradOutput.Dense() })
			golden.Near(t, "output", run.pass(t), c.Output.Data, peerTolerance)
			grads := run.grads(t)
			for name, want := range c.Grads {
				golden.Near(t, "gradient of "+name, grads[name], want.Data, peerTolerance)
			}
		})
	}
	for _, name := range []string{"transformer_block", "gpt", "vit", "vit with a class token"} {
		if !tested[name] {
			t.Errorf("no case of %s", name)
		}
	}
}

// transformer makes the block or network of a case.
func transformer(c golden.Layer) layers.Layer {
	k := c.Config
	t := layers.Transformer{Width: k.Width, Heads: k.Heads, Depth: k.Depth, Hidden: k.Hidden, Causal: k.Causal}
	switch c.Name {
	case "gpt":
		return layers.NewGPT(layers.GPTConfig{Transformer: t, Vocabulary: k.Vocabulary, Context: k.Context, Untied: !k.Tied}, float64s)
	case "vit":
		return layers.NewViT(layers.ViTConfig{Transformer: t, Channels: k.Channels, Height: k.Image[0], Width: k.Image[1], Patch: k.Patch,
			Classes: k.Classes, ClassToken: k.ClassToken}, float64s)
	}
	return nameless{layers.NewTransformerBlock("block", t, float64s)}
}

// nameless is the block of that name, with the parameter names of a layer of torch.nn, which have no prefix.
type nameless struct{ layers.Layer }

func (n nameless) Params() []*layers.Param {
	params := n.Layer.Params()
	for _, p := range params {
		p.Name = strings.TrimPrefix(p.Name, "block.")
	}
	return params
}

// observer is a solver that records the gradients and changes nothing.
type observer map[string][]float64

func (o observer) Step(model []G.ValueGrad) error {
	for _, vg := range model {
		grad, err := vg.Grad()
		if err != nil {
			return err
		}
		o[vg.(*G.Node).Name()] = floats(grad)
	}
	return nil
}

// testCrossEntropy compares a classifier's training and evaluation losses with the case's. Its network is a dense layer whose
// weight is the unit matrix: the weight's gradient is the transposed gradient of the logits times the logits.
func testCrossEntropy(t *testing.T, c golden.Layer) {
	logits := c.Inputs["logits"]
	n, k := logits.Shape[0], logits.Shape[1]
	net := layers.NewDense("l", k, k, float64s)
	unit := make([]float64, k*k)
	for i := range k {
		unit[i*k+i] = 1
	}
	set(net.Params()[0].Value, unit)
	set(net.Params()[1].Value, make([]float64, k))

	model, err := layers.NewClassifier(net, n, k)
	if err != nil {
		t.Fatal(err)
	}
	batch := &list{images: []*tensor.Dense{logits.Dense()}, labels: [][]int{c.Config.Labels}}
	grads := observer{}
	history, err := model.Fit(context.Background(), batch, grads, layers.FitConfig{})
	if err != nil {
		t.Fatal(err)
	}
	golden.Near(t, "training loss", history.Losses, c.Output.Data, peerTolerance)
	want := make([]float64, k*k)
	for row := range n {
		for i := range k {
			for j := range k {
				want[i*k+j] += c.Grads["logits"].Data[row*k+i] / c.GradOutput.Data[0] * logits.Data[row*k+j]
			}
		}
	}
	golden.Near(t, "gradient of the weight", grads["l.weight"], want, peerTolerance)
	m, err := model.Evaluate(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	golden.Near(t, "evaluation loss", []float64{m.Loss}, c.Output.Data, peerTolerance)
}
