package closedform

import (
	"context"

	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Trainer is the graph of a loss, with its gradients and a machine.
type Trainer struct {
	Learnables G.Nodes
	VM         G.VM

	loss  *G.Value // not in the struct: a cycle through VM, which has a finalizer, would never be freed
	model []G.ValueGrad
}

// Model is the Trainer of a [Problem].
type Model struct {
	*Trainer
	Weights [2][]float64 // the memory of the learnables
}

// NewModel builds the graph of p over the given slices of initial weights, which training changes.
func NewModel(p Problem, weights [2][]float64) (*Model, error) {
	t, err := newTrainer(func(g *G.ExprGraph) (*G.Node, G.Nodes, error) { return p.Graph(g, weights) })
	if err != nil {
		return nil, err
	}
	return &Model{t, weights}, nil
}

// NewDeepModel builds the graph of a linear network, [DeepLinear.Graph], over the given slices of initial weights, which
// training changes.
func NewDeepModel(d *DeepLinear, weights [][]float64, sigma float64) (*Trainer, error) {
	return newTrainer(func(g *G.ExprGraph) (*G.Node, G.Nodes, error) { return d.Graph(g, weights, sigma) })
}

// newTrainer makes a graph with build, and adds gradients and a machine.
func newTrainer(build func(*G.ExprGraph) (loss *G.Node, learnables G.Nodes, err error)) (*Trainer, error) {
	g := G.NewGraph()
	loss, learnables, err := build(g)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Learnables: learnables, loss: new(G.Value)}
	G.Read(loss, t.loss)
	if _, err := G.Grad(loss, learnables...); err != nil {
		return nil, errors.Wrap(err, "closedform: gradient")
	}
	t.model = G.NodesToValueGrads(learnables)
	t.VM = G.NewTapeMachine(g, G.BindDualValues(learnables...))
	return t, nil
}

// Loss returns the loss of the last pass, at the weights of that pass, noise included.
func (t *Trainer) Loss() float64 { return (*t.loss).Data().(float64) }

// MeasureExtra estimates what noise on all of the given learnables at once adds to the expected loss.
func (t *Trainer) MeasureExtra(sigma float64, config optim.RegulariserConfig, learnables ...*G.Node) (optim.Estimate, error) {
	return optim.NoiseRegulariser(t.VM, t.loss, sigma, config, learnables...)
}

// Train makes the given number of steps, guarded if the solver perturbs weights. Unless observe is nil, it is called before
// the first step and after each, at clean weights, with the number of steps made. Use a new solver for each training.
func (t *Trainer) Train(ctx context.Context, solver G.Solver, steps int, observe func(step int) error) error {
	vm := t.VM
	if s, ok := solver.(*optim.PerturbedSolver); ok {
		var err error
		if vm, err = s.Guard(vm, t.Learnables...); err != nil {
			return err
		}
	}
	for step := 0; ; step++ {
		if observe != nil {
			if err := observe(step); err != nil {
				return err
			}
		}
		if step == steps {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := vm.RunAll(); err != nil {
			return errors.Wrapf(err, "closedform: step %d", step)
		}
		if err := solver.Step(t.model); err != nil {
			return err
		}
		vm.Reset()
	}
}
