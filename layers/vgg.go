package layers

import "strconv"

// NewVGG11 makes configuration A with batch norm for colour images of 32x32: eight 3x3 convolutions with batch norm and
// ReLU, five 2x2 max poolings, dense layers 512-4096-4096-classes with dropout of one half, for a hundred classes 28,518,244
// parameters in 38 tensors. Input (N, 3, 32, 32), result (N, classes). Parameters are named as torchvision's vgg11_bn names them.
//
// K. Simonyan, A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
// https://arxiv.org/abs/1409.1556.
func NewVGG11(classes int, init Init) *Sequential {
	const pool = 0
	var net []Layer
	in, position := 3, 0
	for _, out := range []int{64, pool, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool} {
		if out == pool {
			net = append(net, NewMaxPool2D(PoolConfig{Kernel: Square(2)}))
			position++
			continue
		}
		net = append(net,
			NewConv2D("features."+strconv.Itoa(position), in, out, ConvConfig{Kernel: Square(3), Padding: Square(1)}, init),
			NewBatchNorm("features."+strconv.Itoa(position+1), out, init),
			NewReLU())
		in, position = out, position+3
	}
	return NewSequential(append(net,
		NewFlatten(),
		NewDense("classifier.0", 512, 4096, init), NewReLU(), init.dropout("classifier.2", 0.5),
		NewDense("classifier.3", 4096, 4096, init), NewReLU(), init.dropout("classifier.5", 0.5),
		NewDense("classifier.6", 4096, classes, init),
	)...)
}
