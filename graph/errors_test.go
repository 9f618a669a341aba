package graph_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestConstructorErrors expects an error that names what is wrong, and no node.
func TestConstructorErrors(t *testing.T) {
	g := G.NewGraph()
	node := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	x, image := node("x", 5, 7), node("image", 2, 3, 6, 5)
	w, filter := node("w", 4, 7), node("filter", 4, 3, 3, 3)
	three, four := node("three", 3), node("four", 4)
	single := G.NewTensor(g, tensor.Float32, 2, G.WithShape(4, 7), G.WithName("single"))
	elsewhere := G.NewTensor(G.NewGraph(), tensor.Float64, 2, G.WithShape(4, 7), G.WithName("elsewhere"))
	labels := G.NewVector(g, tensor.Int, G.WithShape(4), G.WithName("labels"))
	pool := func(k, s, p int) graph.PoolConfig {
		return graph.PoolConfig{Kernel: [2]int{k, k}, Stride: [2]int{s, s}, Padding: [2]int{p, p}}
	}
	norm := func(c graph.BatchNormConfig) graph.BatchNormConfig {
		if c.Mean == nil {
			c.Mean = constant(0, 3)
		}
		c.Var = constant(1, 3)
		return c
	}
	q, k := node("q", 2, 3, 6), node("k", 2, 5, 6)
	padding := G.NewTensor(g, tensor.Bool, 2, G.WithShape(2, 3), G.WithName("padding"))
	heads := func(n int) graph.AttentionConfig { return graph.AttentionConfig{Heads: n} }
	for _, c := range []struct {
		name string
		make func() (*G.Node, error)
		want string
	}{
		{"nil input", func() (*G.Node, error) { return graph.Dense(nil, w, nil) }, "Dense: x is nil"},
		{"nil weight", func() (*G.Node, error) { return graph.DenseReLU(x, nil, nil) }, "DenseReLU: w is nil"},
		{"mixed types", func() (*G.Node, error) { return graph.Dense(x, single, nil) }, "w is of type float32, but x of float64"},
		{"integers", func() (*G.Node, error) { return graph.ReLU(labels) }, "x is of type int"},
		{"two graphs", func() (*G.Node, error) { return graph.Dense(x, elsewhere, nil) }, "different graphs"},
		{"dense, x of one axis", func() (*G.Node, error) { return graph.Dense(three, w, nil) }, "x has shape (3), want [2 3 4 5] axes"},
		{"dense, w of 4 axes", func() (*G.Node, error) { return graph.Dense(x, filter, nil) }, "w has shape (4, 3, 3, 3), want [2] axes"},
		{"dense, last axis of images", func() (*G.Node, error) { return graph.Dense(image, w, nil) }, "w has shape (4, 7), want (out, 5)"},
		{"dense, w does not fit", func() (*G.Node, error) { return graph.Dense(x, node("v", 7, 4), nil) }, "w has shape (7, 4), want (out, 7)"},
		{"dense, b does not fit", func() (*G.Node, error) { return graph.Dense(x, w, three) }, "b has shape (3), want (4)"},
		{"conv, channels", func() (*G.Node, error) { return graph.Conv2D(image, node("f", 4, 2, 3, 3), nil, graph.ConvConfig{}) }, "w has shape (4, 2, 3, 3), want (out, 3, kh, kw)"},
		{"conv, bias", func() (*G.Node, error) { return graph.Conv2D(image, filter, three, graph.ConvConfig{}) }, "b has shape (3), want (4)"},
		{"conv, stride", func() (*G.Node, error) {
			return graph.Conv2D(image, filter, nil, graph.ConvConfig{Stride: [2]int{1, -1}})
		}, "stride"},
		{"conv, padding", func() (*G.Node, error) {
			return graph.Conv2D(image, filter, nil, graph.ConvConfig{Padding: [2]int{-1, 0}})
		}, "padding"},
		{"conv, padding that overflows", func() (*G.Node, error) {
			return graph.Conv2D(image, filter, nil, graph.ConvConfig{Padding: [2]int{0, math.MaxInt}})
		}, "padding"},
		{"conv, too large", func() (*G.Node, error) { return graph.Conv2D(image, node("f7", 4, 3, 7, 3), nil, graph.ConvConfig{}) }, "larger than x"},
		{"pool, kernel", func() (*G.Node, error) { return graph.MaxPool2D(image, graph.PoolConfig{}) }, "the kernel is [0 0]"},
		{"pool, padding", func() (*G.Node, error) { return graph.AvgPool2D(image, pool(3, 1, 2)) }, "at most half the kernel"},
		{"pool, too large", func() (*G.Node, error) { return graph.AvgPool2D(image, pool(8, 1, 0)) }, "larger than x"},
		{"pool, vectors", func() (*G.Node, error) { return graph.MaxPool2D(x, pool(2, 2, 0)) }, "want [4] axes"},
		{"global pool, vectors", func() (*G.Node, error) { return graph.GlobalAvgPool(x) }, "want [4] axes"},
		{"flatten, nil", func() (*G.Node, error) { return graph.Flatten(nil) }, "x is nil"},
		{"add, shapes", func() (*G.Node, error) { return graph.Add(three, four) }, "y has shape (4), want (3)"},
		{"add, row and column", func() (*G.Node, error) { return graph.AddReLU(node("row", 1, 4), node("column", 4, 1)) }, "y has shape (4, 1), want (1, 4)"},
		{"slope", func() (*G.Node, error) { return graph.LeakyReLU(x, math.NaN()) }, "slope is NaN"},
		{"dropout, 1", func() (*G.Node, error) { return graph.Dropout(x, 1, graph.DropoutConfig{}) }, "p is 1"},
		{"dropout, NaN", func() (*G.Node, error) { return graph.Dropout(x, math.NaN(), graph.DropoutConfig{}) }, "p is NaN"},
		{"dropout, layer", func() (*G.Node, error) { return graph.Dropout(x, 0.5, graph.DropoutConfig{Layer: 1 << 31}) }, "layer 2147483648"},
		{"norm, no statistics", func() (*G.Node, error) { return graph.BatchNorm(image, three, three, graph.BatchNormConfig{}) }, "running mean is nil"},
		{"norm, statistics of another size", func() (*G.Node, error) {
			return graph.BatchNorm(image, three, three, norm(graph.BatchNormConfig{Mean: constant(0, 4)}))
		}, "running mean has shape (4) of float64, want (3)"},
		{"norm, scale", func() (*G.Node, error) {
			return graph.BatchNorm(image, four, three, norm(graph.BatchNormConfig{}))
		}, "scale has shape (4), want (3)"},
		{"norm, residual", func() (*G.Node, error) {
			return graph.BatchNorm(image, three, three, norm(graph.BatchNormConfig{Residual: x}))
		}, "residual has shape (5, 7), want (2, 3, 6, 5)"},
		{"norm, momentum", func() (*G.Node, error) {
			return graph.BatchNorm(image, three, three, norm(graph.BatchNormConfig{Momentum: 1.5}))
		}, "momentum is 1.5"},
		{"norm, eps", func() (*G.Node, error) {
			return graph.BatchNorm(image, three, three, norm(graph.BatchNormConfig{Eps: -1}))
		}, "eps is -1"},
		{"norm, one value per channel", func() (*G.Node, error) {
			return graph.BatchNorm(node("one", 1, 3), three, three, norm(graph.BatchNormConfig{Training: true}))
		}, "too few for training"},
		{"layer norm, gain", func() (*G.Node, error) { return graph.LayerNorm(x, three, nil, 1e-5) }, "LayerNorm: gain has shape (3), want (7)"},
		{"layer norm, eps", func() (*G.Node, error) { return graph.LayerNorm(three, three, three, 0) }, "eps is 0"},
		{"layer norm, bias", func() (*G.Node, error) { return graph.LayerNorm(three, three, four, 1) }, "bias has shape (4), want (3)"},
		{"RMS norm, nil", func() (*G.Node, error) { return graph.RMSNorm(three, nil, 1) }, "RMSNorm: gain is nil"},
		{"attention, nil", func() (*G.Node, error) { return graph.Attention(q, nil, k, heads(2)) }, "Attention: k is nil"},
		{"attention, k of another width", func() (*G.Node, error) { return graph.Attention(q, node("narrow", 2, 5, 4), k, heads(2)) }, "k has shape (2, 5, 4), want (2, 5, 6) for q of shape (2, 3, 6)"},
		{"attention, v of other positions", func() (*G.Node, error) { return graph.Attention(q, k, q, heads(2)) }, "v has shape (2, 3, 6), want (2, 5, 6) for k of shape (2, 5, 6)"},
		{"attention, heads", func() (*G.Node, error) { return graph.Attention(q, k, k, heads(4)) }, "4 heads do not divide the 6 numbers of a position, q has shape (2, 3, 6)"},
		{"attention, no heads", func() (*G.Node, error) { return graph.Attention(q, k, k, heads(0)) }, "0 heads do not divide"},
		{"attention, causal", func() (*G.Node, error) {
			return graph.Attention(q, k, k, graph.AttentionConfig{Heads: 1, Causal: true})
		}, "causal with 3 queries and 5 keys"},
		{"attention, padding of floats", func() (*G.Node, error) {
			return graph.Attention(q, k, k, graph.AttentionConfig{Heads: 1, Padding: node("padding", 2, 5)})
		}, "padding is of type float64, want bool"},
		{"attention, padding of the queries", func() (*G.Node, error) {
			return graph.Attention(q, k, k, graph.AttentionConfig{Heads: 1, Padding: padding})
		}, "padding has shape (2, 3), want (2, 5) for q of shape (2, 3, 6)"},
		{"attention, dropout of all", func() (*G.Node, error) {
			return graph.Attention(q, k, k, graph.AttentionConfig{Heads: 1, Dropout: 1})
		}, "dropout is 1, want 0 <= dropout < 1"},
		{"packed attention, width", func() (*G.Node, error) { return graph.PackedAttention(node("seven", 2, 3, 7), heads(1)) }, "qkv has shape (2, 3, 7), want (N, T, 3D)"},
		{"packed attention, no positions", func() (*G.Node, error) { return graph.PackedAttention(node("empty", 2, 0, 6), heads(1)) }, "qkv has shape (2, 0, 6), with an empty axis"},
		{"embedding, floats", func() (*G.Node, error) { return graph.Embedding(four, w) }, "Embedding: tokens is of type float64, want int"},
		{"embedding, nil", func() (*G.Node, error) { return graph.Embedding(nil, w) }, "tokens is nil"},
		{"embedding, table", func() (*G.Node, error) { return graph.Embedding(labels, three) }, "table has shape (3), want [2] axes"},
		{"positions, too few", func() (*G.Node, error) { return graph.AddPositions(node("sequence", 2, 5, 7), w) }, "table has shape (4, 7), want (5 or more, 7) for x of shape (2, 5, 7)"},
		{"row in front, of another width", func() (*G.Node, error) { return graph.PrependPosition(q, node("row7", 7)) }, "PrependPosition: row has shape (7), want (6) or (1, 1, 6) for x of shape (2, 3, 6)"},
		{"first position of vectors", func() (*G.Node, error) { return graph.FirstPosition(x) }, "FirstPosition: x has shape (5, 7), want [3] axes"},
		{"labels, ignored probabilities", func() (*G.Node, error) { return graph.CrossEntropyIgnoring(x, x, 0) }, "labels is of type float64, want int"},
		{"labels, nil", func() (*G.Node, error) { return graph.CrossEntropy(x, nil) }, "labels is nil"},
		{"labels, too few", func() (*G.Node, error) { return graph.CrossEntropy(x, labels) }, "labels has shape (4), want (5)"},
		{"labels, one-hot of another size", func() (*G.Node, error) { return graph.Accuracy(x, w) }, "labels has shape (4, 7), want (5, 7)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n, err := c.make(); n != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v, want an error with %q", n, err, c.want)
			}
		})
	}
}

