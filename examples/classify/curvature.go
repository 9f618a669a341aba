package main

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// curvature estimates the trace of the Hessian of the training loss in two ways, which differ for networks with kinks.
//
// Away from the kinks of its ReLUs and max pools, each of the networks here is affine in every parameter tensor. The second
// derivative of the loss with respect to a single weight therefore comes from the cross entropy alone, and the trace of the
// Hessian equals that of the Gauss-Newton matrix. For the softmax, that is the mean over the images of the expected squared
// norm of the gradient with a label drawn from the network's own probabilities. These gradients have mean zero, so that for
// a batch of n such labels n |gradient of the batch|^2 has the same expectation. It is the trace that automatic
// differentiation would give.
//
// Differences of gradients (optim.HessianTrace) also count the kinks crossed by the step, as noise in the weights does.
type curvature struct {
	vm         G.VM
	learnables G.Nodes
	logits     *G.Value // allocated separately from vm: a cycle with the machine, which has a finalizer, would leak
	images     []float32
	labels     []int
	batches    *datasets.Loader
	probes     int
}

// trace is an estimate of the trace of the Hessian.
type trace struct {
	Mean   float64 `json:"mean"`
	StdErr float64 `json:"standard_error"` // over the random draws; 0 for a single one
}

// newCurvature builds an evaluation graph of net with gradients.
func newCurvature(net layers.Layer, s *settings, train *datasets.Dataset) (*curvature, error) {
	c := &curvature{images: make([]float32, s.Batch*train.Shape().Size()), labels: make([]int, s.Batch), probes: s.Probes}
	chosen, err := train.Subset(min(s.TraceImages, train.Len())/s.Batch*s.Batch, 0)
	if err != nil {
		return nil, err
	}
	if c.batches, err = chosen.Loader(s.inOrder(chosen)); err != nil {
		return nil, err
	}
	g := G.NewGraph()
	kind, err := findNetwork(s.Net)
	if err != nil {
		return nil, err
	}
	shape := append([]int{s.Batch}, kind.shape(train.Shape())...)
	x := G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName("images"),
		G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(c.images))))
	y := G.NewVector(g, tensor.Int, G.WithShape(s.Batch), G.WithName("labels"),
		G.WithValue(tensor.New(tensor.WithShape(s.Batch), tensor.WithBacking(c.labels))))
	b := layers.NewBuilder(g, layers.Evaluation)
	logits, err := net.Forward(b, x)
	if err != nil {
		return nil, err
	}
	c.logits = new(G.Value)
	G.Read(logits, c.logits)
	cost, err := graph.CrossEntropy(logits, y)
	if err != nil {
		return nil, err
	}
	if c.learnables, err = b.Learnables(net); err != nil {
		return nil, err
	}
	if _, err := G.Grad(cost, c.learnables...); err != nil {
		return nil, errors.Wrap(err, "gradient for the Hessian's trace")
	}
	c.vm = G.NewTapeMachine(g, graph.BindGradients(c.learnables...))
	return c, nil
}

func (c *curvature) close() {
	c.vm.Close()
	c.batches.Close()
}

// traces returns the trace away from the kinks and the one by differences, averaged over the batches.
func (c *curvature) traces(ctx context.Context) (smooth, differences *trace, err error) {
	if err := c.batches.Start(0); err != nil {
		return nil, nil, err
	}
	smooth, differences = &trace{}, &trace{}
	random := rand.New(rand.NewPCG(1, 1))
	n := float64(c.batches.Len())
	for c.batches.Next() {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		copy(c.images, c.batches.Images().Data().([]float32))
		copy(c.labels, c.batches.Labels())
		d, err := optim.HessianTrace(c.vm, optim.TraceConfig{Probes: c.probes}, c.learnables...)
		if err != nil {
			return nil, nil, err
		}
		differences.Mean += d.Mean / n
		differences.StdErr += zeroNaN(d.StdErr) / n // a bound: the batches share their directions
		mean, stdErr, err := c.gaussNewton(random)
		if err != nil {
			return nil, nil, err
		}
		smooth.Mean += mean / n
		smooth.StdErr = math.Hypot(smooth.StdErr, zeroNaN(stdErr)/n)
	}
	return smooth, differences, c.batches.Err()
}

// gaussNewton estimates the trace of the Gauss-Newton matrix on the images of the batch.
func (c *curvature) gaussNewton(random *rand.Rand) (mean, stdErr float64, err error) {
	if _, err := c.squaredGradient(); err != nil { // to compute the logits
		return 0, 0, err
	}
	logits := append([]float32(nil), (*c.logits).Data().([]float32)...)
	draws := make([]float64, c.probes)
	for k := range draws {
		drawLabels(random, logits, c.labels)
		square, err := c.squaredGradient()
		if err != nil {
			return 0, 0, err
		}
		draws[k] = float64(len(c.labels)) * square
	}
	mean, std := stat.MeanStdDev(draws, nil)
	return mean, std / math.Sqrt(float64(len(draws))), nil
}

// squaredGradient runs the graph and returns the squared norm of the gradient of all parameters.
func (c *curvature) squaredGradient() (float64, error) {
	defer c.vm.Reset()
	if err := c.vm.RunAll(); err != nil {
		return 0, errors.Wrap(err, "gradient for the Hessian's trace")
	}
	sum := 0.0
	for _, n := range c.learnables {
		grad, err := n.Grad()
		if err != nil {
			return 0, errors.Wrap(err, "gradient for the Hessian's trace")
		}
		for _, x := range grad.Data().([]float32) {
			sum += float64(x) * float64(x)
		}
		G.ZeroValue(grad) // the next pass may add to it
	}
	return sum, nil
}

// drawLabels draws a label for each row of logits, with the probabilities of its softmax.
func drawLabels(random *rand.Rand, logits []float32, labels []int) {
	classes := len(logits) / len(labels)
	for i := range labels {
		row := logits[i*classes : (i+1)*classes]
		// The index of the largest logit + Gumbel noise has this distribution.
		best := math.Inf(-1)
		for k, logit := range row {
			if v := float64(logit) - math.Log(random.ExpFloat64()); v > best {
				best, labels[i] = v, k
			}
		}
	}
}

// zeroNaN replaces the NaN error of a single draw by zero.
func zeroNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}
