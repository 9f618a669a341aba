package layers

import (
	"slices"

	"github.com/pkg/errors"
)

// Classifier trains and evaluates a network that tells classes of images apart. It has a training graph with the mean
// softmax cross entropy as its cost and an evaluation graph, both over the network's own tensors: what Fit learns, Evaluate,
// Predict and Save see.
//
// A Classifier is for one goroutine at a time. Two of them over different networks may work at once.
type Classifier struct {
	training   *training
	evaluation *evaluation
}

// NewClassifier makes the graphs of net for batches of the given size of images of the given shape, such as 3, 32, 32 or
// 784. The network's result must be (batch, classes); its parameters must be all float32 or all float64. No memory is taken
// for a graph's values before it first runs.
func NewClassifier(net Layer, batch int, image ...int) (*Classifier, error) {
	params, err := named(net)
	if err != nil {
		return nil, err
	}
	if len(params) == 0 {
		return nil, errors.New("layers: the network has no parameters")
	}
	dtype := params[0].Value.Dtype()
	for _, p := range params {
		if p.Value.Dtype() != dtype {
			return nil, errors.Wrapf(ErrShape, "layers: %s is %v, %s is %v", params[0].Name, dtype, p.Name, p.Value.Dtype())
		}
	}
	if batch < 1 || len(image) == 0 || slices.Min(image) < 1 {
		return nil, errors.Wrapf(ErrShape, "layers: batch of %d images of shape %v", batch, image)
	}
	c := &Classifier{}
	if c.training, err = newTraining(net, dtype, batch, image); err != nil {
		return nil, err
	}
	c.evaluation, err = newEvaluation(net, dtype, batch, image)
	return c, err
}
