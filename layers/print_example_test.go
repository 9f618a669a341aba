package layers_test

import (
	"context"
	"fmt"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
)

// The layers of a network, what each makes of a batch of images, and which tensors take noise.
func ExampleSummary() {
	init := layers.Init{Seed: 1}
	same := layers.ConvConfig{Kernel: layers.Square(3), Padding: layers.Square(1), NoBias: true}
	block := layers.NewResidual(layers.NewSequential(
		layers.NewConv2D("block.conv", 8, 8, same, init), layers.NewBatchNorm("block.bn", 8, init)), nil)
	net := layers.NewSequential(
		layers.NewConv2D("conv", 3, 8, same, init), layers.NewBatchNorm("bn", 8, init), layers.NewReLU(),
		block, layers.NewReLU(),
		layers.NewMaxPool2D(layers.PoolConfig{Kernel: layers.Square(2)}),
		layers.NewGlobalAvgPool(),
		layers.NewDense("fc", 8, 10, init),
	)
	text, err := layers.Summary(net, 3, 32, 32)
	must(err)
	fmt.Println(text)
	// Output:
	// layer                 result          parameters  tensors
	// Conv2D conv           (N, 8, 32, 32)         216  weight
	// BatchNorm bn          (N, 8, 32, 32)          16  weight, bias
	// ReLU                  (N, 8, 32, 32)
	// Residual              (N, 8, 32, 32)
	//   Conv2D block.conv   (N, 8, 32, 32)         576  weight
	//   BatchNorm block.bn  (N, 8, 32, 32)          16  weight, bias
	// ReLU                  (N, 8, 32, 32)
	// MaxPool2D             (N, 8, 16, 16)
	// global average pool   (N, 8)
	// Dense fc              (N, 10)                 90  weight, bias
	// 914 parameters, 32 running statistics; noise takes turns over 8 tensors, or by layer over 5 groups
}

// A network of tokens: the shape is how many of them a sequence has. The output weights are those of the embedding.
func ExampleSummary_tokens() {
	net := layers.NewGPT(layers.GPTConfig{Transformer: layers.Transformer{Width: 16, Heads: 2, Depth: 1}, Vocabulary: 50, Context: 12}, layers.Init{Seed: 1})
	text, err := layers.Summary(net, 12)
	must(err)
	fmt.Println(text)
	// Output:
	// layer                               result       parameters  tensors
	// Embedding tokens                    (N, 12, 16)         800  weight
	// Positions positions                 (N, 12, 16)         192  weight
	// Dropout                             (N, 12, 16)
	// Residual                            (N, 12, 16)
	//   LayerNorm layers.0.norm1          (N, 12, 16)          32  weight, bias
	//   SelfAttention layers.0.self_attn  (N, 12, 16)       1,088  in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias
	//   Dropout                           (N, 12, 16)
	// Residual                            (N, 12, 16)
	//   LayerNorm layers.0.norm2          (N, 12, 16)          32  weight, bias
	//   Dense layers.0.linear1            (N, 12, 64)       1,088  weight, bias
	//   gelu                              (N, 12, 64)
	//   Dropout                           (N, 12, 64)
	//   Dense layers.0.linear2            (N, 12, 16)       1,040  weight, bias
	//   Dropout                           (N, 12, 16)
	// LayerNorm norm                      (N, 12, 16)          32  weight, bias
	// head tokens                         (N, 12, 50)      shared
	// 4,304 parameters; noise takes turns over 16 tensors, or by layer over 9 groups
}

// Networks, metrics and histories as fmt prints them.
func ExampleHistory() {
	ctx := context.Background()
	train, err1 := datasets.Digits(500, 1).Loader(datasets.LoaderConfig{Batch: 50, Shuffle: true, Seed: 1})
	test, err2 := datasets.Digits(500, 2).Loader(datasets.LoaderConfig{Batch: 50})
	net := layers.NewMLP(layers.Init{Seed: 1}, 784, 30, 10)
	fmt.Println(net)
	model, err3 := layers.NewClassifier(net, 50, 784)
	sgd, err4 := optim.NewSGD(0.05, optim.WithMomentum(0.9))
	must(err1, err2, err3, err4)
	history, err := model.Fit(ctx, train, sgd, layers.FitConfig{Epochs: 3, Validation: test})
	must(err)
	fmt.Println(train)
	fmt.Println(history)
	metrics, err := model.Evaluate(ctx, test)
	must(err)
	fmt.Println(metrics)
	// Output:
	// layer      parameters  tensors
	// Dense fc1      23,550  weight, bias
	// ReLU
	// Dense fc2         310  weight, bias
	// 23,860 parameters; noise takes turns over 4 tensors, or by layer over 2 groups
	// Digits: 500 images of 1x28x28, 10 classes; 10 batches of 50, shuffled with seed 1
	// epoch  steps      loss  validation loss  accuracy
	//     0     10    1.8764           1.2060    59.40%
	//     1     10    0.7186           0.8654    74.60%
	//     2     10    0.4627           0.7639    78.00% *
	// 500 images: loss 0.7639, accuracy 78.00%, top 5 99.00%, calibration error 8.06%
}
