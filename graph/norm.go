package graph

import (
	"math"

	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BatchNormMomentum is the default momentum of the running statistics.
const BatchNormMomentum = 0.1

// BatchNormConfig holds the settings of [BatchNorm].
type BatchNormConfig struct {
	// Mean and Var are the running mean and variance of each channel, tensors of shape (C) and the dtype of x. A training node
	// updates them in place each time it runs; other nodes read them.
	Mean, Var *tensor.Dense

	// Momentum is the weight of the new batch in the running statistics:
	//
	//	running = (1-Momentum)*running + Momentum*batch
	//
	// where batch is the mean or the unbiased variance. It is from 0 to 1; zero means 0.1. This is PyTorch's momentum, which is
	// one minus Keras's.
	Momentum float64

	// Eps is added to the variance under the root. By default it is 1e-5.
	Eps float64

	// Training normalises by the statistics of the batch and updates the running ones. Otherwise the running ones are used.
	Training bool

	// Ranks share the batch: each has a part of it as the x of its own graph. A training node then computes its statistics, and
	// the gradient those terms that depend on them, over the parts of all ranks. The node and its gradient exchange numbers
	// each time they run, so all ranks must run such nodes in the same order, as machines of the same graph do. The gradients
	// of scale and shift are of this rank's part. Nil, the default, or a single rank means a batch of its own.
	Ranks Ranks

	// ReLU and Residual fuse common subsequent operations:
	//
	//	y = max(0, BatchNorm(x) + Residual)
	//
	// ReLU takes the maximum with zero. By default it does not.
	ReLU bool

	// Residual is added, and must have the shape of x. By default it is nil, for none.
	Residual *G.Node
}

// Ranks is a group of processes that share each batch, such as distributed.World.
type Ranks interface {
	// Rank returns this process's number, from 0 to Size()-1.
	Rank() int

	// Size returns the number of processes.
	Size() int

	// Sum sets x, on every rank, to the elementwise sum of all ranks' x, with the same bits on all.
	Sum(x []float64) error
}

// BatchNorm normalises each channel to mean zero and variance one, and then scales and shifts it:
//
//	y = (x - mean)/sqrt(var + Eps)*scale + shift
//
// Shapes: x (N, C) or (N, C, H, W); scale and shift (C); result as x. In training mode the variance is the biased one of the
// batch, which must have more than one value per channel.
//
// If a sum over ranks fails, the pass returns its error and the running statistics are unchanged.
//
// Ioffe and Szegedy, Batch Normalization, ICML 2015, https://arxiv.org/abs/1502.03167.
func BatchNorm(x, scale, shift *G.Node, c BatchNormConfig) (*G.Node, error) {
	const name = "BatchNorm"
	if c.Momentum == 0 {
		c.Momentum = BatchNormMomentum
	}
	if c.Eps == 0 {
		c.Eps = 1e-5
	}
	s, err := c.check(name, x, scale, shift)
	if err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return batchNormNode[float32](name, s, c, x, scale, shift)
	}
	return batchNormNode[float64](name, s, c, x, scale, shift)
}

func (c BatchNormConfig) check(name string, x, scale, shift *G.Node) (kernel.Norm, error) {
	inX, inScale, inShift := input{"x", x}, input{"scale", scale}, input{"shift", shift}
	in := []input{inX, inScale, inShift}
	if c.Residual != nil {
		in = append(in, input{"residual", c.Residual})
	}
	if err := check(name, in...); err != nil {
		return kernel.Norm{}, err
	}
	if err := checkDims(name, inX, 2, 4); err != nil {
		return kernel.Norm{}, err
	}
	shape := x.Shape()
	for _, v := range []input{inScale, inShift} {
		if err := checkShape(name, v, shape[1:2], inX); err != nil {
			return kernel.Norm{}, err
		}
	}
	if c.Residual != nil {
		if err := checkShape(name, input{"residual", c.Residual}, shape, inX); err != nil {
			return kernel.Norm{}, err
		}
	}
	for _, v := range []struct {
		name string
		t    *tensor.Dense
	}{{"mean", c.Mean}, {"variance", c.Var}} {
		if v.t == nil {
			return kernel.Norm{}, errors.Errorf("graph: %s: the running %s is nil", name, v.name)
		}
		if !same(v.t.Shape(), shape[1:2]) || v.t.Dtype() != x.Dtype() {
			return kernel.Norm{}, errors.Errorf("graph: %s: the running %s has shape %v of %v, want %v of %v for x of shape %v",
				name, v.name, v.t.Shape(), v.t.Dtype(), shape[1:2], x.Dtype(), shape)
		}
	}
	s := kernel.Norm{N: shape[0], C: shape[1], Size: shape[2:].TotalSize(), ReLU: c.ReLU, Momentum: c.Momentum, Eps: c.Eps}
	switch {
	case !(c.Momentum > 0 && c.Momentum <= 1):
		return kernel.Norm{}, errors.Errorf("graph: %s: the momentum is %v, want 0 to 1", name, c.Momentum)
	case !(c.Eps > 0) || math.IsInf(c.Eps, 1):
		return kernel.Norm{}, errors.Errorf("graph: %s: eps is %v, want a positive number", name, c.Eps)
	case c.Training && s.N*s.Size < 2 && !c.shared():
		return kernel.Norm{}, errors.Errorf("graph: %s: x of shape %v has one value per channel, too few for training", name, shape)
	}
	return s, nil
}

