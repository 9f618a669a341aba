package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CrossEntropy is the mean over the batch of the cross entropy between the
// softmax of the logits and the labels, a scalar. It is computed from the
// logarithm of the softmax, so that large logits do not overflow: exponentials
// have the type of the logits, sums are in float64.
//
// Shapes: logits (N, K); labels (N) of type tensor.Int, each from 0 to K-1, or
// (N, K) of the type of the logits, one row of probabilities for each sample,
// such as a one-hot code. Labels have no gradient. A label out of range is an
// error when the machine runs.
func CrossEntropy(logits, labels *G.Node) (*G.Node, error) {
	const name = "CrossEntropy"
	if err := checkLabels(name, logits, labels); err != nil {
		return nil, err
	}
	if logits.Dtype() == tensor.Float32 {
		return crossEntropyNode[float32](name, logits, labels)
	}
	return crossEntropyNode[float64](name, logits, labels)
}

func crossEntropyNode[T kernel.Float](name string, logits, labels *G.Node) (*G.Node, error) {
	classes := logits.Shape()[1]
	return apply(&op[T]{
		name:  name,
		inert: []bool{false, true},
		run: func(loss []T, in []operand[T]) error {
			target, err := target(in[1], classes)
			if err != nil {
				return err
			}
			loss[0] = kernel.CrossEntropy(in[0].f, classes, target)
			return nil
		},
		diff: func(in G.Nodes, loss, dloss *G.Node) (G.Nodes, error) {
			dlogits, err := gradient(name+"Grad", in[0], func(dst []T, v []operand[T]) error {
				target, err := target(v[1], classes)
				if err != nil {
					return err
				}
				kernel.CrossEntropyGrad(dst, v[0].f, classes, v[2].f[0], target)
				return nil
			}, in[0], in[1], dloss)
			return G.Nodes{dlogits, nil}, err
		},
	}, logits, labels)
}

// Accuracy is the fraction of the samples whose largest logit is that of the
// label, a scalar of the type of the logits, without a gradient. Of equal
// logits the first counts, and a NaN counts as a wrong answer.
//
// Shapes and labels are those of [CrossEntropy].
func Accuracy(logits, labels *G.Node) (*G.Node, error) {
	const name = "Accuracy"
	if err := checkLabels(name, logits, labels); err != nil {
		return nil, err
	}
	if logits.Dtype() == tensor.Float32 {
		return accuracyNode[float32](name, logits, labels)
	}
	return accuracyNode[float64](name, logits, labels)
}

func accuracyNode[T kernel.Float](name string, logits, labels *G.Node) (*G.Node, error) {
	classes := logits.Shape()[1]
	return apply(&op[T]{
		name: name,
		run: func(dst []T, in []operand[T]) error {
			target, err := target(in[1], classes)
			if err != nil {
				return err
			}
			dst[0] = kernel.Accuracy(in[0].f, classes, target)
			return nil
		},
	}, logits, labels)
}

// checkLabels checks the arguments of CrossEntropy and Accuracy.
func checkLabels(name string, logits, labels *G.Node) error {
	inLogits, inLabels := input{"logits", logits}, input{"labels", labels}
	if err := check(name, inLogits); err != nil {
		return err
	}
	if err := checkDims(name, inLogits, 2); err != nil {
		return err
	}
	if labels == nil {
		return errors.Errorf("graph: %s: labels is nil", name)
	}
	if labels.Dtype() != tensor.Int {
		if err := check(name, inLogits, inLabels); err != nil {
			return err
		}
		return checkShape(name, inLabels, logits.Shape(), inLogits)
	}
	if labels.Graph() != logits.Graph() {
		return errors.Errorf("graph: %s: labels and logits lie in different graphs", name)
	}
	return checkShape(name, inLabels, logits.Shape()[:1], inLogits)
}

// target returns the probability of each class for each sample.
func target[T kernel.Float](labels operand[T], classes int) (func(i, j int) float64, error) {
	if labels.labels == nil {
		return func(i, j int) float64 { return float64(labels.f[i*classes+j]) }, nil
	}
	for i, label := range labels.labels {
		if label < 0 || label >= classes {
			return nil, errors.Errorf("label %d of sample %d is out of range, want 0 to %d", label, i, classes-1)
		}
	}
	return func(i, j int) float64 {
		if labels.labels[i] == j {
			return 1
		}
		return 0
	}, nil
}
