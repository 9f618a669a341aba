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
	return smooth("GELU", x, kernel.GELU[float32], kernel.GELU[float64])
}

// GELUTanh is the approximation of [GELU] used by GPT-2, for any shape:
//
//	y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
func GELUTanh(x *G.Node) (*G.Node, error) {
	return smooth("GELUTanh", x, kernel.GELUTanh[float32], kernel.GELUTanh[float64])
}

// SiLU is the sigmoid linear unit y = x/(1+exp(-x)), also known as swish, for any shape.
//
// Elfwing, Uchibe and Doya, Sigmoid-Weighted Linear Units for Neural Network Function Approximation in Reinforcement
// Learning, 2017, https://arxiv.org/abs/1702.03118.
func SiLU(x *G.Node) (*G.Node, error) {
	return smooth("SiLU", x, kernel.SiLU[float32], kernel.SiLU[float64])
}

// ofValue adapts gradients that depend only on y.
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

// smooth adds a node for a function of x alone, which also writes its slope unless that is nil.
func smooth(name string, x *G.Node, f32 func(y, slope, x []float32), f64 func(y, slope, x []float64)) (*G.Node, error) {
	if err := check(name, input{"x", x}); err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return smoothNode(name, x, f32)
	}
	return smoothNode(name, x, f64)
}

func smoothNode[T kernel.Float](name string, x *G.Node, f func(y, slope, x []T)) (*G.Node, error) {
	var s slopes[T]
	return apply(&op[T]{
		name:  name,
		shape: x.Shape(),
		run: func(y []T, in []operand[T]) error {
			f(y, s.buffer(), in[0].f)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := s.gradient(name, in[0], y, dy, func(dx, dy []T) { kernel.Multiply(dx, dx, dy) })
			return G.Nodes{dx}, err
		},
	}, x)
}

// slopes are what a function of each element leaves for its gradient: computing them together with the values costs little,
// computing them afterwards as much as the values. They wait in the buffer of the gradient, which overwrites them.
type slopes[T kernel.Float] struct{ of *op[T] } // the gradient, nil if there is none

// buffer returns where a run is to write the slopes, nil if no gradient needs them.
func (s *slopes[T]) buffer() []T {
	if s.of == nil {
		return nil
	}
	s.of.allocate()
	return s.of.dst
}

// gradient adds a node for the gradient with respect to the argument of the function called name, y; of is that argument if it
// is a node. multiply multiplies the slopes, dx, by dy.
func (s *slopes[T]) gradient(name string, of, y, dy *G.Node, multiply func(dx, dy []T)) (*G.Node, error) {
	if s.of != nil { // two gradients cannot share the slopes
		return nil, errors.Errorf("graph: %s: a second gradient of the same node", name)
	}
	o := &op[T]{
		name:  name + "Grad",
		shape: y.Shape(),
		of:    of,
		run: func(dx []T, in []operand[T]) error {
			multiply(dx, in[0].f)
			return nil
		},
	}
	n, err := apply(o, dy, y) // y, so that the slopes are those of this run
	if err == nil {
		s.of = o
	}
	return n, err
}
