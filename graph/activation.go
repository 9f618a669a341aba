package graph

import (
	"math"

	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ReLU is the rectifier y = max(0, x), for any shape. Its slope at zero is 0.
func ReLU(x *G.Node) (*G.Node, error) {
	return elementwise("ReLU", x, kernel.ReLU[float32], kernel.ReLU[float64],
		func(dx, x, y, dy []float32) { kernel.Gate(dx, y, dy) },
		func(dx, x, y, dy []float64) { kernel.Gate(dx, y, dy) })
}

// LeakyReLU is y = x if x > 0 and slope*x otherwise, for any shape. The slope must be finite.
func LeakyReLU(x *G.Node, slope float64) (*G.Node, error) {
	if math.IsNaN(slope) || math.IsInf(slope, 0) {
		return nil, errors.Errorf("graph: LeakyReLU: slope is %v, want a finite number", slope)
	}
	return elementwise("LeakyReLU", x,
		func(y, x []float32) { kernel.LeakyReLU(y, x, float32(slope)) },
		func(y, x []float64) { kernel.LeakyReLU(y, x, slope) },
		func(dx, x, y, dy []float32) { kernel.LeakyReLUGrad(dx, x, dy, float32(slope)) },
		func(dx, x, y, dy []float64) { kernel.LeakyReLUGrad(dx, x, dy, slope) })
}

// Tanh is the hyperbolic tangent, for any shape.
func Tanh(x *G.Node) (*G.Node, error) {
	return elementwise("Tanh", x, kernel.Tanh[float32], kernel.Tanh[float64],
		ofValue(kernel.TanhGrad[float32]), ofValue(kernel.TanhGrad[float64]))
}

// Sigmoid is the logistic function y = 1/(1+exp(-x)), for any shape.
func Sigmoid(x *G.Node) (*G.Node, error) {
	return elementwise("Sigmoid", x, kernel.Sigmoid[float32], kernel.Sigmoid[float64],
		ofValue(kernel.SigmoidGrad[float32]), ofValue(kernel.SigmoidGrad[float64]))
}

// GELU is the Gaussian error linear unit y = x Phi(x), where Phi is the distribution function of the normal distribution,
// computed exactly rather than approximated by tanh (see [GELUTanh]); for any shape.
//
// Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, https://arxiv.org/abs/1606.08415.
func GELU(x *G.Node) (*G.Node, error) {
	return elementwise("GELU", x, kernel.GELU[float32], kernel.GELU[float64],
		ofArgument(kernel.GELUGrad[float32]), ofArgument(kernel.GELUGrad[float64]))
}

// GELUTanh is the approximation of [GELU] used by GPT-2, for any shape:
//
//	y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
func GELUTanh(x *G.Node) (*G.Node, error) {
	return elementwise("GELUTanh", x, kernel.GELUTanh[float32], kernel.GELUTanh[float64],
		ofArgument(kernel.GELUTanhGrad[float32]), ofArgument(kernel.GELUTanhGrad[float64]))
}

// SiLU is the sigmoid linear unit y = x/(1+exp(-x)), also known as swish, for any shape.
//
// Elfwing, Uchibe and Doya, Sigmoid-Weighted Linear Units for Neural Network Function Approximation in Reinforcement
// Learning, 2017, https://arxiv.org/abs/1702.03118.
func SiLU(x *G.Node) (*G.Node, error) {
	return elementwise("SiLU", x, kernel.SiLU[float32], kernel.SiLU[float64],
		ofArgument(kernel.SiLUGrad[float32]), ofArgument(kernel.SiLUGrad[float64]))
}

// ofArgument and ofValue adapt gradients that depend only on x or only on y.
func ofArgument[T kernel.Float](grad func(dx, x, dy []T)) func(dx, x, y, dy []T) {
	return func(dx, x, _, dy []T) { grad(dx, x, dy) }
}

func ofValue[T kernel.Float](grad func(dx, y, dy []T)) func(dx, x, y, dy []T) {
	return func(dx, _, y, dy []T) { grad(dx, y, dy) }
}

// elementwise adds a node for a function of x alone, given with its gradient for both dtypes.
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
