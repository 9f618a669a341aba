package graph

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BatchNormConfig are the settings of [BatchNorm].
type BatchNormConfig struct {
	// Mean and Var are the running mean and variance of each channel, tensors
	// of shape (C) and of the type of x. A training node updates them in place
	// each time it runs; any other reads them.
	Mean, Var *tensor.Dense

	// Momentum is the weight of the new batch in the running statistics:
	//
	//	running = (1-Momentum)*running + Momentum*batch
	//
	// where batch is the mean or the unbiased variance. From 0 to 1; zero means
	// 0.1. This is PyTorch's momentum, one minus Keras's.
	Momentum float64

	// Eps is added to the variance under the root. Zero means 1e-5.
	Eps float64

	// Training normalises with the statistics of the batch and updates the
	// running ones. Otherwise the running ones are used.
	Training bool

	// ReLU and Residual join what often follows to the same operation:
	//
	//	y = max(0, BatchNorm(x) + Residual)
	//
	// Residual has the shape of x, or is nil for none.
	ReLU     bool
	Residual *G.Node
}

// BatchNorm normalises each channel to mean zero and variance one, and then
// scales and shifts it.
//
//	y = (x - mean)/sqrt(var + Eps)*scale + shift
//
// Shapes: x (N, C) or (N, C, H, W); scale and shift (C); result as x. In
// training mode the variance is the biased one of the batch, which must have
// more than one value in each channel.
//
// Ioffe and Szegedy, Batch Normalization, ICML 2015, https://arxiv.org/abs/1502.03167.
func BatchNorm(x, scale, shift *G.Node, c BatchNormConfig) (*G.Node, error) {
	return nil, errors.New("graph: BatchNorm: not there yet")
}
