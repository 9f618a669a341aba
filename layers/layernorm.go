package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	G "gorgonia.org/gorgonia"
)

// LayerNorm brings the numbers of each position to mean zero and variance one, and then scales and shifts them. J. L. Ba, J. R.
// Kiros, G. E. Hinton, Layer Normalization, 2016, https://arxiv.org/abs/1607.06450.
type LayerNorm struct {
	fault
	name         string
	features     int
	weight, bias *Param // bias is nil for a root mean square norm
}

// normEps is added to the variance, as PyTorch does by default.
const normEps = 1e-5

// NewLayerNorm makes a layer norm of (..., features) with the parameters name.weight, ones, and name.bias, zeros. It adds 1e-5
// to the variance.
func NewLayerNorm(name string, features int, init Init) *LayerNorm {
	l := NewRMSNorm(name, features, init)
	if l.err == nil {
		l.bias, l.err = init.Constant(name+".bias", 0, features)
	}
	return l
}

// NewRMSNorm makes a layer that divides the numbers of each position by their root mean square, and scales them by
// name.weight, ones. It adds 1e-5 to the mean square. B. Zhang, R. Sennrich, Root Mean Square Layer Normalization, NeurIPS 2019,
// https://arxiv.org/abs/1910.07467.
func NewRMSNorm(name string, features int, init Init) *LayerNorm {
	l := &LayerNorm{name: init.Prefix + name, features: features}
	l.weight, l.err = init.Constant(name+".weight", 1, features)
	return l
}

// Params returns the weight and, unless it is a root mean square norm, the bias.
func (l *LayerNorm) Params() []*Param { return weightBias(l.err, l.weight, l.bias) }

// Forward builds the layer on x of shape (..., features).
func (l *LayerNorm) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	if l.err != nil {
		return nil, l.err
	}
	if s := x.Shape(); len(s) < 2 || s[len(s)-1] != l.features {
		return nil, misfit(l.name, x, fmt.Sprintf("(..., %d)", l.features))
	}
	w, bias, err := weightAndBias(b, l.weight, l.bias)
	if err != nil {
		return nil, err
	}
	var y *G.Node
	if bias == nil {
		y, err = graph.RMSNorm(x, w, normEps)
	} else {
		y, err = graph.LayerNorm(x, w, bias, normEps)
	}
	return built(l.name, y, err)
}
