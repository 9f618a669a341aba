package graph_test

import (
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// testOp is an operation with the shapes of its inputs.
type testOp struct {
	name   string
	shapes [][]int
	build  func(dtype tensor.Dtype) gradcheck.Function
}

// inputs returns tensors for the operation's inputs, with the same numbers for both dtypes.
func (o testOp) inputs(dtype tensor.Dtype) (in []*tensor.Dense) {
	for i, shape := range o.shapes {
		in = append(in, gradcheck.Random(uint64(i+1), dtype, shape...))
	}
	return in
}

// simple is an operation that holds no tensors of its own.
func simple(name string, build gradcheck.Function, shapes ...[]int) testOp {
	return testOp{name, shapes, func(tensor.Dtype) gradcheck.Function { return build }}
}

func conv(name string, c graph.ConvConfig, shapes ...[]int) testOp {
	return simple(name, func(in []*G.Node) (*G.Node, error) {
		var b *G.Node
		if len(in) > 2 {
			b = in[2]
		}
		return graph.Conv2D(in[0], in[1], b, c)
	}, shapes...)
}

func activation(name string, f func(x *G.Node) (*G.Node, error)) testOp {
	return simple(name, func(in []*G.Node) (*G.Node, error) { return f(in[0]) }, []int{2, 3, 5})
}

// batchNorm takes x, scale, shift and possibly a residual.
func batchNorm(name string, training, relu bool, shapes ...[]int) testOp {
	return testOp{name, shapes, func(dtype tensor.Dtype) gradcheck.Function {
		return func(in []*G.Node) (*G.Node, error) {
			c := graph.BatchNormConfig{
				Mean: filled(dtype, 0.25, shapes[1][0]), Var: filled(dtype, 2, shapes[1][0]),
				Training: training, ReLU: relu,
			}
			if len(in) > 3 {
				c.Residual = in[3]
			}
			return graph.BatchNorm(in[0], in[1], in[2], c)
		}
	}}
}

func filled(dtype tensor.Dtype, v float64, n int) *tensor.Dense {
	t := tensor.New(tensor.Of(dtype), tensor.WithShape(n))
	if dtype == tensor.Float32 {
		t.Memset(float32(v))
	} else {
		t.Memset(v)
	}
	return t
}

// rowNorm takes x, gain and possibly bias.
func rowNorm(name string, f func(x, gain, bias *G.Node, eps float64) (*G.Node, error), shapes ...[]int) testOp {
	return simple(name, func(in []*G.Node) (*G.Node, error) {
		var bias *G.Node
		if len(in) > 2 {
			bias = in[2]
		}
		return f(in[0], in[1], bias, 1e-3)
	}, shapes...)
}

// aroundNorm is x + tanh(norm(x)).
func aroundNorm(add func(x, y *G.Node) (*G.Node, error)) gradcheck.Function {
	return func(in []*G.Node) (*G.Node, error) {
		return add(in[0], G.Must(graph.Tanh(G.Must(graph.LayerNorm(in[0], in[1], in[2], 1e-3)))))
	}
}

func rmsNorm(x, gain, _ *G.Node, eps float64) (*G.Node, error) { return graph.RMSNorm(x, gain, eps) }

// attention takes q, k and v, or all three packed.
func attention(name string, c graph.AttentionConfig, shapes ...[]int) testOp {
	return simple(name, func(in []*G.Node) (*G.Node, error) {
		if len(in) == 1 {
			return graph.PackedAttention(in[0], c)
		}
		return graph.Attention(in[0], in[1], in[2], c)
	}, shapes...)
}

// padded is attention with every third key padding, and also the first keys of the second sequence and all of the third.
func padded(name string, c graph.AttentionConfig, shapes ...[]int) testOp {
	n, keys := shapes[0][0], shapes[len(shapes)-1][1]
	padding := make([]bool, n*keys)
	for i := range padding {
		padding[i] = i%keys%3 == 1 || i/keys == 1 && i%keys < keys/2 || i/keys == 2
	}
	return simple(name, func(in []*G.Node) (*G.Node, error) {
		c := c
		c.Padding = G.NodeFromAny(in[0].Graph(), tensor.New(tensor.WithShape(n, keys), tensor.WithBacking(padding)), G.WithName("padding"))
		return attention(name, c).build(in[0].Dtype())(in)
	}, shapes...)
}

// embedding takes a table.
func embedding(name string, tokens, shape, table []int) testOp {
	return simple(name, func(in []*G.Node) (*G.Node, error) {
		return graph.Embedding(whole(in[0].Graph(), "tokens", tokens, shape...), in[0])
	}, table)
}

// tokens returns n numbers below v.
func tokens(n, v int) []int {
	t := make([]int, n)
	for i := range t {
		t[i] = i * i % v
	}
	return t
}

// labelled is a cost of logits of five classes, in the given shape.
func labelled(name string, f func(logits, labels *G.Node) (*G.Node, error), shape ...int) testOp {
	return simple(name, func(in []*G.Node) (*G.Node, error) {
		return f(in[0], whole(in[0].Graph(), "labels", []int{2, 0, 4, 4, 1, 3}, shape[:len(shape)-1]...))
	}, shape)
}

// whole adds a leaf of integers.
func whole(g *G.ExprGraph, name string, data []int, shape ...int) *G.Node {
	return G.NodeFromAny(g, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data)), G.WithName(name))
}

