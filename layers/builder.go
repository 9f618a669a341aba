package layers

import (
	"github.com/layernoise/layernoise/graph"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Mode is the purpose of a graph.
type Mode int

// The purposes of a graph.
const (
	// Training graphs normalise by the batch, update running statistics and apply dropout.
	Training Mode = iota
	// Evaluation graphs normalise by the running statistics, change nothing and drop nothing.
	Evaluation
)

// Builder is what layers are built with: a graph, its mode, and a node for each parameter used in it. It is not safe for
// concurrent use.
type Builder struct {
	graph *G.ExprGraph
	mode  Mode
	nodes map[*Param]*G.Node
	names map[string]*Param

	synced   synced
	steps    graph.Steps
	dropouts uint32 // number built so far
}

// NewBuilder returns a builder for the graph g, which may already hold other nodes.
func NewBuilder(g *G.ExprGraph, mode Mode) *Builder {
	return &Builder{graph: g, mode: mode, nodes: make(map[*Param]*G.Node), names: make(map[string]*Param)}
}

// Training reports whether the graph is for training.
func (b *Builder) Training() bool { return b.mode == Training }

// Dropout returns the configuration of the graph's next dropout, for graph.Dropout: each dropout has its own number, and its
// masks follow the training steps.
func (b *Builder) Dropout(seed uint64) graph.DropoutConfig {
	b.dropouts++
	return graph.DropoutConfig{Seed: seed, Layer: b.dropouts - 1, Steps: &b.steps}
}

// BeginStep tells the graph's dropouts that the next passes belong to training step number step, below 1<<32. [Classifier]
// and [LanguageModel] call it themselves.
func (b *Builder) BeginStep(step uint32) { b.steps.Begin(step) }

// SetRank declares that the graph's batches are the parts of one of several processes that train together, number rank from
// 0: its dropouts then draw what a single process would draw in that part of the combined batch. A [Classifier] or
// [LanguageModel] that has joined a world calls it itself.
func (b *Builder) SetRank(rank uint32) { b.steps.SetRank(rank) }

// Node returns the node of a parameter in the builder's graph, named like the parameter and bound to its tensor. A second
// call for the same parameter returns the same node. Another parameter of the same name is an error.
func (b *Builder) Node(p *Param) (*G.Node, error) {
	if n, ok := b.nodes[p]; ok {
		return n, nil
	}
	if _, taken := b.names[p.Name]; taken {
		return nil, errors.Wrapf(ErrDuplicateName, "layers: %s", p.Name)
	}
	shape := p.Value.Shape()
	n := G.NewTensor(b.graph, p.Value.Dtype(), shape.Dims(), G.WithShape(shape.Clone()...), G.WithName(p.Name), G.WithValue(p.Value))
	b.nodes[p], b.names[p.Name] = n, p
	return n, nil
}

// Learnables returns the nodes of the parameters that net learns, in the order of net.Params, for G.Grad,
// graph.BindGradients and a solver. The network must have been built with b.
func (b *Builder) Learnables(net Layer) (G.Nodes, error) {
	var learnables G.Nodes
	for _, p := range net.Params() {
		if p.Buffer {
			continue
		}
		n, ok := b.nodes[p]
		if !ok {
			return nil, errors.Errorf("layers: %s is not in the graph: build the network first", p.Name)
		}
		learnables = append(learnables, n)
	}
	return learnables, nil
}
