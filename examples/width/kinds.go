package main

import (
	"math"

	"github.com/layernoise/layernoise/examples/internal/closedform"
	"github.com/layernoise/layernoise/examples/internal/figure"
	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/mat"
)

// kinds are the networks that are compared.
var kinds = [...]struct {
	name    string
	relu    bool
	weights func(seed uint64, width int) weights
}{
	{"linear, units split into copies", false, split},
	{"ReLU, units split into copies", true, split},
	{"ReLU, He's initial weights", true, he},
	{"ReLU, weights of variance 1/width", true, small},
}

// noises are the two ways to inject noise. With two layers All uses sigma/sqrt(2), which makes the terms of second order
// equal.
var noises = [...]struct {
	name      string
	colour    int
	selection func() optim.Selection
	linear    func(f *closedform.Factorisation, w weights, sigma float64) form
	relu      func(r *closedform.ReLU, w weights, sigma float64) (float64, error)
}{
	{"layer", figure.Layer, optim.Uniform, linearLayer, reluLayer},
	{"all", figure.All, optim.All, linearAll, reluAll},
}

// form is the closed forms for a network. The variances are NaN for ReLU networks.
type form struct{ extra, loss, gradient float64 }

func linearAll(f *closedform.Factorisation, w weights, sigma float64) form {
	sigma /= math.Sqrt2
	return form{closedform.ExtraAll(f, w, sigma), f.LossVarianceAll(w, sigma), f.GradientVarianceAll(w, sigma)}
}

func linearLayer(f *closedform.Factorisation, w weights, sigma float64) form {
	return form{closedform.ExtraLayer(f, w, sigma), f.LossVarianceLayer(w, sigma), f.GradientVarianceLayer(w, sigma)}
}

func reluAll(r *closedform.ReLU, w weights, sigma float64) (float64, error) {
	return r.ExtraAll(w, [2]float64{sigma / math.Sqrt2, sigma / math.Sqrt2})
}

func reluLayer(r *closedform.ReLU, w weights, sigma float64) (float64, error) {
	return r.ExtraLayer(w, [2]float64{sigma, sigma})
}

// closed returns the closed forms for a kind of network and of noise.
func (s settings) closed(kind, noise, width int) (form, error) {
	k, n := kinds[kind], noises[noise]
	w := k.weights(s.seed, width)
	if !k.relu { // they do not depend on the matrix that the network computes
		return n.linear(&closedform.Factorisation{Y: mat.NewDense(outputs, inputs, nil), Width: width}, w, s.sigma), nil
	}
	extra, err := n.relu(&closedform.ReLU{X: orthogonalRows(s.seed), Width: width, Outputs: outputs}, w, s.sigma)
	return form{extra, math.NaN(), math.NaN()}, err
}