// testOps is every operation and fused variant that has a gradient and gives the same result in each pass.
var testOps = []testOp{
	simple("Dense", func(in []*G.Node) (*G.Node, error) { return graph.Dense(in[0], in[1], in[2]) }, []int{5, 7}, []int{3, 7}, []int{3}),
	simple("Dense/no bias", func(in []*G.Node) (*G.Node, error) { return graph.Dense(in[0], in[1], nil) }, []int{5, 7}, []int{3, 7}),
	simple("Dense/one of each", func(in []*G.Node) (*G.Node, error) { return graph.Dense(in[0], in[1], in[2]) }, []int{1, 1}, []int{1, 1}, []int{1}),
	simple("Dense/leading axes", func(in []*G.Node) (*G.Node, error) { return graph.Dense(in[0], in[1], in[2]) }, []int{2, 3, 4}, []int{5, 4}, []int{5}),
	simple("DenseReLU", func(in []*G.Node) (*G.Node, error) { return graph.DenseReLU(in[0], in[1], in[2]) }, []int{5, 7}, []int{3, 7}, []int{3}),
	simple("DenseReLU/no bias", func(in []*G.Node) (*G.Node, error) { return graph.DenseReLU(in[0], in[1], nil) }, []int{5, 7}, []int{3, 7}),
	simple("DenseGELU", func(in []*G.Node) (*G.Node, error) { return graph.DenseGELU(in[0], in[1], in[2]) }, []int{2, 3, 7}, []int{5, 7}, []int{5}),
	simple("DenseGELU/no bias", func(in []*G.Node) (*G.Node, error) { return graph.DenseGELU(in[0], in[1], nil) }, []int{5, 7}, []int{3, 7}),

	conv("Conv2D/3x3 same", graph.ConvConfig{Padding: [2]int{1, 1}}, []int{3, 2, 5, 7}, []int{4, 2, 3, 3}, []int{4}),
	conv("Conv2D/ReLU", graph.ConvConfig{Padding: [2]int{1, 1}, ReLU: true}, []int{3, 2, 5, 7}, []int{4, 2, 3, 3}, []int{4}),
	conv("Conv2D/ReLU, no bias", graph.ConvConfig{ReLU: true}, []int{2, 3, 6, 5}, []int{4, 3, 3, 2}),
	conv("Conv2D/2x3, steps 2x1, padding 0x2", graph.ConvConfig{Stride: [2]int{2, 1}, Padding: [2]int{0, 2}}, []int{2, 3, 7, 4}, []int{2, 3, 2, 3}, []int{2}),
	conv("Conv2D/3x2, steps 1x2, padding 2x1", graph.ConvConfig{Stride: [2]int{1, 2}, Padding: [2]int{2, 1}}, []int{2, 2, 4, 7}, []int{3, 2, 3, 2}),
	conv("Conv2D/steps that skip pixels", graph.ConvConfig{Stride: [2]int{3, 3}}, []int{2, 2, 8, 7}, []int{2, 2, 2, 2}),
	conv("Conv2D/5x3 without padding", graph.ConvConfig{ReLU: true}, []int{2, 2, 7, 8}, []int{3, 2, 5, 3}, []int{3}),
	conv("Conv2D/ReLU, max pool", graph.ConvConfig{Padding: [2]int{1, 1}, ReLU: true, MaxPool: true}, []int{3, 2, 6, 8}, []int{4, 2, 3, 3}, []int{4}),
	conv("Conv2D/max pool", graph.ConvConfig{MaxPool: true}, []int{2, 3, 8, 6}, []int{4, 3, 3, 3}),
	conv("Conv2D/ReLU, max pool of odd sides", graph.ConvConfig{ReLU: true, MaxPool: true}, []int{2, 2, 7, 9}, []int{3, 2, 3, 3}, []int{3}),
	conv("Conv2D/1x1", graph.ConvConfig{}, []int{2, 5, 3, 4}, []int{3, 5, 1, 1}, []int{3}),
	conv("Conv2D/1x1 on a large map", graph.ConvConfig{}, []int{1, 2, 24, 23}, []int{2, 2, 1, 1}),
	conv("Conv2D/as large as the image", graph.ConvConfig{}, []int{3, 2, 4, 3}, []int{5, 2, 4, 3}, []int{5}),
	conv("Conv2D/padding larger than the kernel", graph.ConvConfig{Padding: [2]int{3, 4}}, []int{2, 1, 3, 2}, []int{2, 1, 2, 2}),
	conv("Conv2D/strips of a large map", graph.ConvConfig{Padding: [2]int{1, 1}}, []int{1, 1, 33, 26}, []int{2, 1, 3, 3}, []int{2}),

	simple("MaxPool2D/2x2", func(in []*G.Node) (*G.Node, error) {
		return graph.MaxPool2D(in[0], graph.PoolConfig{Kernel: [2]int{2, 2}})
	}, []int{2, 3, 5, 6}),
	simple("MaxPool2DReLU/2x2", func(in []*G.Node) (*G.Node, error) {
		return graph.MaxPool2DReLU(in[0], graph.PoolConfig{Kernel: [2]int{2, 2}})
	}, []int{2, 3, 7, 6}),
	simple("MaxPool2DReLU/3x2, steps 2x1, padding", func(in []*G.Node) (*G.Node, error) {
		return graph.MaxPool2DReLU(in[0], graph.PoolConfig{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 1}})
	}, []int{2, 3, 7, 6}),
	simple("MaxPool2D/3x2, steps 2x1, padding", func(in []*G.Node) (*G.Node, error) {
		return graph.MaxPool2D(in[0], graph.PoolConfig{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 1}})
	}, []int{2, 3, 5, 6}),
	simple("AvgPool2D/2x3", func(in []*G.Node) (*G.Node, error) {
		return graph.AvgPool2D(in[0], graph.PoolConfig{Kernel: [2]int{2, 3}})
	}, []int{2, 3, 5, 7}),
	simple("AvgPool2D/3x2, steps 2x1, padding", func(in []*G.Node) (*G.Node, error) {
		return graph.AvgPool2D(in[0], graph.PoolConfig{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 1}})
	}, []int{2, 3, 5, 6}),
	simple("GlobalAvgPool", func(in []*G.Node) (*G.Node, error) { return graph.GlobalAvgPool(in[0]) }, []int{2, 3, 5, 7}),

	batchNorm("BatchNorm/vectors", true, false, []int{6, 3}, []int{3}, []int{3}),
	batchNorm("BatchNorm/images", true, false, []int{3, 2, 3, 5}, []int{2}, []int{2}),
	batchNorm("BatchNorm/ReLU", true, true, []int{3, 2, 3, 5}, []int{2}, []int{2}),
	batchNorm("BatchNorm/residual", true, false, []int{3, 2, 3, 5}, []int{2}, []int{2}, []int{3, 2, 3, 5}),
	batchNorm("BatchNorm/residual, ReLU", true, true, []int{3, 2, 3, 5}, []int{2}, []int{2}, []int{3, 2, 3, 5}),
	batchNorm("BatchNorm/vectors, residual, ReLU", true, true, []int{6, 3}, []int{3}, []int{3}, []int{6, 3}),
	batchNorm("BatchNorm/evaluation", false, false, []int{3, 2, 3, 5}, []int{2}, []int{2}),
	batchNorm("BatchNorm/evaluation, residual, ReLU", false, true, []int{3, 2, 3, 5}, []int{2}, []int{2}, []int{3, 2, 3, 5}),

	activation("ReLU", graph.ReLU),
	activation("LeakyReLU", func(x *G.Node) (*G.Node, error) { return graph.LeakyReLU(x, 0.1) }),
	activation("Tanh", graph.Tanh),
	activation("Sigmoid", graph.Sigmoid),
	activation("GELU", graph.GELU),
	activation("GELUTanh", graph.GELUTanh),
	activation("SiLU", graph.SiLU),

	simple("Add", func(in []*G.Node) (*G.Node, error) { return graph.Add(in[0], in[1]) }, []int{2, 3, 4}, []int{2, 3, 4}),
	simple("AddReLU", func(in []*G.Node) (*G.Node, error) { return graph.AddReLU(in[0], in[1]) }, []int{2, 3, 4}, []int{2, 3, 4}),
	simple("Add/to itself", func(in []*G.Node) (*G.Node, error) { return graph.Add(in[0], in[0]) }, []int{2, 3}),
	simple("Add/around a norm", aroundNorm(graph.Add), []int{3, 4, 5}, []int{5}, []int{5}),
	simple("AddReLU/around a norm", aroundNorm(graph.AddReLU), []int{3, 4, 5}, []int{5}, []int{5}),
	simple("Add/beside a norm", func(in []*G.Node) (*G.Node, error) {
		norm := G.Must(graph.LayerNorm(in[0], in[1], nil, 1e-3))
		return graph.Add(norm, G.Must(graph.Add(in[0], G.Must(graph.Tanh(in[0])))))
	}, []int{4, 5}, []int{5}),
	simple("Add/beside a norm of no use", func(in []*G.Node) (*G.Node, error) {
		G.Must(graph.RMSNorm(in[0], in[0], 1e-3))
		return graph.Add(in[0], G.Must(graph.Tanh(in[0])))
	}, []int{5}),
	simple("Add/around a norm that has no gradient", func(in []*G.Node) (*G.Node, error) {
		norm := G.Must(graph.RMSNorm(in[0], in[0], 1e-3))
		return graph.Add(in[0], G.Must(graph.Add(G.Must(graph.Tanh(in[0])), G.Must(G.Floor(norm)))))
	}, []int{5}),
	simple("Add/twice around a norm", func(in []*G.Node) (*G.Node, error) {
		norm := G.Must(graph.RMSNorm(in[0], in[1], 1e-3))
		return graph.Add(G.Must(graph.Add(in[0], G.Must(graph.Tanh(norm)))), G.Must(graph.Add(G.Must(graph.Sigmoid(norm)), in[0])))
	}, []int{4, 5}, []int{5}),
	simple("Add/around a norm whose gain it is", func(in []*G.Node) (*G.Node, error) {
		return graph.Add(in[0], G.Must(graph.Tanh(G.Must(graph.LayerNorm(in[1], in[0], nil, 1e-3)))))
	}, []int{5}, []int{5}),
	simple("Flatten", func(in []*G.Node) (*G.Node, error) { return graph.Flatten(in[0]) }, []int{2, 3, 4, 5}),

	rowNorm("LayerNorm", graph.LayerNorm, []int{2, 3, 7}, []int{7}, []int{7}),
	rowNorm("LayerNorm/no bias", graph.LayerNorm, []int{5, 9}, []int{9}),
	rowNorm("LayerNorm/two a row", graph.LayerNorm, []int{40, 2}, []int{2}, []int{2}),
	rowNorm("LayerNorm/one row", graph.LayerNorm, []int{17}, []int{17}, []int{17}),
	rowNorm("RMSNorm", rmsNorm, []int{2, 3, 7}, []int{7}),
	rowNorm("RMSNorm/two a row", rmsNorm, []int{3, 2}, []int{2}),

	attention("PackedAttention", graph.AttentionConfig{Heads: 2}, []int{2, 5, 18}),
	attention("PackedAttention/causal", graph.AttentionConfig{Heads: 3, Causal: true}, []int{2, 4, 27}),
	attention("PackedAttention/one position", graph.AttentionConfig{Heads: 2, Causal: true}, []int{1, 1, 12}),
	attention("PackedAttention/one number a head", graph.AttentionConfig{Heads: 3}, []int{1, 3, 9}),
	attention("PackedAttention/blocks", graph.AttentionConfig{Heads: 1, Causal: true}, []int{1, 67, 3}),
	attention("Attention", graph.AttentionConfig{Heads: 2}, []int{2, 3, 6}, []int{2, 3, 6}, []int{2, 3, 6}),
	attention("Attention/of another sequence", graph.AttentionConfig{Heads: 1}, []int{2, 3, 4}, []int{2, 5, 4}, []int{2, 5, 4}),
	attention("Attention/one query", graph.AttentionConfig{Heads: 1}, []int{1, 1, 2}, []int{1, 70, 2}, []int{1, 70, 2}),
	padded("PackedAttention/padding", graph.AttentionConfig{Heads: 2}, []int{3, 4, 12}),
	padded("PackedAttention/padding, causal", graph.AttentionConfig{Heads: 2, Causal: true}, []int{3, 5, 12}),
	padded("Attention/padding", graph.AttentionConfig{Heads: 1}, []int{3, 2, 4}, []int{3, 4, 4}, []int{3, 4, 4}),

	embedding("Embedding", []int{4, 0, 4, 1, 4, 2}, []int{2, 3}, []int{5, 3}),
	embedding("Embedding/one token", []int{0}, []int{1}, []int{1, 1}),
	simple("AddPositions", func(in []*G.Node) (*G.Node, error) { return graph.AddPositions(in[0], in[1]) }, []int{2, 3, 5}, []int{3, 5}),
	simple("AddPositions/of a longer table", func(in []*G.Node) (*G.Node, error) { return graph.AddPositions(in[0], in[1]) }, []int{3, 1, 2}, []int{4, 2}),

	simple("ToSequence", func(in []*G.Node) (*G.Node, error) { return graph.ToSequence(in[0]) }, []int{2, 3, 4, 5}),
	simple("FirstPosition", func(in []*G.Node) (*G.Node, error) { return graph.FirstPosition(in[0]) }, []int{2, 3, 4}),
	simple("FirstPosition/of one", func(in []*G.Node) (*G.Node, error) { return graph.FirstPosition(in[0]) }, []int{2, 1, 4}),
	simple("PrependPosition", func(in []*G.Node) (*G.Node, error) { return graph.PrependPosition(in[0], in[1]) }, []int{2, 3, 4}, []int{4}),
	simple("PrependPosition/three axes", func(in []*G.Node) (*G.Node, error) { return graph.PrependPosition(in[0], in[1]) }, []int{3, 1, 5}, []int{1, 1, 5}),
	simple("MeanPositions", func(in []*G.Node) (*G.Node, error) { return graph.MeanPositions(in[0]) }, []int{2, 3, 4}),

	labelled("CrossEntropy/labels", graph.CrossEntropy, 6, 5),
	labelled("CrossEntropy/leading axes", graph.CrossEntropy, 3, 2, 5),
	labelled("CrossEntropyIgnoring", func(logits, labels *G.Node) (*G.Node, error) { return graph.CrossEntropyIgnoring(logits, labels, 4) }, 2, 3, 5),
	simple("CrossEntropy/probabilities", func(in []*G.Node) (*G.Node, error) {
		p := tensor.New(tensor.WithShape(2, 3), tensor.Of(in[0].Dtype()))
		for i, v := range []float64{0.5, 0.25, 0.25, 0, 1, 0} {
			if in[0].Dtype() == tensor.Float32 {
				p.Set(i, float32(v))
			} else {
				p.Set(i, v)
			}
		}
		return graph.CrossEntropy(in[0], G.NodeFromAny(in[0].Graph(), p, G.WithName("p")))
	}, []int{2, 3}),

	// This package's operations between Gorgonia's, which work in place if they can.
	{"a network", [][]int{{3, 2, 6, 5}, {4, 2, 3, 3}, {4}, {4}, {4, 4, 3, 3}, {5, 24}, {5}}, func(dtype tensor.Dtype) gradcheck.Function {
		return func(in []*G.Node) (*G.Node, error) {
			x, err := graph.Conv2D(in[0], in[1], nil, graph.ConvConfig{Padding: [2]int{1, 1}})
			if err != nil {
				return nil, err
			}
			x, err = graph.BatchNorm(x, in[2], in[3], graph.BatchNormConfig{Mean: filled(dtype, 0, 4), Var: filled(dtype, 1, 4), Training: true, ReLU: true})
			if err != nil {
				return nil, err
			}
			h, err := graph.Conv2D(G.Must(G.Tanh(x)), in[4], nil, graph.ConvConfig{Padding: [2]int{1, 1}})
			if err != nil {
				return nil, err
			}
			x, err = graph.MaxPool2D(G.Must(G.Add(G.Must(G.Sigmoid(h)), x)), graph.PoolConfig{Kernel: [2]int{2, 2}})
			if err != nil {
				return nil, err
			}
			x, err = graph.Flatten(G.Must(G.Square(x)))
			if err != nil {
				return nil, err
			}
			return graph.Dense(x, in[5], in[6])
		}
	}},
}

