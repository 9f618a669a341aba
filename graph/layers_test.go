package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sketch is a graph under construction, with its learnables in the order in which they were made.
type sketch struct {
	*G.ExprGraph
	learnables G.Nodes
}

func (s *sketch) data(name string, shape ...int) *G.Node {
	return G.NewTensor(s.ExprGraph, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name))
}

func (s *sketch) param(name string, shape ...int) *G.Node {
	n := s.data(name, shape...)
	s.learnables = append(s.learnables, n)
	return n
}

// stockDense is x times w plus a broadcast b, using Gorgonia's operations.
func (s *sketch) stockDense(x *G.Node, w, b string, out int) *G.Node {
	y := G.Must(G.Mul(x, s.param(w, x.Shape()[1], out)))
	return G.Must(G.BroadcastAdd(y, s.param(b, out), nil, []byte{0}))
}

func TestLayers(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(s *sketch) *G.Node
		want  []string
	}{
		{"stock perceptron", func(s *sketch) *G.Node {
			h := G.Must(G.Rectify(s.stockDense(s.data("x", 2, 3), "w1", "b1", 4)))
			return G.Must(G.Mean(s.stockDense(h, "w2", "b2", 5)))
		}, []string{"w1 b1", "w2 b2"}},

		{"biases listed first, weights transposed", func(s *sketch) *G.Node {
			b := s.param("b", 1, 4)
			w := s.param("w", 4, 3)
			y := G.Must(G.Mul(s.data("x", 2, 3), G.Must(G.Transpose(w))))
			return G.Must(G.Mean(G.Must(G.BroadcastAdd(y, b, nil, []byte{0}))))
		}, []string{"b w"}},

		{"matrix times vector, bias subtracted from the right", func(s *sketch) *G.Node {
			y := G.Must(G.Mul(s.param("w", 4, 3), s.data("x", 3)))
			return G.Must(G.Sum(G.Must(G.Sub(s.param("b", 4), y))))
		}, []string{"w b"}},

		{"no biases, a penalty on each weight", func(s *sketch) *G.Node {
			w, v := s.param("w", 3, 4), s.param("v", 4, 2)
			y := G.Must(G.Mul(G.Must(G.Tanh(G.Must(G.Mul(s.data("x", 2, 3), w)))), v))
			penalty := G.Must(G.Add(G.Must(G.Sum(G.Must(G.Square(w)))), G.Must(G.Sum(G.Must(G.Square(v))))))
			return G.Must(G.Add(G.Must(G.Mean(y)), penalty))
		}, []string{"w", "v"}},

		{"product of two parameters", func(s *sketch) *G.Node {
			uv := G.Must(G.Mul(s.param("u", 3, 2), s.param("v", 2, 3)))
			return G.Must(G.Sum(G.Must(G.Square(G.Must(G.Sub(uv, s.data("m", 3, 3)))))))
		}, []string{"u", "v"}},

		{"recurrent cell", func(s *sketch) *G.Node {
			x := G.Must(G.Mul(s.data("x", 2, 3), s.param("w", 3, 4)))
			h := G.Must(G.Mul(s.data("h", 2, 4), s.param("u", 4, 4)))
			y := G.Must(G.BroadcastAdd(G.Must(G.Add(x, h)), s.param("b", 1, 4), nil, []byte{0}))
			return G.Must(G.Mean(s.stockDense(G.Must(G.Tanh(y)), "v", "c", 2)))
		}, []string{"w u b", "v c"}},

		{"embedding, positions, layer norm, tied head", func(s *sketch) *G.Node {
			tokens := G.NewMatrix(s.ExprGraph, tensor.Int, G.WithShape(2, 3), G.WithName("tokens"))
			table := s.param("table", 7, 4)
			x := G.Must(graph.AddPositions(G.Must(graph.Embedding(tokens, table)), s.param("positions", 3, 4)))
			x = G.Must(graph.LayerNorm(x, s.param("gain", 4), s.param("bias", 4), 1e-5))
			x = G.Must(graph.Add(x, G.Must(graph.Dense(x, s.param("w", 4, 4), s.param("b", 4)))))
			labels := G.NewMatrix(s.ExprGraph, tensor.Int, G.WithShape(2, 3), G.WithName("labels"))
			return G.Must(graph.CrossEntropy(G.Must(graph.Dense(x, table, nil)), labels))
		}, []string{"table", "positions", "gain bias", "w b"}},

		{"positions added to a dense layer of patches", func(s *sketch) *G.Node {
			x := G.Must(graph.Conv2D(s.data("x", 2, 3, 4, 4), s.param("conv", 5, 3, 2, 2), s.param("b", 5), graph.ConvConfig{Stride: [2]int{2, 2}}))
			x = G.Must(graph.Dense(G.Must(graph.ToSequence(x)), s.param("w", 5, 5), nil))
			return G.Must(G.Mean(G.Must(graph.MeanPositions(G.Must(graph.AddPositions(x, s.param("positions", 4, 5)))))))
		}, []string{"conv b", "w", "positions"}},

		{"attention, packed and separate", func(s *sketch) *G.Node {
			c := graph.AttentionConfig{Heads: 2}
			x := s.data("x", 2, 3, 4)
			y := G.Must(graph.PackedAttention(G.Must(graph.Dense(x, s.param("packed", 12, 4), s.param("b", 12))), c))
			dense := func(name string) *G.Node { return G.Must(graph.Dense(y, s.param(name, 4, 4), s.param(name+"b", 4))) }
			return G.Must(G.Mean(G.Must(graph.Attention(dense("q"), dense("k"), dense("v"), c))))
		}, []string{"packed b", "q qb", "k kb", "v vb"}},

		{"stock convolution and batch norm", func(s *sketch) *G.Node {
			y := G.Must(G.Conv2d(s.data("x", 2, 3, 6, 6), s.param("conv", 4, 3, 3, 3), tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
			y = G.Must(G.BroadcastAdd(y, s.param("bias", 1, 4, 1, 1), nil, []byte{0, 2, 3}))
			y, _, _, _, err := G.BatchNorm(y, s.param("scale", 1, 4, 1, 1), s.param("shift", 1, 4, 1, 1), 0.9, 1e-5)
			if err != nil {
				panic(err)
			}
			y = G.Must(G.Reshape(G.Must(G.Rectify(y)), tensor.Shape{2, 4 * 36}))
			return G.Must(G.Mean(s.stockDense(y, "w", "b", 5)))
		}, []string{"conv bias", "scale shift", "w b"}},

		{"ours", func(s *sketch) *G.Node {
			x := s.data("x", 2, 3, 6, 6)
			h := G.Must(graph.Conv2D(x, s.param("conv1", 4, 3, 3, 3), nil, graph.ConvConfig{Padding: [2]int{1, 1}}))
			h = G.Must(graph.BatchNorm(h, s.param("scale", 4), s.param("shift", 4),
				graph.BatchNormConfig{Mean: constant(0, 4), Var: constant(1, 4), Training: true, ReLU: true}))
			h2 := G.Must(graph.Conv2D(h, s.param("conv2", 4, 4, 3, 3), s.param("bias2", 4), graph.ConvConfig{Padding: [2]int{1, 1}}))
			h = G.Must(graph.AddReLU(h, h2))
			y := G.Must(graph.Dense(G.Must(graph.Flatten(h)), s.param("w", 5, 4*36), s.param("b", 5)))
			return G.Must(graph.CrossEntropy(y, s.data("labels", 2, 5)))
		}, []string{"conv1", "scale shift", "conv2 bias2", "w b"}},

		{"our product with a stock bias", func(s *sketch) *G.Node {
			y := G.Must(graph.Dense(s.data("x", 2, 3), s.param("w", 4, 3), nil))
			return G.Must(G.Mean(G.Must(G.BroadcastAdd(y, s.param("b", 4), nil, []byte{0}))))
		}, []string{"w b"}},

		{"an embedded word, its row a slice", func(s *sketch) *G.Node {
			row := G.Must(G.Slice(s.param("embedding", 9, 4), G.S(1)))
			y := G.Must(G.Add(G.Must(G.Mul(s.param("w", 3, 4), row)), s.param("b", 3)))
			return G.Must(G.Mean(G.Must(G.Tanh(y))))
		}, []string{"embedding", "w b"}},

		{"embedded words by index", func(s *sketch) *G.Node {
			words := G.NewVector(s.ExprGraph, tensor.Int, G.WithShape(2), G.WithName("words"))
			x := G.Must(G.ByIndices(s.param("embedding", 9, 4), words, 0))
			return G.Must(G.Mean(s.stockDense(x, "w", "b", 5)))
		}, []string{"embedding", "w b"}},

		{"LSTM cell over two embedded words", func(s *sketch) *G.Node {
			e := s.param("embedding", 9, 4)
			var gates [4][3]*G.Node
			for i, gate := range []string{"in", "forget", "out", "cell"} {
				gates[i] = [3]*G.Node{s.param(gate+".x", 5, 4), s.param(gate+".h", 5, 5), s.param(gate+".b", 5)}
			}
			h, c := s.data("h", 5), s.data("c", 5)
			for _, word := range []int{2, 7} {
				row := G.Must(G.Slice(e, G.S(word)))
				var a [4]*G.Node
				for i, p := range gates {
					a[i] = G.Must(G.Add(G.Must(G.Add(G.Must(G.Mul(p[0], row)), G.Must(G.Mul(p[1], h)))), p[2]))
				}
				in, forget, out := G.Must(G.Sigmoid(a[0])), G.Must(G.Sigmoid(a[1])), G.Must(G.Sigmoid(a[2]))
				c = G.Must(G.Add(G.Must(G.HadamardProd(forget, c)), G.Must(G.HadamardProd(in, G.Must(G.Tanh(a[3]))))))
				h = G.Must(G.HadamardProd(out, G.Must(G.Tanh(c))))
			}
			return G.Must(G.Mean(G.Must(G.Add(G.Must(G.Mul(s.param("w", 3, 5), h)), s.param("b", 3)))))
		}, []string{"embedding", "in.x in.h in.b", "forget.x forget.h forget.b", "out.x out.h out.b", "cell.x cell.h cell.b", "w b"}},

		{"gates packed in one weight and one bias", func(s *sketch) *G.Node {
			w, b := s.param("w", 6, 4), s.param("b", 6)
			x := s.data("x", 4)
			var gates [2]*G.Node
			for i := range gates {
				rows := G.S(3*i, 3*i+3)
				gates[i] = G.Must(G.Add(G.Must(G.Mul(G.Must(G.Slice(w, rows)), x)), G.Must(G.Slice(b, rows))))
			}
			return G.Must(G.Mean(G.Must(G.HadamardProd(G.Must(G.Sigmoid(gates[0])), G.Must(G.Tanh(gates[1]))))))
		}, []string{"w b"}},

		{"tied weights", func(s *sketch) *G.Node {
			w, b1, b2 := s.param("w", 3, 3), s.param("b1", 3), s.param("b2", 3)
			h := G.Must(graph.DenseReLU(s.data("x", 2, 3), w, b1))
			return G.Must(G.Mean(G.Must(graph.Dense(h, w, b2))))
		}, []string{"w b1 b2"}},

		{"a weight that is frozen", func(s *sketch) *G.Node {
			h := G.Must(graph.DenseReLU(s.data("x", 2, 3), s.data("frozen", 4, 3), s.param("b1", 4)))
			return G.Must(G.Mean(s.stockDense(h, "w", "b2", 2)))
		}, []string{"b1", "w b2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &sketch{ExprGraph: G.NewGraph()}
			cost := c.build(s)
			before := names(t, cost, s.learnables)
			if d := cmp.Diff(c.want, before); d != "" {
				t.Errorf("want -, got +\n%s", d)
			}
			if _, err := G.Grad(cost, s.learnables...); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(before, names(t, cost, s.learnables)); d != "" {
				t.Errorf("before Grad -, after +\n%s", d)
			}
		})
	}
}

func names(t *testing.T, cost *G.Node, learnables G.Nodes) (lines []string) {
	t.Helper()
	layers, err := graph.Layers(cost, learnables...)
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		var words []string
		for _, p := range layer {
			words = append(words, p.Name())
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

func TestLayersErrors(t *testing.T) {
	s := &sketch{ExprGraph: G.NewGraph()}
	cost := G.Must(G.Mean(s.stockDense(s.data("x", 2, 3), "w", "b", 4)))
	stray := s.data("stray", 3)
	elsewhere := (&sketch{ExprGraph: G.NewGraph()}).data("elsewhere", 3)
	w := s.learnables[0]
	for _, c := range []struct {
		name       string
		cost       *G.Node
		learnables G.Nodes
		want       string
	}{
		{"no cost", nil, s.learnables, "cost is nil"},
		{"nil", cost, G.Nodes{w, nil}, "learnable 1 is nil"},
		{"twice", cost, G.Nodes{w, w}, "learnable 1, w, is listed twice"},
		{"not a leaf", cost, G.Nodes{cost}, "is not a leaf"},
		{"unused", cost, slices.Concat(s.learnables, G.Nodes{stray}), "stray, does not reach the cost"},
		{"another graph", cost, G.Nodes{elsewhere}, "elsewhere, does not reach the cost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if layers, err := graph.Layers(c.cost, c.learnables...); layers != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v, want an error with %q", layers, err, c.want)
			}
		})
	}
}
