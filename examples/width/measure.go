package main

import (
	"context"
	"fmt"
	"math"

	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
)

// parts is the number of independent parts into which the draws of a point are divided: their spread gives the standard
// error.
const parts = 20

// estimate is a mean with its standard error.
type estimate struct{ mean, err float64 }

func (e estimate) String() string { return fmt.Sprintf("%.3f ± %.3f", e.mean, e.err) }

// measured is the measured effect of noise on a network.
type measured struct {
	extra    estimate // mean loss; without noise it is zero
	loss     estimate // variance of the loss
	gradient estimate // sum of the variances of the gradient's elements
}

// measure draws noise of a kind repeatedly for a kind of network of the given width.
func (s settings) measure(ctx context.Context, kind, noise, width int) (measured, error) {
	k := kinds[kind]
	n, err := newNetwork(k.weights(s.seed, width), orthogonalRows(s.seed), k.relu)
	if err != nil {
		return measured{}, err
	}
	still, err := optim.NewSGD(0) // steps move nothing, but advance the solver to the next draw
	if err != nil {
		return measured{}, err
	}
	solver, err := optim.NewPerturbedSolver(still, s.sigma, optim.WithSelection(noises[noise].selection()), optim.WithSeed(s.seed))
	if err != nil {
		return measured{}, err
	}
	vm, err := solver.Guard(n.vm, n.learnables...)
	if err != nil {
		return measured{}, err
	}
	defer vm.Close()
	var extra, loss, gradient []float64
	for range parts {
		p, err := n.part(ctx, vm, solver, s.draws/parts)
		if err != nil {
			return measured{}, err
		}
		extra, loss, gradient = append(extra, p.extra), append(loss, p.loss), append(gradient, p.gradient)
	}
	return measured{estimateOf(extra), estimateOf(loss), estimateOf(gradient)}, nil
}

func estimateOf(x []float64) estimate {
	mean, std := stat.MeanStdDev(x, nil)
	return estimate{mean, std / math.Sqrt(float64(len(x)))}
}

// part is the result of one part of the draws.
type part struct{ extra, loss, gradient float64 }

// part evaluates the network at a number of draws.
func (n *network) part(ctx context.Context, vm G.VM, solver *optim.PerturbedSolver, draws int) (part, error) {
	model := G.NodesToValueGrads(n.learnables)
	losses := make([]float64, draws)
	sums := make([][]float64, len(n.learnables)) // of the gradients
	squares := 0.0
	for k := range losses {
		if err := ctx.Err(); err != nil {
			return part{}, err
		}
		if err := vm.RunAll(); err != nil {
			return part{}, errors.Wrap(err, "evaluate the network")
		}
		losses[k] = (*n.loss).Data().(float64)
		for i, node := range n.learnables {
			grad, err := node.Grad()
			if err != nil {
				return part{}, errors.Wrap(err, "gradient")
			}
			g := grad.Data().([]float64)
			if sums[i] == nil {
				sums[i] = make([]float64, len(g))
			}
			floats.Add(sums[i], g)
			squares += floats.Dot(g, g)
		}
		if err := solver.Step(model); err != nil {
			return part{}, err
		}
		vm.Reset()
	}
	for _, sum := range sums {
		squares -= floats.Dot(sum, sum) / float64(draws)
	}
	mean, variance := stat.MeanVariance(losses, nil)
	return part{extra: mean, loss: variance, gradient: squares / float64(draws-1)}, nil
}
