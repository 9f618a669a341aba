package layers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/race"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// smallGPT are the settings of the tests.
var smallGPT = layers.GPTConfig{Transformer: layers.Transformer{Width: 12, Heads: 3, Depth: 2}, Vocabulary: 11, Context: 7}

// wholes returns n integers below v in no obvious order.
func wholes(n, v int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = (i*i + 3*i) % v
	}
	return x
}

// language is a language model in its own graph, with cost and gradients.
type language struct {
	tokens, labels []int
	learnables     G.Nodes
	cost           *G.Node
	logits         G.Value
	vm             G.VM
}

func newLanguage(t testing.TB, net layers.Layer, mode layers.Mode, n, length, vocabulary int) *language {
	t.Helper()
	g := G.NewGraph()
	l := &language{tokens: wholes(n*length, vocabulary), labels: wholes(n*length+1, vocabulary)[1:]}
	leaf := func(name string, data []int) *G.Node {
		return G.NodeFromAny(g, tensor.New(tensor.WithShape(n, length), tensor.WithBacking(data)), G.WithName(name))
	}
	b := layers.NewBuilder(g, mode)
	logits, err := net.Forward(b, leaf("inputs", l.tokens))
	if err != nil {
		t.Fatal(err)
	}
	if l.cost, err = graph.CrossEntropy(logits, leaf("labels", l.labels)); err != nil {
		t.Fatal(err)
	}
	G.Read(logits, &l.logits)
	if l.learnables, err = b.Learnables(net); err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(l.cost, l.learnables...); err != nil {
		t.Fatal(err)
	}
	l.vm = G.NewTapeMachine(g, graph.BindGradients(l.learnables...))
	t.Cleanup(func() { l.vm.Close() })
	return l
}

func (l *language) pass(t testing.TB) []float64 {
	t.Helper()
	if err := l.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	l.vm.Reset()
	return floats(l.logits)
}

// The logits at a position depend only on the tokens up to there, and a shorter sequence has the same ones.
func TestGPTIsCausal(t *testing.T) {
	net := layers.NewGPT(smallGPT, layers.Init{Seed: 1})
	const n, v = 2, 11
	whole := newLanguage(t, net, layers.Evaluation, n, 7, v)
	before := whole.pass(t)
	short := newLanguage(t, net, layers.Evaluation, n, 4, v)
	for i := range n {
		copy(short.tokens[4*i:4*i+4], whole.tokens[7*i:])
	}
	for i, logit := range short.pass(t) {
		if want := before[i/(4*v)*7*v+i%(4*v)]; logit != want {
			t.Fatalf("logit %d of a shorter sequence is %v, want %v", i, logit, want)
		}
	}
	whole.tokens[3] = (whole.tokens[3] + 1) % v
	after := whole.pass(t)
	for i := range before {
		if changed := before[i] != after[i]; changed != (i >= 3*v && i < 7*v) {
			t.Fatalf("token 3 has changed: logit %d, of position %d, changed is %t", i, i/v, changed)
		}
	}
	whole.tokens[3] = v
	if err := whole.vm.RunAll(); err == nil || !strings.Contains(err.Error(), "token 11 at [0 3] is out of range, want 0 to 10") {
		t.Errorf("error %v", err)
	}
}

// groups returns the names of the parameters in each layer that graph.Layers finds.
func groups(t *testing.T, l *language) (names []string) {
	t.Helper()
	found, err := graph.Layers(l.cost, l.learnables...)
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range found {
		var of []string
		for _, p := range layer {
			of = append(of, p.Name())
		}
		names = append(names, strings.Join(of, " "))
	}
	return names
}

