package layers

import "strconv"

// The small convolutional networks of Orvieto, Raj, Kersting, Bach, Explicit Regularization in Overparametrized Models via
// Noise Injection, AISTATS 2023, https://arxiv.org/abs/2206.04613, for colour images of 32x32 and ten classes. Input
// (N, 3, 32, 32), result (N, 10).

// NewCNN1 makes two 5x5 convolutions of 6 and 16 channels, each with ReLU and 2x2 max pooling, and dense layers 400-120-84-10:
// 62,006 parameters.
func NewCNN1(init Init) *Sequential {
	return NewSequential(
		NewConv2D("conv1", 3, 6, ConvConfig{Kernel: Square(5)}, init), NewReLU(), NewMaxPool2D(PoolConfig{Kernel: Square(2)}),
		NewConv2D("conv2", 6, 16, ConvConfig{Kernel: Square(5)}, init), NewReLU(), NewMaxPool2D(PoolConfig{Kernel: Square(2)}),
		NewFlatten(),
		NewMLP(init, 400, 120, 84, 10),
	)
}

// NewCNN2 makes 3x3 convolutions of 32, 128, 128 and 128 channels, each with ReLU and 2x2 max pooling, a global average and
// a dense layer 128-10: 334,346 parameters.
func NewCNN2(init Init) *Sequential {
	return NewSequential(convolutions(init), NewMLP(init, 128, 10))
}

// NewCNN3 makes the convolutions of NewCNN2 with dense layers 128-5000-10: 1,028,066 parameters. The authors' code has a ReLU
// on the logits, which is NewSequential(NewCNN3(init), NewReLU()).
func NewCNN3(init Init) *Sequential {
	return NewSequential(convolutions(init), NewMLP(init, 128, 5000, 10))
}

// convolutions makes the part that NewCNN2 and NewCNN3 have in common, (N, 3, 32, 32) to (N, 128).
func convolutions(init Init) *Sequential {
	var net []Layer
	channels := []int{3, 32, 128, 128, 128}
	for i := 1; i < len(channels); i++ {
		net = append(net,
			NewConv2D("conv"+strconv.Itoa(i), channels[i-1], channels[i], ConvConfig{Kernel: Square(3), Padding: Square(1)}, init),
			NewReLU(),
			NewMaxPool2D(PoolConfig{Kernel: Square(2)}))
	}
	return NewSequential(append(net, NewGlobalAvgPool())...)
}
