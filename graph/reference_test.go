package graph_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/golden"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network is a case rebuilt from this package's operations, with its inputs keyed by the names of the reference gradients.
type network struct {
	g      *G.ExprGraph
	leaves map[string]*G.Node

	stats map[string]*tensor.Dense // running statistics after the run
}

func (n *network) leaf(name string, t golden.Tensor) *G.Node {
	leaf := G.NodeFromAny(n.g, t.Dense(), G.WithName(name))
	n.leaves[name] = leaf
	return leaf
}

// builders rebuild the cases of layers.json by their names.
var builders = map[string]func(n *network, c golden.Layer) (*G.Node, error){
	"dense": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.Dense(n.leaf("x", c.Inputs["x"]), n.leaf("w", c.Inputs["w"]), n.leaf("b", c.Inputs["b"]))
	},
	"conv2d": func(n *network, c golden.Layer) (*G.Node, error) {
		var b *G.Node
		if t, ok := c.Inputs["b"]; ok {
			b = n.leaf("b", t)
		}
		return graph.Conv2D(n.leaf("x", c.Inputs["x"]), n.leaf("w", c.Inputs["w"]), b,
			graph.ConvConfig{Stride: c.Config.Stride, Padding: c.Config.Padding})
	},
	"max_pool2d": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.MaxPool2D(n.leaf("x", c.Inputs["x"]), pool(c))
	},
	"avg_pool2d": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.AvgPool2D(n.leaf("x", c.Inputs["x"]), pool(c))
	},
	"global_avg_pool": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.GlobalAvgPool(n.leaf("x", c.Inputs["x"]))
	},
	"batch_norm_train": func(n *network, c golden.Layer) (*G.Node, error) {
		channels := c.Inputs["gamma"].Shape[0]
		mean, variance := constant(0, channels), constant(1, channels)
		n.stats = map[string]*tensor.Dense{"running_mean_from_0": mean, "running_var_from_1": variance}
		return graph.BatchNorm(n.leaf("x", c.Inputs["x"]), n.leaf("gamma", c.Inputs["gamma"]), n.leaf("beta", c.Inputs["beta"]),
			graph.BatchNormConfig{Mean: mean, Var: variance, Momentum: c.Config.Momentum, Eps: c.Config.Eps, Training: true})
	},
	"batch_norm_eval": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.BatchNorm(n.leaf("x", c.Inputs["x"]), n.leaf("gamma", c.Inputs["gamma"]), n.leaf("beta", c.Inputs["beta"]),
			graph.BatchNormConfig{Mean: c.Inputs["running_mean"].Dense(), Var: c.Inputs["running_var"].Dense(), Eps: c.Config.Eps})
	},
	"softmax_cross_entropy": func(n *network, c golden.Layer) (*G.Node, error) {
		labels := tensor.New(tensor.WithBacking(slices.Clone(c.Config.Labels)))
		return graph.CrossEntropy(n.leaf("logits", c.Inputs["logits"]), G.NodeFromAny(n.g, labels, G.WithName("labels")))
	},
	"residual_basic_block": residualBlock,
}

// sequenceBuilders rebuild the operations among the cases of transformers.json.
var sequenceBuilders = map[string]func(n *network, c golden.Layer) (*G.Node, error){
	"dense": builders["dense"],
	"layer_norm": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.LayerNorm(n.leaf("x", c.Inputs["x"]), n.leaf("gain", c.Inputs["gain"]), n.leaf("bias", c.Inputs["bias"]), c.Config.Eps)
	},
	"rms_norm": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.RMSNorm(n.leaf("x", c.Inputs["x"]), n.leaf("gain", c.Inputs["gain"]), c.Config.Eps)
	},
	"embedding": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.Embedding(whole(n.g, "tokens", c.Config.Tokens, c.Config.Shape...), n.leaf("table", c.Inputs["table"]))
	},
	"positions": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.AddPositions(n.leaf("x", c.Inputs["x"]), n.leaf("table", c.Inputs["table"]))
	},
	"to_sequence":    unaryCase(graph.ToSequence),
	"mean_positions": unaryCase(graph.MeanPositions),
	"gelu":           unaryCase(graph.GELU),
	"gelu_tanh":      unaryCase(graph.GELUTanh),
	"silu":           unaryCase(graph.SiLU),
	"tanh":           unaryCase(graph.Tanh),
	"sigmoid":        unaryCase(graph.Sigmoid),
	"cross_entropy": func(n *network, c golden.Layer) (*G.Node, error) {
		logits := c.Inputs["logits"]
		labels := whole(n.g, "labels", c.Config.Labels, logits.Shape[:2]...)
		return graph.CrossEntropyIgnoring(n.leaf("logits", logits), labels, c.Config.Ignore)
	},
	"attention": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.Attention(n.leaf("q", c.Inputs["q"]), n.leaf("k", c.Inputs["k"]), n.leaf("v", c.Inputs["v"]), attentionConfig(n, c))
	},
	"packed_attention": func(n *network, c golden.Layer) (*G.Node, error) {
		return graph.PackedAttention(n.leaf("qkv", c.Inputs["qkv"]), attentionConfig(n, c))
	},
}

func unaryCase(f func(x *G.Node) (*G.Node, error)) func(n *network, c golden.Layer) (*G.Node, error) {
	return func(n *network, c golden.Layer) (*G.Node, error) { return f(n.leaf("x", c.Inputs["x"])) }
}