// largeOps have shapes for which the work is cut into parts, the last one smaller.
var largeOps = []testOp{
	simple("Dense/large", func(in []*G.Node) (*G.Node, error) { return graph.DenseReLU(in[0], in[1], in[2]) }, []int{130, 300}, []int{520, 300}, []int{520}),
	simple("DenseGELU/large", func(in []*G.Node) (*G.Node, error) { return graph.DenseGELU(in[0], in[1], in[2]) }, []int{300, 20}, []int{520, 20}, []int{520}),
	conv("Conv2D/images in pairs", graph.ConvConfig{Padding: [2]int{1, 1}, ReLU: true}, []int{9, 5, 16, 14}, []int{7, 5, 3, 3}, []int{7}),
	conv("Conv2D/max pool, Winograd's", graph.ConvConfig{Padding: [2]int{1, 1}, ReLU: true, MaxPool: true}, []int{9, 17, 8, 12}, []int{18, 17, 3, 3}, []int{18}),
	conv("Conv2D/images in pairs, steps of two", graph.ConvConfig{Stride: [2]int{2, 2}, Padding: [2]int{2, 2}}, []int{9, 5, 27, 25}, []int{7, 5, 5, 5}, []int{7}),
	conv("Conv2D/strips", graph.ConvConfig{ReLU: true}, []int{5, 3, 36, 33}, []int{6, 3, 5, 5}, []int{6}),
	conv("Conv2D/one group, large product", graph.ConvConfig{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}, []int{18, 64, 8, 8}, []int{300, 64, 3, 3}),
	conv("Conv2D/1x1", graph.ConvConfig{}, []int{5, 20, 24, 25}, []int{30, 20, 1, 1}, []int{30}),
	conv("Conv2D/3x3 of many channels", graph.ConvConfig{Padding: [2]int{1, 1}, ReLU: true}, []int{5, 17, 11, 10}, []int{18, 17, 3, 3}, []int{18}),
	simple("CrossEntropy/large", func(in []*G.Node) (*G.Node, error) {
		return graph.CrossEntropy(in[0], whole(in[0].Graph(), "labels", tokens(3*70, 98), 3, 70))
	}, []int{3, 70, 98}),
	simple("MaxPool2D/large", func(in []*G.Node) (*G.Node, error) {
		return graph.MaxPool2D(in[0], graph.PoolConfig{Kernel: [2]int{2, 2}})
	}, []int{5, 7, 33, 34}),
	simple("AvgPool2D/large", func(in []*G.Node) (*G.Node, error) {
		return graph.AvgPool2D(in[0], graph.PoolConfig{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}})
	}, []int{5, 7, 33, 34}),
	simple("GlobalAvgPool/large", func(in []*G.Node) (*G.Node, error) { return graph.GlobalAvgPool(in[0]) }, []int{5, 7, 33, 34}),
	rowNorm("LayerNorm/large", graph.LayerNorm, []int{5, 27, 130}, []int{130}, []int{130}),
	rowNorm("RMSNorm/large", rmsNorm, []int{135, 65}, []int{65}),
	attention("PackedAttention/large, causal", graph.AttentionConfig{Heads: 2, Causal: true}, []int{3, 150, 3 * 2 * 20}),
	attention("PackedAttention/large", graph.AttentionConfig{Heads: 2}, []int{3, 130, 3 * 2 * 33}),
	attention("Attention/large", graph.AttentionConfig{Heads: 2}, []int{2, 70, 64}, []int{2, 140, 64}, []int{2, 140, 64}),
	padded("PackedAttention/large, padding", graph.AttentionConfig{Heads: 2}, []int{3, 200, 3 * 2 * 32}),
	embedding("Embedding/large", tokens(700, 50), []int{7, 100}, []int{50, 140}),
	simple("AddPositions/large", func(in []*G.Node) (*G.Node, error) { return graph.AddPositions(in[0], in[1]) }, []int{9, 40, 70}, []int{41, 70}),
	simple("ToSequence/large", func(in []*G.Node) (*G.Node, error) { return graph.ToSequence(in[0]) }, []int{7, 70, 9, 10}),
	simple("FirstPosition/large", func(in []*G.Node) (*G.Node, error) { return graph.FirstPosition(in[0]) }, []int{7, 70, 90}),
	simple("PrependPosition/large", func(in []*G.Node) (*G.Node, error) { return graph.PrependPosition(in[0], in[1]) }, []int{7, 70, 90}, []int{90}),
	simple("MeanPositions/large", func(in []*G.Node) (*G.Node, error) { return graph.MeanPositions(in[0]) }, []int{7, 70, 90}),
	batchNorm("BatchNorm/large", true, true, []int{5, 7, 33, 34}, []int{7}, []int{7}),
	batchNorm("BatchNorm/large, residual", true, true, []int{5, 7, 33, 34}, []int{7}, []int{7}, []int{5, 7, 33, 34}),
	batchNorm("BatchNorm/large, vectors", true, true, []int{130, 90}, []int{90}, []int{90}),
}