// shared reports whether the batch is shared by several ranks.
func (c BatchNormConfig) shared() bool { return c.Training && c.Ranks != nil && c.Ranks.Size() > 1 }

func batchNormNode[T kernel.Float](name string, s kernel.Norm, c BatchNormConfig, x, scale, shift *G.Node) (*G.Node, error) {
	stats := kernel.NewNormStats(s.C)
	runMean, runVar := tensorData[T](c.Mean), tensorData[T](c.Var)
	var together *normRanks
	if c.shared() {
		together = newNormRanks(c.Ranks, s.C)
	}
	return apply(&op[T]{
		name:  name,
		shape: x.Shape(),
		run: func(y []T, in []operand[T]) error {
			x, scale, shift, residual := in[0].f, in[1].f, in[2].f, optional(in, 3)
			switch {
			case together != nil:
				kernel.NormMoments(s, together.moments, x)
				if err := together.addMoments(); err != nil {
					return err
				}
				kernel.NormStatistics(s, stats, together.moments, runMean, runVar)
			case c.Training:
				kernel.NormTrain(s, stats, runMean, runVar, y, x, scale, shift, residual)
				return nil
			default:
				kernel.RunningStats(s, stats, runMean, runVar)
			}
			kernel.NormForward(s, stats, y, x, scale, shift, residual)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (grads G.Nodes, err error) {
			if len(in) > 3 && s.ReLU {
				if dy, err = gate[T](y, dy); err != nil {
					return nil, err
				}
			}
			grads, err = batchNormGrads[T](name, s, stats, c.Training, together, in, y, dy)
			if len(in) > 3 {
				grads = append(grads, dy)
			}
			return grads, err
		},
	}, x, scale, shift, c.Residual)
}

// batchNormGrads adds a node that computes all three gradients and whose value is that with respect to x, and two nodes that
// read the others from it.
func batchNormGrads[T kernel.Float](name string, s kernel.Norm, stats kernel.NormStats, training bool, together *normRanks,
	in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	x, scale, shift := in[0], in[1], in[2]
	if len(in) > 3 {
		s.ReLU = false // dy is already gated
	}
	dscale, dshift := make([]T, s.C), make([]T, s.C)
	dx, err := apply(&op[T]{
		name:  name + "Grad",
		shape: x.Shape(),
		run: func(dx []T, v []operand[T]) error {
			x, scale, shift, dy := v[0].f, v[1].f, v[2].f, v[3].f
			if together == nil {
				kernel.NormGrad(s, stats, dx, dscale, dshift, x, scale, shift, dy, training)
				return nil
			}
			kernel.NormGradSums(s, stats, together.sums, x, scale, shift, dy)
			for c, sum := range together.sums {
				dshift[c], dscale[c] = T(sum.Shift), T(sum.Scale)
			}
			if err := together.addSums(); err != nil {
				return err
			}
			kernel.NormGradX(s, stats, together.sums, together.moments[0].Count, dx, x, scale, shift, dy)
			return nil
		},
	}, x, scale, shift, dy, y) // y, so that the statistics have been computed
	if err != nil {
		return nil, err
	}
	dScale, err := taken(name+"GradScale", scale, dscale, dx)
	if err != nil {
		return nil, err
	}
	dShift, err := taken(name+"GradShift", shift, dshift, dx)
	return G.Nodes{dx, dScale, dShift}, err
}

// normRanks is what the ranks of a batch norm exchange: the moments of each channel, first of this rank's part and then of
// the whole batch, and likewise the sums of its gradient.
type normRanks struct {
	Ranks
	moments []kernel.Moments
	sums    []kernel.NormSums
	numbers []float64
}

func newNormRanks(ranks Ranks, channels int) *normRanks {
	return &normRanks{Ranks: ranks, moments: make([]kernel.Moments, channels), sums: make([]kernel.NormSums, channels)}
}

// addMoments gives each rank its own place in the summed buffer, so that each gets the moments of all. They are combined
// from rank 0 on, which is more accurate than sums of squares, and needs one exchange where the squares about the mean of
// all would need two.
func (r *normRanks) addMoments() error {
	channels := len(r.moments)
	part := 1 + 2*channels
	r.numbers = append(r.numbers[:0], make([]float64, r.Size()*part)...)
	mine := r.numbers[r.Rank()*part:][:part]
	mine[0] = r.moments[0].Count
	for c, m := range r.moments {
		mine[1+c], mine[1+channels+c] = m.Mean, m.Square
	}
	if err := r.Sum(r.numbers); err != nil {
		return errors.WithMessage(err, "statistics of all ranks")
	}
	for rank := range r.Size() {
		theirs := r.numbers[rank*part:][:part]
		for c := range r.moments {
			m := kernel.Moments{Count: theirs[0], Mean: theirs[1+c], Square: theirs[1+channels+c]}
			if rank > 0 {
				m = r.moments[c].Add(m)
			}
			r.moments[c] = m
		}
	}
	return nil
}

// addSums adds up the sums of all ranks.
func (r *normRanks) addSums() error {
	r.numbers = r.numbers[:0]
	for _, s := range r.sums {
		r.numbers = append(r.numbers, s.Shift, s.Scale)
	}
	if err := r.Sum(r.numbers); err != nil {
		return errors.WithMessage(err, "gradient of all ranks")
	}
	for c := range r.sums {
		r.sums[c] = kernel.NormSums{Shift: r.numbers[2*c], Scale: r.numbers[2*c+1]}
	}
	return nil
}

// LayerNorm normalises each row of the last axis to mean zero and variance one, and then scales and shifts it:
//
//	y = (x - mean)/sqrt(var + eps)*gain + bias
//
// Shapes: x (..., D); gain (D); bias (D), or nil for none; result as x. The variance is the biased one. eps must be
// positive; PyTorch's is 1e-5.
//
// Ba, Kiros and Hinton, Layer Normalization, 2016, https://arxiv.org/abs/1607.06450.
func LayerNorm(x, gain, bias *G.Node, eps float64) (*G.Node, error) {
	return rowNorm("LayerNorm", x, gain, bias, kernel.RowNorm{Eps: eps})
}

// RMSNorm divides each row of the last axis by its root mean square, and then scales it:
//
//	y = x/sqrt(mean(x^2) + eps)*gain
//
// Shapes: x (..., D); gain (D); result as x. eps must be positive.
//
// Zhang and Sennrich, Root Mean Square Layer Normalization, NeurIPS 2019, https://arxiv.org/abs/1910.07467.
func RMSNorm(x, gain *G.Node, eps float64) (*G.Node, error) {
	return rowNorm("RMSNorm", x, gain, nil, kernel.RowNorm{Eps: eps, Root: true})
}

func rowNorm(name string, x, gain, bias *G.Node, n kernel.RowNorm) (*G.Node, error) {
	inX, inGain := input{"x", x}, input{"gain", gain}
	vectors := []input{inGain}
	if bias != nil {
		vectors = append(vectors, input{"bias", bias})
	}
	if err := check(name, append([]input{inX}, vectors...)...); err != nil {
		return nil, err
	}
	if err := checkDims(name, inX, 1, 2, 3, 4, 5); err != nil {
		return nil, err
	}
	last := x.Shape()[x.Dims()-1:]
	for _, v := range vectors {
		if err := checkShape(name, v, last, inX); err != nil {
			return nil, err
		}
	}
	if !(n.Eps > 0) || math.IsInf(n.Eps, 1) {
		return nil, errors.Errorf("graph: %s: eps is %v, want a positive number", name, n.Eps)
	}
	n.Rows, n.Cols = x.Shape().TotalSize()/last[0], last[0]
	if x.Dtype() == tensor.Float32 {
		return rowNormNode[float32](name, n, x, gain, bias)
	}
	return rowNormNode[float64](name, n, x, gain, bias)
}

func rowNormNode[T kernel.Float](name string, n kernel.RowNorm, x, gain, bias *G.Node) (*G.Node, error) {
	stats := kernel.NewNormStats(n.Rows)
	zeros := make([]T, n.Cols)
	around := new(skip)
	return apply(&op[T]{
		name:  name,
		shape: x.Shape(),
		skip:  around,
		run: func(y []T, in []operand[T]) error {
			bias := zeros
			if len(in) > 2 {
				bias = in[2].f
			}
			kernel.RowNormForward(n, stats, y, in[0].f, in[1].f, bias)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			return rowNormGrads[T](name, n, stats, in, y, dy, around.with(dy))
		},
	}, x, gain, bias)
}

// rowNormGrads adds a node that computes all gradients and whose value is that with respect to x, plus that of a skip if there
// is one, and nodes that read the others from it.
func rowNormGrads[T kernel.Float](name string, n kernel.RowNorm, stats kernel.NormStats, in G.Nodes, y, dy, skip *G.Node) (G.Nodes, error) {
	dgain, dbias := make([]T, n.Cols), make([]T, n.Cols)
	dx, err := apply(&op[T]{
		name:  name + "Grad",
		shape: in[0].Shape(),
		run: func(dx []T, v []operand[T]) error {
			kernel.RowNormGrad(n, stats, dx, dgain, dbias, v[0].f, v[1].f, v[2].f, optional(v, 4))
			return nil
		},
	}, in[0], in[1], dy, y, skip) // y, so that the statistics have been computed
	if err != nil {
		return nil, err
	}
	dGain, err := taken(name+"GradGain", in[1], dgain, dx)
	if err != nil || len(in) == 2 {
		return G.Nodes{dx, dGain}, err
	}
	dBias, err := taken(name+"GradBias", in[2], dbias, dx)
	return G.Nodes{dx, dGain, dBias}, err
}
