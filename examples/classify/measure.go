package main

import (
	"context"
	"math"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// point is what was measured after an epoch, at weights without noise.
type point struct {
	Epoch         int     `json:"epoch"` // epochs made
	TrainLoss     float64 `json:"train_loss"`
	TrainAccuracy float64 `json:"train_accuracy"`
	TestLoss      float64 `json:"test_loss"`
	TestAccuracy  float64 `json:"test_accuracy"`
	L1            float64 `json:"l1_norm"` // of all parameters
	L2            float64 `json:"l2_norm"`
	HessianTrace  *trace  `json:"hessian_trace,omitempty"` // of the training loss; nil where it was not measured
}

// trace is an estimate of the trace of the Hessian.
type trace struct {
	Mean   float64 `json:"mean"`
	StdErr float64 `json:"standard_error"` // over the random directions; 0 for a single one
}

// meter measures a network in training.
type meter struct {
	net         layers.Layer
	classifier  *layers.Classifier
	train, test *datasets.Loader
	hessian     *hessian
}

func newMeter(net layers.Layer, classifier *layers.Classifier, s *settings, train, test *datasets.Dataset) (*meter, error) {
	m := &meter{net: net, classifier: classifier}
	var err error
	if m.train, err = train.Loader(s.inOrder(train)); err != nil {
		return nil, err
	}
	if m.test, err = test.Loader(s.inOrder(test)); err != nil {
		return nil, err
	}
	m.hessian, err = newHessian(net, s, train)
	return m, err
}

// close releases the batches and the graph.
func (m *meter) close() {
	m.train.Close()
	m.test.Close()
	m.hessian.vm.Close()
	m.hessian.batches.Close()
}

// point measures.
func (m *meter) point(ctx context.Context, epoch int, withTrace bool) (point, error) {
	p := point{Epoch: epoch}
	train, err := m.classifier.Evaluate(ctx, m.train)
	if err != nil {
		return p, err
	}
	test, err := m.classifier.Evaluate(ctx, m.test)
	if err != nil {
		return p, err
	}
	p.TrainLoss, p.TrainAccuracy = train.Loss, train.Accuracy
	p.TestLoss, p.TestAccuracy = test.Loss, test.Accuracy
	p.L1, p.L2 = norms(m.net)
	if withTrace {
		p.HessianTrace, err = m.hessian.trace(ctx)
	}
	return p, err
}

// norms returns the l1 and the l2 norm of the parameters.
func norms(net layers.Layer) (l1, l2 float64) {
	for _, p := range net.Params() {
		if p.Buffer {
			continue
		}
		for _, x := range p.Value.Data().([]float32) {
			l1 += math.Abs(float64(x))
			l2 += float64(x) * float64(x)
		}
	}
	return l1, math.Sqrt(l2)
}

// hessian estimates the trace of the Hessian of the training loss, on a graph of the network for evaluation with gradients.
type hessian struct {
	vm         G.VM
	learnables G.Nodes
	images     []float32
	labels     []int
	batches    *datasets.Loader
	probes     int
}

func newHessian(net layers.Layer, s *settings, train *datasets.Dataset) (*hessian, error) {
	h := &hessian{images: make([]float32, s.Batch*train.Shape().Size()), labels: make([]int, s.Batch), probes: s.Probes}
	chosen, err := train.Subset(min(s.TraceImages, train.Len())/s.Batch*s.Batch, 0)
	if err != nil {
		return nil, err
	}
	if h.batches, err = chosen.Loader(s.inOrder(chosen)); err != nil {
		return nil, err
	}
	g := G.NewGraph()
	shape := append([]int{s.Batch}, networks[s.Net].shape(train)...)
	x := G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName("images"),
		G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(h.images))))
	y := G.NewVector(g, tensor.Int, G.WithShape(s.Batch), G.WithName("labels"),
		G.WithValue(tensor.New(tensor.WithShape(s.Batch), tensor.WithBacking(h.labels))))
	b := layers.NewBuilder(g, layers.Evaluation)
	logits, err := net.Forward(b, x)
	if err != nil {
		return nil, err
	}
	cost, err := graph.CrossEntropy(logits, y)
	if err != nil {
		return nil, err
	}
	if h.learnables, err = b.Learnables(net); err != nil {
		return nil, err
	}
	if _, err := G.Grad(cost, h.learnables...); err != nil {
		return nil, errors.Wrap(err, "gradient for the Hessian's trace")
	}
	h.vm = G.NewTapeMachine(g, G.BindDualValues(h.learnables...))
	return h, nil
}

// trace returns the mean of the batches' traces, all with the same directions.
func (h *hessian) trace(ctx context.Context) (*trace, error) {
	if err := h.batches.Start(0); err != nil {
		return nil, err
	}
	t, n := &trace{}, float64(h.batches.Len())
	for h.batches.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		copy(h.images, h.batches.Images().Data().([]float32))
		copy(h.labels, h.batches.Labels())
		e, err := optim.HessianTrace(h.vm, optim.TraceConfig{Probes: h.probes}, h.learnables...)
		if err != nil {
			return nil, err
		}
		t.Mean += e.Mean / n
		if e.Draws > 1 {
			t.StdErr += e.StdErr / n // a bound: the batches share their directions
		}
	}
	return t, h.batches.Err()
}
