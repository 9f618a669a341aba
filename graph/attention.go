package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// AttentionConfig holds the settings of [Attention] and [PackedAttention].
type AttentionConfig struct {
	// Heads is the number of heads, which must divide D.
	Heads int

	// Causal lets position t attend to positions 0 to t only. There must be as many keys as queries.
	Causal bool

	// Padding marks the keys that are padding, which no query attends to: (N, S) of type tensor.Bool, true for padding, like
	// PyTorch's key_padding_mask. It has no gradient. By default it is nil, for no padding.
	Padding *G.Node

	// Dropout is the probability with which each probability of the softmax is set to zero; the others are multiplied by
	// 1/(1-Dropout). 0 <= Dropout < 1. Leave it out of evaluation graphs. By default it is 0.
	Dropout float64

	// Draws selects which probabilities are dropped, as in Dropout.
	Draws DropoutConfig
}

// Attention is multi-head attention with the scaled dot product: for each head
//
//	y = softmax(q k'/sqrt(D/Heads)) v
//
// where each head has D/Heads consecutive numbers of each position.
//
// Shapes: q (N, T, D); k and v (N, S, D); result (N, T, D). If a query attends to no key, its result and gradients are zero.
//
// The matrix of probabilities is never stored whole if there are more than 512 keys: its rows are computed when needed, and
// again in the backward pass. Graphs without gradients never store more than a few rows.
//
// A key that a query does not attend to has probability 0. An infinite or NaN element of its v therefore makes the result
// NaN, as 0 times it is, also for padding and for later positions under Causal; such elements of its k have no effect.
//
// Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, Attention Is All You Need, NeurIPS 2017,
// https://arxiv.org/abs/1706.03762; Rabe and Staats, Self-attention Does Not Need O(n^2) Memory, 2021,
// https://arxiv.org/abs/2112.05682.
func Attention(q, k, v *G.Node, c AttentionConfig) (*G.Node, error) {
	const name = "Attention"
	inQ, inK, inV := input{"q", q}, input{"k", k}, input{"v", v}
	if err := check(name, inQ, inK, inV); err != nil {
		return nil, err
	}
	for _, x := range []input{inQ, inK, inV} {
		if err := checkDims(name, x, 3); err != nil {
			return nil, err
		}
	}
	s := q.Shape()
	if err := checkShape(name, inK, tensor.Shape{s[0], k.Shape()[1], s[2]}, inQ); err != nil {
		return nil, err
	}
	if err := checkShape(name, inV, k.Shape(), inK); err != nil {
		return nil, err
	}
	a, err := c.shape(name, inQ, s[2], k.Shape()[1])
	if err != nil {
		return nil, err
	}
	if q.Dtype() == tensor.Float32 {
		return attentionNode[float32](name, a, c, q, k, v)
	}
	return attentionNode[float64](name, a, c, q, k, v)
}

// PackedAttention is self-attention: [Attention] of queries, keys and values that are packed in one tensor, as one dense
// layer computes them.
//
// Shapes: qkv (N, T, 3D), with the D numbers of the query first, then those of the key, then those of the value; result (N,
// T, D).
func PackedAttention(qkv *G.Node, c AttentionConfig) (*G.Node, error) {
	const name = "PackedAttention"
	in := input{"qkv", qkv}
	if err := check(name, in); err != nil {
		return nil, err
	}
	if err := checkDims(name, in, 3); err != nil {
		return nil, err
	}
	s := qkv.Shape()
	if s[2]%3 != 0 {
		return nil, errors.Errorf("graph: %s: qkv has shape %v, want (N, T, 3D)", name, s)
	}
	a, err := c.shape(name, in, s[2]/3, s[1])
	if err != nil {
		return nil, err
	}
	if qkv.Dtype() == tensor.Float32 {
		return attentionNode[float32](name, a, c, qkv)
	}
	return attentionNode[float64](name, a, c, qkv)
}

