package layers

import "strconv"

// The fully connected networks of Orvieto, Raj, Kersting, Bach, Explicit Regularization in Overparametrized Models via Noise
// Injection, AISTATS 2023, https://arxiv.org/abs/2206.04613, for images of 28x28 and ten classes. Input (N, 784), result
// (N, 10).

// NewMLP1 makes the network of widths 784-500-500-500-10: 898,510 parameters.
func NewMLP1(init Init) *Sequential { return NewMLP(init, 784, 500, 500, 500, 10) }

// NewMLP2 makes the network of widths 784-5000-5000-5000-10: 53,985,010 parameters.
func NewMLP2(init Init) *Sequential { return NewMLP(init, 784, 5000, 5000, 5000, 10) }

// NewMLP3 makes the network of width 784, five times 1000, and 10: 4,799,010 parameters.
func NewMLP3(init Init) *Sequential {
	return NewMLP(init, 784, 1000, 1000, 1000, 1000, 1000, 10)
}

// NewMLP makes a multi-layer perceptron: dense layers fc1, fc2, ... between the given widths, the first of which is the
// input's, with a ReLU behind all but the last.
func NewMLP(init Init, widths ...int) *Sequential {
	var net []Layer
	for i := 1; i < len(widths); i++ {
		if i > 1 {
			net = append(net, NewReLU())
		}
		net = append(net, NewDense("fc"+strconv.Itoa(i), widths[i-1], widths[i], init))
	}
	return NewSequential(net...)
}
