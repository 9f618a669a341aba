package main

import "math"

// wires is the two ends of each node's link, and when they are free.
type wires struct {
	link
	out, in []float64
}

func newWires(l link, nodes int) *wires {
	return &wires{link: l, out: make([]float64, nodes), in: make([]float64, nodes)}
}

// send carries a message that is ready at a time, and returns when it has arrived.
func (w *wires) send(from, to int, ready, bytes float64) float64 {
	start := math.Max(ready, w.out[from])
	w.out[from] = start + w.occupies(bytes)
	w.in[to] = math.Max(start+w.latency, w.in[to]) + w.occupies(bytes)
	return w.in[to]
}

func latest(times []float64) (t float64) {
	for _, x := range times {
		t = math.Max(t, x)
	}
	return t
}

func simulateRing(l link, nodes int, bytes float64) float64 {
	w := newWires(l, nodes)
	has := make([]float64, nodes) // when a node has what it sends next
	for range 2 * (nodes - 1) {
		arrived := make([]float64, nodes)
		for i := range nodes {
			to := (i + 1) % nodes
			arrived[to] = w.send(i, to, has[i], bytes/float64(nodes))
		}
		has = arrived
	}
	return latest(has)
}

func simulateTree(l link, nodes int, bytes float64) float64 {
	w := newWires(l, nodes)
	has := make([]float64, nodes)
	stride := 1
	for ; stride < nodes; stride *= 2 {
		for i := 0; i+stride < nodes; i += 2 * stride {
			has[i] = math.Max(has[i], w.send(i+stride, i, has[i+stride], bytes))
		}
	}
	for stride /= 2; stride > 0; stride /= 2 {
		for i := 0; i+stride < nodes; i += 2 * stride {
			has[i+stride] = w.send(i, i+stride, has[i], bytes)
		}
	}
	return latest(has)
}

// simulatePairwise sends the halves of the blocks in the order in which they become ready: the scatter of a block before the
// gather of the one that is a window before it. Before them all nodes agree on the call.
func simulatePairwise(l link, nodes int, bytes float64) float64 {
	if nodes == 1 {
		return 0
	}
	w := newWires(l, nodes)
	blocks := int(math.Ceil(bytes / block))
	part := bytes / float64(blocks) / float64(nodes)
	all := func(ready []float64, bytes float64) []float64 { // every node sends to every other one
		arrived := make([]float64, nodes)
		for k := 1; k < nodes; k++ {
			for i := range nodes {
				to := (i + k) % nodes
				arrived[to] = math.Max(arrived[to], w.send(i, to, ready[i], bytes))
			}
		}
		return arrived
	}
	agreed := all(make([]float64, nodes), 0)
	scattered, gathered := make([][]float64, blocks), make([][]float64, blocks)
	for b := range blocks + window - 1 {
		if b < blocks {
			ready := agreed
			if b >= window {
				ready = gathered[b-window]
			}
			scattered[b] = all(ready, part)
		}
		if last := b - window + 1; last >= 0 {
			gathered[last] = all(scattered[last], part)
		}
	}
	return latest(gathered[blocks-1])
}
