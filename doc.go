// Package layernoise is the root of a module for layer-wise noise injection in Gorgonia: gradients are taken at noisy
// weights, one layer at a time, which acts as a regulariser. The code is in these packages:
//
//   - optim: PerturbedSolver, which takes two changed lines in any Gorgonia program; SGD, Adam, AdamW; sharpness
//   - graph: fast operations for any Gorgonia graph, the layers of an existing graph, a native BLAS without cgo
//   - layers: layers, networks, and a Classifier that trains and evaluates them
//   - datasets: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100 and drawn digits, in batches
//
// Start with the documentation of optim, or with the programs in examples.
package layernoise
