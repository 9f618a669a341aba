// Package datasets reads the image sets on which small networks are usually trained (MNIST, Fashion-MNIST, CIFAR-10,
// CIFAR-100), draws its own (Digits), and serves them as batches for Gorgonia.
//
//	train, err := datasets.FashionMNIST(dir, datasets.Train)
//	loader, err := train.Loader(datasets.LoaderConfig{Batch: 128, Shuffle: true, Seed: 1})
//	for epoch := range epochs {
//		err := loader.Start(epoch)
//		for loader.Next() {
//			G.Let(x, loader.Images())
//			labels := loader.Labels()
//			...
//		}
//		err = loader.Err()
//	}
//
// For sequence models it reads texts as characters or bytes (Characters, TinyShakespeare, Enwik8, Text8), generates tasks
// (ModularAddition, Copying), and serves sequences of tokens with their targets in the same way.
//
// Images stay bytes, as on disk, until a Loader turns a batch of them into normalised floats. Nothing here reads the clock
// or a global random source: every draw is a function of the seeds passed in, the same on every machine and for any number
// of workers.
package datasets
