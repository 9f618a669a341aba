package layers

import (
	"fmt"

	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// BatchNorm normalises each channel, y = scale (x - mean)/sqrt(variance + 1e-5) + shift. A training graph takes mean and
// variance from the batch and moves the running statistics towards them, running <- 0.9 running + 0.1 batch with the
// unbiased variance, at each pass; an evaluation graph uses the running statistics and leaves them alone. Of a network that several
// processes train, the batch is that of a process, unless [SyncBatchNorm] makes it that of all.
//
// S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015, https://arxiv.org/abs/1502.03167; constants as in PyTorch.
type BatchNorm struct {
	fault
	name           string
	channels       int
	scale, shift   *Param
	mean, variance *Param
	world          World // whose ranks' batches are one; nil for those of this process
}

// NewBatchNorm makes a batch norm over x of shape (N, channels) or (N, channels, H, W). Its parameters are name.weight, the
// scale, which begins at one, and name.bias, the shift, which begins at zero; its running statistics are
// name.running_mean, from zero, and name.running_var, from one. Of init only the element type matters.
func NewBatchNorm(name string, channels int, init Init) *BatchNorm {
	n := &BatchNorm{name: init.Prefix + name, channels: channels}
	for _, v := range []struct {
		param  **Param
		role   string
		value  float64
		buffer bool
	}{
		{&n.scale, "weight", 1, false},
		{&n.shift, "bias", 0, false},
		{&n.mean, "running_mean", 0, true},
		{&n.variance, "running_var", 1, true},
	} {
		p, err := init.Constant(name+"."+v.role, v.value, channels)
		if err != nil {
			n.err = err
			return n
		}
		p.Buffer = v.buffer
		*v.param = p
	}
	return n
}

// Params returns scale, shift, running mean and running variance.
func (n *BatchNorm) Params() []*Param {
	if n.err != nil {
		return nil
	}
	return []*Param{n.scale, n.shift, n.mean, n.variance}
}

// Forward builds the layer on x of shape (N, channels) or (N, channels, H, W).
func (n *BatchNorm) Forward(b *Builder, x *G.Node) (*G.Node, error) {
	return n.forward(b, x, nil, false)
}

// forwardReLU builds the layer and the ReLU behind it as one operation.
func (n *BatchNorm) forwardReLU(b *Builder, x *G.Node) (*G.Node, error) {
	return n.forward(b, x, nil, true)
}

// forward builds the layer, the addition of residual (nil for none) and the ReLU behind it as one operation.
func (n *BatchNorm) forward(b *Builder, x, residual *G.Node, relu bool) (*G.Node, error) {
	if n.err != nil {
		return nil, n.err
	}
	if s := x.Shape(); len(s) != 2 && len(s) != 4 || s[1] != n.channels {
		return nil, misfit(n.name, x, fmt.Sprintf("(N, %d) or (N, %d, H, W)", n.channels, n.channels))
	}
	scale, shift, err := weightAndBias(b, n.scale, n.shift)
	if err != nil {
		return nil, err
	}
	ranks, err := n.ranks(b)
	if err != nil {
		return nil, errors.WithMessagef(err, "layers: %s", n.name)
	}
	y, err := graph.BatchNorm(x, scale, shift, graph.BatchNormConfig{
		Mean:     n.mean.Value,
		Var:      n.variance.Value,
		Training: b.Training(),
		Ranks:    ranks,
		ReLU:     relu,
		Residual: residual,
	})
	return built(n.name, y, err)
}

// ranks returns the ranks that share the batches of a graph, and notes there that its passes exchange numbers.
func (n *BatchNorm) ranks(b *Builder) (graph.Ranks, error) {
	if n.world == nil || !b.Training() {
		return nil, nil
	}
	return n.world, b.synced.add(n.world, n.mean, n.variance)
}
