package graph

import (
	"github.com/layernoise/layernoise/internal/kernel"
	"github.com/layernoise/layernoise/internal/noise"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// DropoutConfig determines the masks that a dropout draws. They are a function of Seed, Layer, the training step and the run
// within that step.
type DropoutConfig struct {
	// Seed selects the masks. By default it is 0.
	Seed uint64

	// Layer distinguishes the dropouts of one network, below 1<<31: nodes with equal seed and layer drop the same elements. By
	// default it is 0.
	Layer uint32

	// Steps provides the training step. By default each run of the node is a step, counted from 0.
	Steps *Steps
}

// Steps holds the current training step for all operations of a graph that draw random numbers. The zero value is step 0.
type Steps struct {
	step  uint32
	begun uint64 // number of steps begun
	rank  uint32
}

// SetRank declares that the graph's batches are the parts of one of several processes, number rank from 0. Its dropouts then
// draw what a single process would draw in that part of the combined batch, so no two ranks draw the same. By default the
// rank is 0.
func (s *Steps) SetRank(rank uint32) { s.rank = rank }

// Begin begins step number step, below 1<<32: the next runs of the graph are its first, second and so on, even if the step
// was begun before.
func (s *Steps) Begin(step uint32) {
	s.step = step
	s.begun++
}

// runs counts the runs of a node within a step.
type runs struct {
	steps *Steps
	begun uint64
	next  noise.Stream
}

// runs returns the run counter of a node with these settings.
func (c DropoutConfig) runs() runs {
	return runs{steps: c.Steps, next: noise.Stream{Seed: c.Seed, Tensor: noise.MaskTensors + c.Layer}}
}

// stream returns the random stream of the node's next run.
func (r *runs) stream() noise.Stream {
	if r.steps != nil && r.begun != r.steps.begun {
		r.begun, r.next.Step, r.next.Sample = r.steps.begun, r.steps.step, 0
	}
	s := r.next
	if r.steps == nil {
		r.next.Step++
	} else {
		r.next.Sample++
	}
	return s
}

// part returns where the words of this process begin in a draw to which each rank contributes the given number of words.
func (r *runs) part(words int) (uint64, error) {
	if r.steps == nil || r.steps.rank == 0 {
		return 0, nil
	}
	before := uint64(r.steps.rank) * uint64(words)
	if before+uint64(words) > noise.MaxLen {
		return 0, errors.Errorf("rank %d: dropout of %d elements, more than %d in all", r.steps.rank, words, uint64(noise.MaxLen))
	}
	return before, nil
}

// Dropout sets each element to zero with probability p and multiplies the others by 1/(1-p), for any shape. Each run of the
// machine draws a new mask. 0 <= p < 1. Leave it out of evaluation graphs.
//
// Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout: A Simple Way to Prevent Neural Networks from
// Overfitting, JMLR 2014, https://jmlr.org/papers/v15/srivastava14a.html.
func Dropout(x *G.Node, p float64, config DropoutConfig) (*G.Node, error) {
	const name = "Dropout"
	if err := check(name, input{"x", x}); err != nil {
		return nil, err
	}
	if err := checkDropout(name, "p", p, config); err != nil {
		return nil, err
	}
	if x.Dtype() == tensor.Float32 {
		return dropoutNode[float32](name, p, config, x)
	}
	return dropoutNode[float64](name, p, config, x)
}

// checkDropout checks a dropout's settings and its probability, which errors call what.
func checkDropout(name, what string, p float64, config DropoutConfig) error {
	if !(p >= 0 && p < 1) {
		return errors.Errorf("graph: %s: %s is %v, want 0 <= %s < 1", name, what, p, what)
	}
	if config.Layer >= noise.MaskTensors {
		return errors.Errorf("graph: %s: layer %d, want less than 1<<31", name, config.Layer)
	}
	return nil
}

func dropoutNode[T kernel.Float](name string, p float64, config DropoutConfig, x *G.Node) (*G.Node, error) {
	masks := config.runs()
	var words []uint32
	drop := func(dst, src []T) {
		kernel.Dropout(dst, src, words, kernel.DropoutThreshold(p), T(1/(1-p)))
	}
	return apply(&op[T]{
		name:  name,
		shape: x.Shape(),
		run: func(y []T, in []operand[T]) error {
			if words == nil {
				words = make([]uint32, len(y))
			}
			before, err := masks.part(len(words))
			if err != nil {
				return err
			}
			noise.BitsAt(masks.stream(), before, words)
			drop(y, in[0].f)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
			dx, err := gradient(name+"Grad", in[0], func(dx []T, v []operand[T]) error {
				drop(dx, v[0].f)
				return nil
			}, dy, y) // y, so that the mask has been drawn
			return G.Nodes{dx}, err
		},
	}, x)
}
