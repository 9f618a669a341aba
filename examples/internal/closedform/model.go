package closedform

import (
	"context"

	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Model is a problem's graph, with its gradients and a machine.
type Model struct {
	Weights    [2][]float64 // what the learnables hold
	Learnables G.Nodes
	VM         G.VM

	loss  *G.Value // apart from VM: a cycle with the machine, which has a finalizer, would stay in memory
	model []G.ValueGrad
}

// NewModel builds the graph of p with initial weights, which it takes over.
func NewModel(p Problem, weights [2][]float64) (*Model, error) {
	m := &Model{Weights: weights}
	g := G.NewGraph()
	loss, learnables, err := p.Graph(g, weights)
	if err != nil {
		return nil, err
	}
	m.loss = new(G.Value)
	G.Read(loss, m.loss)
	if _, err := G.Grad(loss, learnables...); err != nil {
		return nil, errors.Wrap(err, "closedform: gradient")
	}
	m.Learnables = learnables
	m.model = G.NodesToValueGrads(learnables)
	m.VM = G.NewTapeMachine(g, G.BindDualValues(learnables...))
	return m, nil
}

// Loss returns the loss of the last pass, at the weights that it saw.
func (m *Model) Loss() float64 { return (*m.loss).Data().(float64) }

// Train makes steps of the solver, guarded if it perturbs weights. It calls observe, where it is not nil, before the first
// step and after each, with the number of steps made; the weights are clean then. The solver is for this training alone.
func (m *Model) Train(ctx context.Context, solver G.Solver, steps int, observe func(step int) error) error {
	vm := m.VM
	if s, ok := solver.(*optim.PerturbedSolver); ok {
		var err error
		if vm, err = s.Guard(vm, m.Learnables...); err != nil {
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
		if err := solver.Step(m.model); err != nil {
			return err
		}
		vm.Reset()
	}
}