// shape checks the settings for queries x and the given number of keys, with d numbers per position.
func (c AttentionConfig) shape(name string, x input, d, keys int) (kernel.Attention, error) {
	s := x.node.Shape()
	a := kernel.Attention{N: s[0], Queries: s[1], Keys: keys, Heads: c.Heads, Causal: c.Causal}
	switch {
	case c.Heads < 1 || d%c.Heads != 0:
		return a, errors.Errorf("graph: %s: %d heads do not divide the %d numbers of a position, %s has shape %v", name, c.Heads, d, x.name, s)
	case c.Causal && keys != s[1]:
		return a, errors.Errorf("graph: %s: causal with %d queries and %d keys, want equal numbers", name, s[1], keys)
	}
	a.Width = d / c.Heads
	if err := checkDropout(name, "dropout", c.Dropout, c.Draws); err != nil {
		return a, err
	}
	if c.Dropout > 0 && uint64(kernel.AttentionWords(a)) > noise.MaxLen {
		return a, errors.Errorf("graph: %s: too many probabilities for dropout, %s has shape %v", name, x.name, s)
	}
	if c.Padding == nil {
		return a, nil
	}
	if c.Padding.Dtype() != tensor.Bool {
		return a, errors.Errorf("graph: %s: padding is of type %v, want bool", name, c.Padding.Dtype())
	}
	if c.Padding.Graph() != x.node.Graph() {
		return a, errors.Errorf("graph: %s: padding and %s are in different graphs", name, x.name)
	}
	return a, checkShape(name, input{"padding", c.Padding}, tensor.Shape{s[0], keys}, x)
}

// attentionNode adds the node of an attention to q, k and v, or to all three packed.
func attentionNode[T kernel.Float](name string, a kernel.Attention, c AttentionConfig, in ...*G.Node) (*G.Node, error) {
	softmax, mask := kernel.NewSoftmax[T](a), kernel.AttentionMask[T]{}
	masks := c.Draws.runs()
	if c.Dropout > 0 {
		mask.Threshold, mask.Scale = kernel.DropoutThreshold(c.Dropout), T(1/(1-c.Dropout))
	}
	n := len(in)
	inert := make([]bool, n+1)
	inert[n] = true // padding
	return apply(&op[T]{
		name:  name,
		shape: tensor.Shape{a.N, a.Queries, a.Heads * a.Width},
		inert: inert,
		run: func(y []T, in []operand[T]) error {
			if mask.Padding = nil; len(in) > n {
				mask.Padding = in[n].flags
			}
			before, err := masks.part(kernel.AttentionWords(a))
			if err != nil {
				return err
			}
			mask.Stream, mask.Block = masks.stream(), uint32(before/4)
			q, k, v := headsOf(a, in[:n])
			kernel.AttentionForward(a, mask, softmax, kernel.Heads[T]{X: y, Stride: a.Heads * a.Width}, q, k, v)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			softmax.Keep(a)
			grads, err := attentionGrads(name, a, &mask, softmax, in[:n], y, dy)
			if len(in) > n {
				grads = append(grads, nil)
			}
			return grads, err
		},
	}, append(in, c.Padding)...)
}

// headsOf returns q, k and v, from one tensor each or from a packed one.
func headsOf[T kernel.Float](a kernel.Attention, in []operand[T]) (q, k, v kernel.Heads[T]) {
	d := a.Heads * a.Width
	if len(in) == 3 {
		return kernel.Heads[T]{X: in[0].f, Stride: d}, kernel.Heads[T]{X: in[1].f, Stride: d}, kernel.Heads[T]{X: in[2].f, Stride: d}
	}
	x := in[0].f
	return kernel.Heads[T]{X: x, Stride: 3 * d}, kernel.Heads[T]{X: x[d:], Stride: 3 * d}, kernel.Heads[T]{X: x[2*d:], Stride: 3 * d}
}

// attentionGrads adds a node that computes all gradients and whose value is that of the first input, and nodes that read the
// others from it.
func attentionGrads[T kernel.Float](name string, a kernel.Attention, mask *kernel.AttentionMask[T], softmax kernel.Softmax[T], in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	n, d := len(in), a.Heads*a.Width
	var dk, dv []T // separate from dq if q, k and v are
	if n == 3 {
		dk, dv = make([]T, a.N*a.Keys*d), make([]T, a.N*a.Keys*d)
	}
	first, err := apply(&op[T]{
		name:  name + "Grad",
		shape: in[0].Shape(),
		run: func(dx []T, v []operand[T]) error {
			grads := []operand[T]{{f: dx}, {f: dk}, {f: dv}}
			q, k, values := headsOf(a, v[2:])
			dq, dk, dv := headsOf(a, grads[:n])
			kernel.AttentionGrad(a, *mask, softmax, dq, dk, dv, kernel.Heads[T]{X: v[0].f, Stride: d}, kernel.Heads[T]{X: v[1].f, Stride: d}, q, k, values)
			return nil
		},
	}, append(G.Nodes{dy, y}, in...)...)
	if err != nil || n == 1 {
		return G.Nodes{first}, err
	}
	dK, err := taken(name+"GradK", in[1], dk, first)
	if err != nil {
		return nil, err
	}
	dV, err := taken(name+"GradV", in[2], dv, first)
	return G.Nodes{first, dK, dV}, err
}