// A label or token out of range is an error of RunAll that names it and its position, after which the machine can continue.
func TestWholeNumbersOutOfRange(t *testing.T) {
	ignoring := func(f func(logits, labels *G.Node, ignore int) (*G.Node, error)) func(x, labels *G.Node) (*G.Node, error) {
		return func(x, labels *G.Node) (*G.Node, error) { return f(x, labels, -100) }
	}
	embed := func(table, tokens *G.Node) (*G.Node, error) { return graph.Embedding(tokens, table) }
	for _, c := range []struct {
		name  string
		f     func(x, labels *G.Node) (*G.Node, error)
		x     []int
		good  []int
		bad   []int
		words string
	}{
		{"CrossEntropy", graph.CrossEntropy, []int{2, 3}, []int{0, 2}, []int{3, -1, -100, math.MaxInt}, "label %d of sample 1 is out of range, want 0 to 2"},
		{"Accuracy", graph.Accuracy, []int{2, 3}, []int{0, 2}, []int{3, -1, -100, math.MinInt}, "label %d of sample 1 is out of range, want 0 to 2"},
		{"CrossEntropyIgnoring", ignoring(graph.CrossEntropyIgnoring), []int{2, 3}, []int{-100, 2}, []int{3, -1, -99}, "label %d of sample 1 is out of range"},
		{"AccuracyIgnoring", ignoring(graph.AccuracyIgnoring), []int{2, 3}, []int{-100, 2}, []int{3, -1, -99}, "label %d of sample 1 is out of range"},
		{"Embedding", embed, []int{3, 2}, []int{0, 2}, []int{3, -1, math.MaxInt, math.MinInt}, "token %d at [0 1] is out of range, want 0 to 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := G.NewGraph()
			x := G.NodeFromAny(g, tensor.New(tensor.WithShape(c.x...), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6})), G.WithName("x"))
			numbers, shape := []int{0, 0}, []int{2}
			if c.name == "Embedding" {
				shape = []int{1, 2}
			}
			if _, err := c.f(x, whole(g, "numbers", numbers, shape...)); err != nil {
				t.Fatal(err)
			}
			vm := G.NewTapeMachine(g)
			defer vm.Close()
			for _, n := range slices.Concat(c.bad, c.good) {
				numbers[1] = n
				err := vm.RunAll()
				vm.Reset()
				switch {
				case slices.Contains(c.good, n) && err != nil:
					t.Errorf("%d: %v", n, err)
				case slices.Contains(c.bad, n) && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf(c.words, n))):
					t.Errorf("%d: error %v", n, err)
				}
			}
		})
	}
}