func attentionConfig(n *network, c golden.Layer) graph.AttentionConfig {
	config := graph.AttentionConfig{Heads: c.Config.Heads, Causal: c.Config.Causal}
	if keys := c.Config.Keys; keys != nil {
		padding := tensor.New(tensor.WithShape(len(keys), len(keys[0])), tensor.WithBacking(slices.Concat(keys...)))
		config.Padding = G.NodeFromAny(n.g, padding, G.WithName("padding"))
	}
	return config
}

func pool(c golden.Layer) graph.PoolConfig {
	return graph.PoolConfig{Kernel: c.Config.Kernel, Stride: c.Config.Stride, Padding: c.Config.Padding}
}

func constant(v float64, n int) *tensor.Dense {
	return tensor.New(tensor.WithBacking(slices.Repeat([]float64{v}, n)))
}

// residualBlock is max(0, b2(c2(max(0, b1(c1(x))))) + short(x)), where short is bs(cs(x)) if the case has its parameters,
// and x otherwise.
func residualBlock(n *network, c golden.Layer) (*G.Node, error) {
	x := n.leaf("x", c.Inputs["x"])
	convBN := func(x *G.Node, id string, stride, padding int, cfg graph.BatchNormConfig) (*G.Node, error) {
		z, err := graph.Conv2D(x, n.leaf("c"+id+".weight", c.Params["c"+id+".weight"]), nil,
			graph.ConvConfig{Stride: [2]int{stride, stride}, Padding: [2]int{padding, padding}})
		if err != nil {
			return nil, err
		}
		scale, shift := c.Params["b"+id+".weight"], c.Params["b"+id+".bias"]
		cfg.Mean, cfg.Var, cfg.Training = constant(0, scale.Shape[0]), constant(1, scale.Shape[0]), true
		return graph.BatchNorm(z, n.leaf("b"+id+".weight", scale), n.leaf("b"+id+".bias", shift), cfg)
	}
	stride := c.Config.Stride[0]
	short := x
	if _, ok := c.Params["cs.weight"]; ok {
		var err error
		if short, err = convBN(x, "s", stride, 0, graph.BatchNormConfig{}); err != nil {
			return nil, err
		}
	}
	h, err := convBN(x, "1", stride, 1, graph.BatchNormConfig{ReLU: true})
	if err != nil {
		return nil, err
	}
	return convBN(h, "2", 1, 1, graph.BatchNormConfig{ReLU: true, Residual: short})
}

// TestReference compares outputs, all gradients and running statistics with the numbers in testdata, which PyTorch computed
// in float64.
func TestReference(t *testing.T) {
	cases := golden.Layers(t)
	for i, c := range cases {
		t.Run(fmt.Sprintf("%02d_%s", i, c.Name), func(t *testing.T) { testReference(t, builders, c) })
	}
}

// TestReferenceOfTransformers does the same for the operations of transformers; package layers has their blocks and
// networks.
func TestReferenceOfTransformers(t *testing.T) {
	tested := map[string]bool{}
	for i, c := range golden.Transformers(t) {
		if len(c.Params) == 0 {
			tested[c.Name] = true
			t.Run(fmt.Sprintf("%02d_%s", i, c.Name), func(t *testing.T) { testReference(t, sequenceBuilders, c) })
		}
	}
	for name := range sequenceBuilders {
		if !tested[name] {
			t.Errorf("no case of %s", name)
		}
	}
}

func testReference(t *testing.T, builders map[string]func(n *network, c golden.Layer) (*G.Node, error), c golden.Layer) {
	build, ok := builders[c.Name]
	if !ok {
		t.Fatalf("no builder for %s", c.Name)
	}
	if len(c.Grads) == 0 {
		t.Fatal("the case has no gradients")
	}
	n := &network{g: G.NewGraph(), leaves: map[string]*G.Node{}}
	y, err := build(n, c)
	if err != nil {
		t.Fatal(err)
	}
	var cost *G.Node
	if y.IsScalar() {
		cost = G.Must(G.Mul(y, G.NewConstant(c.GradOutput.Data[0])))
	} else {
		up := G.NodeFromAny(n.g, c.GradOutput.Dense(), G.WithName("up"))
		cost = G.Must(G.Sum(G.Must(G.HadamardProd(y, up))))
	}
	var out G.Value
	G.Read(y, &out)
	var leaves G.Nodes
	for name := range c.Grads {
		if n.leaves[name] == nil {
			t.Fatalf("the case has a gradient of %s, the network no such leaf", name)
		}
		leaves = append(leaves, n.leaves[name])
	}
	if _, err := G.Grad(cost, leaves...); err != nil {
		t.Fatal(err)
	}
	vm := G.NewTapeMachine(n.g, G.BindDualValues(leaves...))
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	compare(t, "output", out, c.Output)
	for name, want := range c.Grads {
		grad, err := n.leaves[name].Grad()
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "gradient of "+name, grad, want)
	}
	for name, want := range c.Extra {
		compare(t, name, n.stats[name], want)
	}
}

// compare requires every element within 1e-10, relative to the largest one, or to 0.001 if all are smaller: a gradient may
// be zero up to rounding.
func compare(t *testing.T, name string, got G.Value, want golden.Tensor) {
	t.Helper()
	data, ok := got.Data().([]float64)
	if !ok {
		data = []float64{got.Data().(float64)}
	}
	if len(data) != len(want.Data) {
		t.Fatalf("%s: %d elements, want %d", name, len(data), len(want.Data))
	}
	scale := 1e-3
	for _, v := range want.Data {
		scale = max(scale, math.Abs(v))
	}
	for i, v := range data {
		if d := math.Abs(v - want.Data[i]); !(d <= 1e-10*scale) {
			t.Fatalf("%s: element %d is %v, want %v", name, i, v, want.Data[i])
		}
	}
}
