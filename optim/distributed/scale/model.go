package main

import "math"

// network is what a step of training costs on one node.
type network struct {
	name  string
	bytes float64 // of the gradients
	pass  float64 // seconds of the forward and backward pass
	rest  float64 // seconds of everything that needs all gradients: the solver, the noise

	// early is how the gradients become final: the part of the bytes that is so after a part of the pass.
	early []share
}

type share struct{ pass, bytes float64 }

// link is what joins the nodes: each sends and receives at the same time, one message after the other.
type link struct {
	name      string
	bandwidth float64 // bytes a second in each direction
	latency   float64 // seconds from one node to another
	message   float64 // seconds that a message takes a node at least, however short
}

// occupies is how long a message keeps the sender's and the receiver's end of the link busy.
func (l link) occupies(bytes float64) float64 { return math.Max(l.message, bytes/l.bandwidth) }

// algorithm is a way of adding the gradients of all nodes.
type algorithm struct {
	name     string
	rounds   float64                                        // in a step beside the exchange, of a short message from each node to every other one
	closed   func(l link, nodes int, bytes float64) float64 // seconds, in a formula
	simulate func(l link, nodes int, bytes float64) float64 // seconds, message by message
}

var (
	ring = algorithm{name: "ring", closed: closedRing, simulate: simulateRing}
	tree = algorithm{name: "tree", closed: closedTree, simulate: simulateTree}

	// What this module does. The nodes agree on each call before they make it; beside the exchange there is one, for the losses,
	// whose sum is another round.
	pairwise = algorithm{name: "pairs", rounds: 2, closed: closedPairwise, simulate: simulatePairwise}
)

// block and window are those of package distributed: what an exchange has under way at a time.
const (
	block  = 1 << 20
	window = 4
)

// round is a short message from each node to every other one.
func (l link) round(nodes int) float64 { return l.latency + float64(nodes-1)*l.message }

// closedRing: in 2 rounds each node sends an R-th of the bytes to the next one.
func closedRing(l link, nodes int, bytes float64) float64 {
	r := float64(nodes)
	return 2 * (r - 1) * (l.latency + l.occupies(bytes/r))
}

// closedTree: all of it goes up a binomial tree and down again.
func closedTree(l link, nodes int, bytes float64) float64 {
	return 2 * math.Ceil(math.Log2(float64(nodes))) * (l.latency + l.occupies(bytes))
}

// closedPairwise: of each block every node sends every other one an R-th, and then the sum of its own R-th. The first half of a
// block overlaps the second one of those before it, so the link is never idle unless a whole window of blocks takes less
// time than the two ways of one. The last block's second half has nothing to overlap. Before that the nodes agree.
func closedPairwise(l link, nodes int, bytes float64) float64 {
	if nodes == 1 {
		return 0
	}
	r := float64(nodes)
	blocks := math.Ceil(bytes / block)
	half := (r - 1) * l.occupies(bytes/blocks/r)
	busy := 2*half*blocks + 2*l.latency
	idle := math.Ceil(blocks/window) * (2*half + 2*l.latency)
	return l.round(nodes) + math.Max(busy, idle)
}

// exchange returns the seconds that an exchange takes.
func (a algorithm) exchange(l link, nodes int, bytes float64) float64 {
	if nodes == 1 {
		return 0
	}
	return a.closed(l, nodes, bytes)
}

// others returns the seconds of a step's other calls, in which the nodes wait for each other.
func (a algorithm) others(l link, nodes int) float64 {
	if nodes == 1 {
		return 0
	}
	return a.rounds * l.round(nodes)
}

// step returns the seconds of a step whose exchange begins when the pass has ended.
func (n network) step(a algorithm, l link, nodes int) float64 {
	return n.pass + a.others(l, nodes) + a.exchange(l, nodes, n.bytes) + n.rest
}

// overlapped returns the seconds of a step whose gradients are exchanged as soon as they are final, while the pass goes on,
// which the exchange slows down by a part of its own time.
func (n network) overlapped(a algorithm, l link, nodes int, slowdown float64) float64 {
	whole := a.exchange(l, nodes, n.bytes)
	pass := n.pass + slowdown*whole
	sent, done := 0.0, 0.0
	for _, s := range n.early {
		done = math.Max(done, s.pass*pass) + (s.bytes-sent)*whole
		sent = s.bytes
	}
	return math.Max(done, pass) + a.others(l, nodes) + n.rest
}

// efficiency is how much of the work of all nodes is left, with as many images a node as one has alone.
func (n network) efficiency(step float64) float64 { return (n.pass + n.rest) / step }
