package main

import (
	"context"
	"math"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
)

// point is the measurements after an epoch, at weights without noise.
type point struct {
	Epoch         int     `json:"epoch"` // completed epochs
	TrainLoss     float64 `json:"train_loss"`
	TrainAccuracy float64 `json:"train_accuracy"`
	Loss          float64 `json:"loss"` // on the images that the run is evaluated on
	Accuracy      float64 `json:"accuracy"`
	ECE           float64 `json:"ece"`     // expected calibration error
	L1            float64 `json:"l1_norm"` // of all parameters
	L2            float64 `json:"l2_norm"`

	// Traces of the Hessian of the training loss, nil if not measured: see curvature.go.
	HessianTrace    *trace `json:"hessian_trace,omitempty"`
	DifferenceTrace *trace `json:"hessian_trace_by_differences,omitempty"`
}

// finite reports whether the losses and traces are finite numbers.
func (p point) finite() bool {
	sum := p.TrainLoss + p.Loss + p.ECE + p.L2
	for _, t := range []*trace{p.HessianTrace, p.DifferenceTrace} {
		if t != nil {
			sum += t.Mean + t.StdErr
		}
	}
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// meter measures a network during training.
type meter struct {
	net             layers.Layer
	classifier      *layers.Classifier
	train, measured *datasets.Loader
	curvature       *curvature // nil if no trace is wanted
}

func newMeter(net layers.Layer, classifier *layers.Classifier, s *settings, train, measured *datasets.Dataset) (*meter, error) {
	m := &meter{net: net, classifier: classifier}
	var err error
	if m.train, err = train.Loader(s.shared(train)); err != nil {
		return nil, err
	}
	if m.measured, err = measured.Loader(s.shared(measured)); err != nil {
		return nil, err
	}
	if s.TraceImages > 0 {
		m.curvature, err = newCurvature(net, s, train)
	}
	return m, err
}

// close releases the batches and the graph.
func (m *meter) close() {
	m.train.Close()
	m.measured.Close()
	if m.curvature != nil {
		m.curvature.close()
	}
}

// point measures.
func (m *meter) point(ctx context.Context, epoch int, withTrace bool) (point, error) {
	p := point{Epoch: epoch}
	train, err := m.classifier.Evaluate(ctx, m.train)
	if err != nil {
		return p, err
	}
	measured, err := m.classifier.Evaluate(ctx, m.measured)
	if err != nil {
		return p, err
	}
	p.TrainLoss, p.TrainAccuracy = train.Loss, train.Accuracy
	p.Loss, p.Accuracy, p.ECE = measured.Loss, measured.Accuracy, measured.ECE
	p.L1, p.L2 = norms(m.net)
	if withTrace {
		p.HessianTrace, p.DifferenceTrace, err = m.curvature.traces(ctx)
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
