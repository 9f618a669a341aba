package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CrossEntropy is the mean over the samples of the cross entropy between the softmax of the logits and the labels, a scalar.
// It uses the logarithm of the softmax, so large logits do not overflow; exponentials have the dtype of the logits, sums are
// in float64.
//
// Shapes: logits (..., K), with a sample for each position in one to four leading axes; labels (...) of type tensor.Int,
// each from 0 to K-1, or (..., K) of the dtype of the logits, a row of probabilities for each sample, such as a one-hot
// code. Labels have no gradient. A label out of range is an error when the machine runs.
func CrossEntropy(logits, labels *G.Node) (*G.Node, error) {
	return crossEntropy("CrossEntropy", logits, labels, nil)
}

// CrossEntropyIgnoring is [CrossEntropy] over the samples whose label is not ignore, such as PyTorch's -100 or a padding
// token: the others neither count in the mean nor have a gradient. Labels are of type tensor.Int. If all are ignored, loss
// and gradient are NaN.
func CrossEntropyIgnoring(logits, labels *G.Node, ignore int) (*G.Node, error) {
	return crossEntropy("CrossEntropyIgnoring", logits, labels, &ignore)
}

func crossEntropy(name string, logits, labels *G.Node, ignore *int) (*G.Node, error) {
	if err := checkLabels(name, logits, labels, ignore); err != nil {
		return nil, err
	}
	if logits.Dtype() == tensor.Float32 {
		return crossEntropyNode[float32](name, logits, labels, ignore)
	}
	return crossEntropyNode[float64](name, logits, labels, ignore)
}

func crossEntropyNode[T kernel.Float](name string, logits, labels *G.Node, ignore *int) (*G.Node, error) {
	classes := logits.Shape()[logits.Dims()-1]
	return apply(&op[T]{
		name:  name,
		inert: []bool{false, true},
		run: func(loss []T, in []operand[T]) error {
			t, err := targets(in[1], classes, ignore)
			if err != nil {
				return err
			}
			loss[0] = kernel.CrossEntropy(in[0].f, t)
			return nil
		},
		diff: func(in G.Nodes, loss, dloss *G.Node) (G.Nodes, error) {
			dlogits, err := gradient(name+"Grad", in[0], func(dst []T, v []operand[T]) error {
				t, err := targets(v[1], classes, ignore)
				if err != nil {
					return err
				}
				kernel.CrossEntropyGrad(dst, v[0].f, v[2].f[0], t)
				return nil
			}, in[0], in[1], dloss)
			return G.Nodes{dlogits, nil}, err
		},
	}, logits, labels)
}

// Accuracy is the fraction of the samples whose largest logit is that of the label, a scalar of the dtype of the logits,
// without a gradient. Among equal logits the first counts, and a NaN counts as a wrong answer.
//
// Shapes and labels are those of [CrossEntropy].
func Accuracy(logits, labels *G.Node) (*G.Node, error) {
	return accuracy("Accuracy", logits, labels, nil)
}

// AccuracyIgnoring is [Accuracy] over the samples whose label, of type tensor.Int, is not ignore; NaN if there are none.
func AccuracyIgnoring(logits, labels *G.Node, ignore int) (*G.Node, error) {
	return accuracy("AccuracyIgnoring", logits, labels, &ignore)
}

func accuracy(name string, logits, labels *G.Node, ignore *int) (*G.Node, error) {
	if err := checkLabels(name, logits, labels, ignore); err != nil {
		return nil, err
	}
	if logits.Dtype() == tensor.Float32 {
		return accuracyNode[float32](name, logits, labels, ignore)
	}
	return accuracyNode[float64](name, logits, labels, ignore)
}

func accuracyNode[T kernel.Float](name string, logits, labels *G.Node, ignore *int) (*G.Node, error) {
	classes := logits.Shape()[logits.Dims()-1]
	return apply(&op[T]{
		name: name,
		run: func(dst []T, in []operand[T]) error {
			t, err := targets(in[1], classes, ignore)
			if err != nil {
				return err
			}
			dst[0] = kernel.Accuracy(in[0].f, t)
			return nil
		},
	}, logits, labels)
}

// checkLabels checks the arguments of cross entropies and accuracies.
func checkLabels(name string, logits, labels *G.Node, ignore *int) error {
	inLogits, inLabels := input{"logits", logits}, input{"labels", labels}
	if err := check(name, inLogits); err != nil {
		return err
	}
	if err := checkDims(name, inLogits, 2, 3, 4, 5); err != nil {
		return err
	}
	if labels == nil {
		return errors.Errorf("graph: %s: labels is nil", name)
	}
	if labels.Dtype() != tensor.Int {
		if ignore != nil {
			return errors.Errorf("graph: %s: labels is of type %v, want int", name, labels.Dtype())
		}
		if err := check(name, inLogits, inLabels); err != nil {
			return err
		}
		return checkShape(name, inLabels, logits.Shape(), inLogits)
	}
	if labels.Graph() != logits.Graph() {
		return errors.Errorf("graph: %s: labels and logits are in different graphs", name)
	}
	return checkShape(name, inLabels, logits.Shape()[:logits.Dims()-1], inLogits)
}

// targets returns what the logits of the given number of classes are compared with.
func targets[T kernel.Float](labels operand[T], classes int, ignore *int) (kernel.Targets[T], error) {
	t := kernel.Targets[T]{Classes: classes, Labels: labels.labels, Ignore: ignore, P: labels.f}
	for i, label := range labels.labels {
		if (label < 0 || label >= classes) && (ignore == nil || label != *ignore) {
			return t, errors.Errorf("label %d of sample %d is out of range, want 0 to %d", label, i, classes-1)
		}
	}
	return t, nil
}