func TestGPTLayers(t *testing.T) {
	block := func(attention ...string) []string {
		return slices.Concat([]string{"layers.0.norm1.weight layers.0.norm1.bias"}, attention, []string{
			"layers.0.self_attn.out_proj.weight layers.0.self_attn.out_proj.bias", "layers.0.norm2.weight layers.0.norm2.bias",
			"layers.0.linear1.weight layers.0.linear1.bias", "layers.0.linear2.weight layers.0.linear2.bias",
		})
	}
	ends := []string{"norm.weight norm.bias"}
	packed := block("layers.0.self_attn.in_proj_weight layers.0.self_attn.in_proj_bias")
	separate := block("layers.0.self_attn.q_proj.weight layers.0.self_attn.q_proj.bias",
		"layers.0.self_attn.k_proj.weight layers.0.self_attn.k_proj.bias", "layers.0.self_attn.v_proj.weight layers.0.self_attn.v_proj.bias")
	for _, c := range []struct {
		name   string
		change func(c *layers.GPTConfig)
		want   []string
	}{
		{"packed", func(*layers.GPTConfig) {}, slices.Concat([]string{"tokens.weight", "positions.weight"}, packed, ends)},
		{"separate", func(c *layers.GPTConfig) { c.Separate = true }, slices.Concat([]string{"tokens.weight", "positions.weight"}, separate, ends)},
		{"untied", func(c *layers.GPTConfig) { c.Untied = true }, slices.Concat([]string{"tokens.weight", "positions.weight"}, packed, ends, []string{"head.weight"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := smallGPT
			config.Depth = 1
			c.change(&config)
			l := newLanguage(t, layers.NewGPT(config, layers.Init{}), layers.Training, 2, 7, 11)
			if got := groups(t, l); !slices.Equal(got, c.want) {
				t.Errorf("layers\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// A step allocates only what Gorgonia's machine does, and no buffers, which for one block have more than a megabyte.
func TestGPTDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops what is in a sync.Pool")
	}
	config := smallGPT
	config.Width, config.Heads, config.Vocabulary, config.Context, config.Dropout = 64, 4, 50, 32, 0.1
	l := newLanguage(t, layers.NewGPT(config, layers.Init{}), layers.Training, 8, 32, 50)
	for range 3 {
		l.pass(t)
	}
	if r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := l.vm.RunAll(); err != nil {
				b.Fatal(err)
			}
			l.vm.Reset()
		}
	}); r.AllocedBytesPerOp() > 100_000 {
		t.Errorf("%d bytes a step", r.AllocedBytesPerOp())
	}
}

// A classifier trains a vision transformer.
func TestViT(t *testing.T) {
	c := layers.ViTConfig{Transformer: layers.Transformer{Width: 16, Heads: 2, Depth: 1, Hidden: 16, Dropout: 0.1}, Channels: 1, Height: 28, Width: 28, Patch: 7, Classes: 10}
	model, err := layers.NewClassifier(layers.NewViT(c, layers.Init{Seed: 1}), 20, 1, 28, 28)
	if err != nil {
		t.Fatal(err)
	}
	digits, err := datasets.Digits(200, 1).Loader(datasets.LoaderConfig{Batch: 20})
	if err != nil {
		t.Fatal(err)
	}
	adam, err := optim.NewAdam(3e-3)
	if err != nil {
		t.Fatal(err)
	}
	history, err := model.Fit(ctx, digits, adam, layers.FitConfig{Epochs: 6})
	if err != nil {
		t.Fatal(err)
	}
	if first, last := history.Losses[0], history.Losses[len(history.Losses)-1]; !(last < 0.85*first) {
		t.Errorf("loss from %v to %v", first, last)
	}
	c.Patch = 6
	if err := layers.NewViT(c, layers.Init{}).Err(); err == nil || !strings.Contains(err.Error(), "28x28 with patches of 6") {
		t.Errorf("error %v", err)
	}
}

func TestTransformerErrors(t *testing.T) {
	gpt := func(change func(c *layers.GPTConfig)) layers.Layer {
		c := smallGPT
		change(&c)
		return layers.NewGPT(c, layers.Init{})
	}
	for _, c := range []struct {
		net  layers.Layer
		want string
	}{
		{gpt(func(c *layers.GPTConfig) { c.Heads = 5 }), "layers.0.self_attn: 5 heads for a width of 12"},
		{gpt(func(c *layers.GPTConfig) { c.Heads = 0 }), "0 heads"},
		{gpt(func(c *layers.GPTConfig) { c.Depth = 0 }), "depth 0"},
		{gpt(func(c *layers.GPTConfig) { c.Vocabulary = 0 }), "tokens.weight [0 12]"},
		{gpt(func(c *layers.GPTConfig) { c.Context = -1 }), "positions.weight [-1 12]"},
		{gpt(func(c *layers.GPTConfig) { c.Hidden = -1 }), "linear1.weight"},
		{gpt(func(c *layers.GPTConfig) { c.Dropout = 1 }), "dropout probability 1"},
		{layers.NewSelfAttention("a", 4, layers.AttentionConfig{Heads: 2, Dropout: -1}, layers.Init{}), "a: dropout probability -1"},
		{layers.NewLayerNorm("n", 0, layers.Init{}), "n.weight [0]"},
	} {
		if err := c.net.(interface{ Err() error }).Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	for _, c := range []struct {
		net   layers.Layer
		shape []int
		want  string
	}{
		{layers.NewPositions("p", 3, 4, layers.Init{}), []int{2, 5, 4}, "p: input (2, 5, 4), want (N, T, 4) with T at most 3"},
		{layers.NewLayerNorm("n", 4, layers.Init{}), []int{2, 5}, "n: input (2, 5), want (..., 4)"},
		{layers.NewSelfAttention("a", 4, layers.AttentionConfig{Heads: 2}, layers.Init{}), []int{2, 4}, "a: input (2, 4), want (N, T, 4)"},
		{layers.NewEmbedding("e", 4, 2, layers.Init{}), []int{2, 4}, "tokens is of type float32, want int"},
		{layers.NewEmbedding("e", 4, 2, layers.Init{}).Head(), []int{2, 4}, "head of e: input (2, 4), want (..., 2)"},
	} {
		g := G.NewGraph()
		x := G.NewTensor(g, tensor.Float32, len(c.shape), G.WithShape(c.shape...), G.WithName("x"))
		if _, err := c.net.Forward(layers.NewBuilder(g, layers.Training), x); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}
