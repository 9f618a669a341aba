package graph

import (
	"math"

	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ReLU is the rectifier y = max(0, x), for any shape. Its slope at zero is zero.
func ReLU(x *G.Node) (*G.Node, error) {
	return elementwise("ReLU", x, kernel.ReLU[float32], kernel.ReLU[float64],
		func(dx, x, y, dy []float32) { kernel.Gate(dx, y, dy) },
		func(dx, x, y, dy []float64) { kernel.Gate(dx, y, dy) })
}

// LeakyReLU is y = x where x > 0 and slope*x elsewhere, for any shape. The
// slope is finite.
func LeakyReLU(x *G.Node, slope float64) (*G.Node, error) {
	if math.IsNaN(slope) || math.IsInf(slope, 0) {
		return nil, errors.Errorf("graph: LeakyReLU: slope is %v, want a finite number", slope)
	}
	return pointwise("LeakyReLU", x, kernel.LeakyReLU(slope))
}

// Tanh is the hyperbolic tangent, for any shape.
func Tanh(x *G.Node) (*G.Node, error) { return pointwise("Tanh", x, kernel.Tanh) }

// Sigmoid is the logistic function y = 1/(1+exp(-x)), for any shape.
func Sigmoid(x *G.Node) (*G.Node, error) { return pointwise("Sigmoid", x, kernel.Sigmoid) }

// GELU is the Gaussian error linear unit y = x Phi(x), where Phi is the normal
// distribution function, exact rather than approximated by tanh; for any shape.
//
// Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, https://arxiv.org/abs/1606.08415.
func GELU(x *G.Node) (*G.Node, error) { return pointwise("GELU", x, kernel.GELU) }

// SiLU is the sigmoid linear unit y = x/(1+exp(-x)), also known as swish, for
// any shape.
//
// Elfwing, Uchibe and Doya, Sigmoid-Weighted Linear Units for Neural Network
// Function Approximation in Reinforcement Learning, 2017, https://arxiv.org/abs/1702.03118.
func SiLU(x *G.Node) (*G.Node, error) { return pointwise("SiLU", x, kernel.SiLU) }

// pointwise adds a node for a function that is computed in float64 whatever the
// type of x.
func pointwise(name string, x *G.Node, f kernel.Activation) (*G.Node, error) {
	return elementwise(name, x,
		func(y, x []float32) { kernel.Apply(f, y, x) },
		func(y, x []float64) { kernel.Apply(f, y, x) },
		func(dx, x, y, dy []float32) { kernel.ApplyGrad(f, dx, x, y, dy) },
		func(dx, x, y, dy []float64) { kernel.ApplyGrad(f, dx, x, y, dy) })
}

// elementwise adds a node for a function of x alone, given with its gradient
// for both types.
func elementwise(name string, x *G.Node,
	f32 func(y, x []float32), f64 func(y, x []float64),
	grad32 func(dx, x, y, dy []float32), grad64 func(dx, x, y, dy []float64),
) (*G.Node, error) {
	if err := check(name, input{"x", x}); err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return unaryNode(name, x.Shape(), x, f32, grad32)
	}
	return unaryNode(name, x.Shape(), x, f64, grad64)
}
