package layers

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Classifier trains and evaluates a network that tells classes of images apart. It has a training graph with the mean
// softmax cross entropy as its cost and an evaluation graph, both over the network's own tensors: what Fit learns, Evaluate,
// Predict and Save see.
//
// A Classifier is for one goroutine at a time. Two of them over different networks may work at once.
type Classifier struct {
	net        Layer
	training   *training
	untrained  error // why there is no training graph
	evaluation *evaluation
	at         position // where the last Fit ended
	by         G.Solver // that trained then
}

// NewClassifier makes the graphs of net for batches of the given size of images of the given shape, such as 3, 32, 32 or
// 784. The network's result must be (batch, classes); its parameters must be all float32 or all float64. No memory is taken
// for a graph's values before it first runs. A network with batch norms that cannot be trained on batches of one image is
// good for predicting them; the error is then that of Fit.
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
	c := &Classifier{net: net}
	if c.training, c.untrained = newTraining(net, dtype, batch, image); c.untrained != nil && batch > 1 {
		return nil, c.untrained
	}
	if c.evaluation, err = newEvaluation(net, dtype, batch, image); err != nil {
		return nil, err
	}
	return c, nil
}

// trainable returns the training graph, or why there is none: the statistics of a batch norm over a single value have no
// variance, so a network may predict images one by one that it cannot be trained on one by one.
func (c *Classifier) trainable() (*training, error) {
	if c.untrained != nil {
		return nil, c.untrained
	}
	return c.training, nil
}
