package main

import (
	"context"
	"math"
	"time"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/optim"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// settings of a training.
type settings struct {
	epochs   int
	batch    int
	rate     float64
	momentum float64
	sigma    float64
	seed     uint64
	protocol string // guarded or carried
}

// curve is the result of a training, by epoch.
type curve struct {
	noise     string
	trainLoss []float64 // mean over the steps, at the weights of the gradient
	testLoss  []float64
	testAcc   []float64 // 0 to 1
	perStep   time.Duration
	diverged  bool // training ended at a loss that was NaN or infinite
}

// train trains a fresh network with one kind of noise: none, layer or all.
func train(ctx context.Context, noise string, s settings, data images, step func()) (*curve, error) {
	weights := newWeights(s.seed)
	n := newNetwork(s.batch, weights)
	if _, err := G.Grad(n.cost, n.learnables...); err != nil {
		return nil, err
	}
	test, err := newEvaluator(data.test, weights)
	if err != nil {
		return nil, err
	}
	defer test.Close()

	// An ordinary Gorgonia program up to here, and from here on except for the lines about noise.
	var vm G.VM = G.NewTapeMachine(n.g, G.BindDualValues(n.learnables...))
	var solver G.Solver = G.NewMomentum(G.WithLearnRate(s.rate), G.WithMomentum(s.momentum))

	var noisy *optim.PerturbedSolver
	if noise != "none" {
		selection := optim.Cyclic()
		if noise == "all" {
			selection = optim.All()
		}
		noisy, err = optim.NewPerturbedSolver(solver, s.sigma, optim.WithSeed(s.seed), optim.WithSelection(selection))
		if err != nil {
			return nil, err
		}
		solver = noisy // this line alone gives the carried protocol
		if s.protocol == "guarded" {
			if vm, err = noisy.Guard(vm, n.learnables...); err != nil { // and this one the guarded protocol
				return nil, err
			}
		}
	}
	defer vm.Close()

	batches, err := data.train.Loader(datasets.LoaderConfig{
		Batch: s.batch, Shuffle: true, Seed: s.seed, Flat: true, Last: datasets.LastDrop, Mean: []float64{0}, Std: []float64{1}})
	if err != nil {
		return nil, err
	}
	defer batches.Close()
	model := G.NodesToValueGrads(n.learnables)
	c := &curve{noise: noise}
	var spent time.Duration
	steps := 0
	for epoch := 0; epoch < s.epochs && !c.diverged; epoch++ {
		if err := batches.Start(epoch); err != nil {
			return nil, err
		}
		sum := 0.0
		started := time.Now()
		for batches.Next() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := n.feed(batches); err != nil {
				return nil, err
			}
			if err := vm.RunAll(); err != nil {
				return nil, errors.Wrapf(err, "epoch %d", epoch)
			}
			loss := float64(n.loss.Data().(float32))
			if math.IsNaN(loss) || math.IsInf(loss, 0) {
				c.diverged = true
				break
			}
			if err := solver.Step(model); err != nil {
				return nil, err
			}
			vm.Reset()
			sum += loss
			steps++
			step()
		}
		spent += time.Since(started)
		if err := batches.Err(); err != nil {
			return nil, err
		}
		c.trainLoss = append(c.trainLoss, sum/float64(batches.Len()))

		if noisy != nil && s.protocol == "carried" { // the weights already hold the noise of the next evaluation
			if err := noisy.Restore(); err != nil {
				return nil, err
			}
		}
		if err := test.evaluate(c); err != nil {
			return nil, err
		}
		if noisy != nil && s.protocol == "carried" {
			if err := noisy.Perturb(); err != nil {
				return nil, err
			}
		}
	}
	c.perStep = spent / time.Duration(max(1, steps))
	return c, nil
}

// evaluator runs the network, over the weights being trained, on the test images.
type evaluator struct {
	n       *network
	vm      G.VM
	batches *datasets.Loader
}

func newEvaluator(test *datasets.Dataset, weights []*tensor.Dense) (*evaluator, error) {
	const batch = 500
	batches, err := test.Loader(datasets.LoaderConfig{Batch: batch, Flat: true, Last: datasets.LastPad, Mean: []float64{0}, Std: []float64{1}})
	if err != nil {
		return nil, err
	}
	n := newNetwork(batch, weights)
	return &evaluator{n: n, vm: G.NewTapeMachine(n.g), batches: batches}, nil
}

// evaluate appends loss and accuracy over all test images to the curve.
func (e *evaluator) evaluate(c *curve) error {
	if err := e.batches.Start(0); err != nil {
		return err
	}
	var loss float64
	var right, images int
	for e.batches.Next() {
		if err := e.n.feed(e.batches); err != nil {
			return err
		}
		if err := e.vm.RunAll(); err != nil {
			return err
		}
		classes := widths[len(widths)-1]
		logProb := e.n.logProb.Data().([]float32)
		for i, label := range e.batches.Labels()[:e.batches.Valid()] {
			row := logProb[i*classes : (i+1)*classes]
			loss -= float64(row[label])
			best := 0
			for j := range row {
				if row[j] > row[best] {
					best = j
				}
			}
			if best == label {
				right++
			}
		}
		images += e.batches.Valid()
		e.vm.Reset()
	}
	c.testLoss = append(c.testLoss, loss/float64(images))
	c.testAcc = append(c.testAcc, float64(right)/float64(images))
	return e.batches.Err()
}

func (e *evaluator) Close() {
	e.batches.Close()
	e.vm.Close()
}
