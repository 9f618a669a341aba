package closedform

import (
	G "gorgonia.org/gorgonia"
)

// Problem is a model with two factors and a closed form. Weights are the two factors' numbers, row-major, in the order of
// the learnables that Graph returns; the solution is what they represent, such as the coefficients of a regression.
type Problem interface {
	// Graph adds the loss R to g, with learnables whose initial weights are given; it takes ownership of them.
	Graph(g *G.ExprGraph, weights [2][]float64) (loss *G.Node, learnables G.Nodes, err error)

	// Sizes returns the number of weights in each factor.
	Sizes() [2]int

	// Solution returns what the weights represent.
	Solution(weights [2][]float64) []float64

	// Loss returns R at a solution.
	Loss(solution []float64) float64

	// Squares returns S at the weights.
	Squares(weights [2][]float64) float64

	// Fourth returns F.
	Fourth() float64

	// Penalty returns P of a solution, the smallest S of all weights that represent it.
	Penalty(solution []float64) float64

	// Minimiser returns the solution that minimises R + strength*P.
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
