package layers

import "fmt"

// NewResNet18 makes the residual network of 18 layers for colour images of 32x32: a 3x3 stem without pooling, basic
// blocks 2-2-2-2, for ten classes 11,173,962 parameters in 62 tensors. Input (N, 3, 32, 32), result (N, classes). Parameters
// are named as torchvision names them.
//
// K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016,
// https://arxiv.org/abs/1512.03385.
func NewResNet18(classes int, init Init) *Sequential { return newResNet(classes, init, 2, 2, 2, 2) }

// NewResNet34 makes the residual network of 34 layers, basic blocks 3-4-6-3, for ten classes 21,282,122
// parameters, in all else as NewResNet18.
func NewResNet34(classes int, init Init) *Sequential { return newResNet(classes, init, 3, 4, 6, 3) }

// newResNet makes a network of basic blocks, blocks[i] of them in stage i. Stages have 64, 128, ... channels and, but for the
// first, halve the image.
func newResNet(classes int, init Init, blocks ...int) *Sequential {
	channels := 64
	net := []Layer{conv3x3("conv1", 3, channels, 1, init), NewBatchNorm("bn1", channels, init), NewReLU()}
	for stage, n := range blocks {
		out, stride := 64<<stage, 1
		if stage > 0 {
			stride = 2
		}
		for i := 0; i < n; i++ {
			net = append(net, newBasicBlock(fmt.Sprintf("layer%d.%d", stage+1, i), channels, out, stride, init), NewReLU())
			channels, stride = out, 1
		}
	}
	net = append(net, NewGlobalAvgPool(), NewDense("fc", channels, classes, init))
	return NewSequential(net...)
}

// newBasicBlock makes two 3x3 convolutions with batch norm beside a shortcut, which is a strided 1x1 convolution with batch
// norm where the shape changes. The ReLU of the sum is not part of it.
func newBasicBlock(name string, in, out, stride int, init Init) *Residual {
	body := NewSequential(
		conv3x3(name+".conv1", in, out, stride, init), NewBatchNorm(name+".bn1", out, init), NewReLU(),
		conv3x3(name+".conv2", out, out, 1, init), NewBatchNorm(name+".bn2", out, init),
	)
	if stride == 1 && in == out {
		return NewResidual(body, nil)
	}
	return NewResidual(body, NewSequential(
		NewConv2D(name+".downsample.0", in, out, ConvConfig{Kernel: Square(1), Stride: Square(stride), NoBias: true}, init),
		NewBatchNorm(name+".downsample.1", out, init),
	))
}

// conv3x3 makes the convolution of the residual networks: padded, without bias.
func conv3x3(name string, in, out, stride int, init Init) *Conv2D {
	return NewConv2D(name, in, out, ConvConfig{Kernel: Square(3), Stride: Square(stride), Padding: Square(1), NoBias: true}, init)
}
