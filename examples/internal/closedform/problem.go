package closedform

import (
	G "gorgonia.org/gorgonia"
)

// Problem is a model of two factors with a closed form. Weights are the two factors' numbers, row-major, in the order of the
// learnables that Graph returns; the solution is what they stand for, such as the coefficients of a regression.
type Problem interface {
	// Graph adds the loss R to g, with learnables of the given initial weights, which it takes over.
	Graph(g *G.ExprGraph, weights [2][]float64) (loss *G.Node, learnables G.Nodes, err error)

	// Sizes returns how many numbers each factor has.
	Sizes() [2]int

	// Solution returns what the weights stand for.
	Solution(weights [2][]float64) []float64

	// Loss returns R at a solution.
	Loss(solution []float64) float64

	// Squares returns S at the weights.
	Squares(weights [2][]float64) float64

	// Fourth returns F.
	Fourth() float64

	// Penalty returns P of a solution, the least S of all weights that make it.
	Penalty(solution []float64) float64

	// Minimiser returns the solution with the least R + strength*P.
	Minimiser(strength float64) ([]float64, error)
}

// ExtraAll returns E R(w + sigma*eps) - R(w) for noise on all weights.
func ExtraAll(p Problem, weights [2][]float64, sigma float64) float64 {
	return sigma*sigma*p.Squares(weights) + sigma*sigma*sigma*sigma*p.Fourth()
}

// ExtraLayer returns E R(w + sigma*eps) - R(w) for noise on one of the two factors, each with probability one half.
func ExtraLayer(p Problem, weights [2][]float64, sigma float64) float64 {
	return sigma * sigma / 2 * p.Squares(weights)
}
