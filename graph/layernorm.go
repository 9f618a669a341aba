package graph

import (
	"math"

	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// LayerNorm normalises each row of the last axis to mean zero and variance one, and then scales and shifts it:
//
//	y = (x - mean)/sqrt(var + eps)*gain + bias
//
// Shapes: x (..., D); gain (D); bias (D), or nil for none; result as x. The variance is the biased one. eps must be
// positive; PyTorch's is 1e-5.
//
// Ba, Kiros and Hinton, Layer Normalization, 2016, https://arxiv.org/abs/1607.06450.
func LayerNorm(x, gain, bias *G.Node, eps float64) (*G.Node, error) {
	return rowNorm("LayerNorm", x, gain, bias, kernel.RowNorm{Eps: eps})
}

// RMSNorm divides each row of the last axis by its root mean square, and then scales it:
//
//	y = x/sqrt(mean(x^2) + eps)*gain
//
// Shapes: x (..., D); gain (D); result as x. eps must be positive.
//
// Zhang and Sennrich, Root Mean Square Layer Normalization, NeurIPS 2019, https://arxiv.org/abs/1910.07467.
func RMSNorm(x, gain *G.Node, eps float64) (*G.Node, error) {
	return rowNorm("RMSNorm", x, gain, nil, kernel.RowNorm{Eps: eps, Root: true})
}

func rowNorm(name string, x, gain, bias *G.Node, n kernel.RowNorm) (*G.Node, error) {
	inX, inGain := input{"x", x}, input{"gain", gain}
	vectors := []input{inGain}
	if bias != nil {
		vectors = append(vectors, input{"bias", bias})
	}
	if err := check(name, append([]input{inX}, vectors...)...); err != nil {
		return nil, err
	}
	if err := checkDims(name, inX, 1, 2, 3, 4, 5); err != nil {
		return nil, err
	}
	last := x.Shape()[x.Dims()-1:]
	for _, v := range vectors {
		if err := checkShape(name, v, last, inX); err != nil {
			return nil, err
		}
	}
	if !(n.Eps > 0) || math.IsInf(n.Eps, 1) {
		return nil, errors.Errorf("graph: %s: eps is %v, want a positive number", name, n.Eps)
	}
	n.Rows, n.Cols = x.Shape().TotalSize()/last[0], last[0]
	if x.Dtype() == tensor.Float32 {
		return rowNormNode[float32](name, n, x, gain, bias)
	}
	return rowNormNode[float64](name, n, x, gain, bias)
}

func rowNormNode[T kernel.Float](name string, n kernel.RowNorm, x, gain, bias *G.Node) (*G.Node, error) {
	stats := kernel.NewNormStats(n.Rows)
	zeros := make([]T, n.Cols)
	return apply(&op[T]{
		name:  name,
		shape: x.Shape(),
		run: func(y []T, in []operand[T]) error {
			bias := zeros
			if len(in) > 2 {
				bias = in[2].f
			}
			kernel.RowNormForward(n, stats, y, in[0].f, in[1].f, bias)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			return rowNormGrads[T](name, n, stats, in, y, dy)
		},
	}, x, gain, bias)
}

// rowNormGrads adds a node that computes all gradients and whose value is that with respect to x, and nodes that read the
// others from it.
func rowNormGrads[T kernel.Float](name string, n kernel.RowNorm, stats kernel.NormStats, in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	dgain, dbias := make([]T, n.Cols), make([]T, n.Cols)
	dx, err := apply(&op[T]{
		name:  name + "Grad",
		shape: in[0].Shape(),
		run: func(dx []T, v []operand[T]) error {
			kernel.RowNormGrad(n, stats, dx, dgain, dbias, v[0].f, v[1].f, v[2].f)
			return nil
		},
	}, in[0], in[1], dy, y) // y, so that the statistics have been computed
	if err != nil {
		return nil, err
	}
	dGain, err := taken(name+"GradGain", in[1], dgain, dx)
	if err != nil || len(in) == 2 {
		return G.Nodes{dx, dGain}, err
	}
	dBias, err := taken(name+"GradBias", in[2], dbias, dx)
	return G.Nodes{dx, dGain, dBias}, err
}
