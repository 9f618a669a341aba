package layers

import (
	"github.com/layernoise/layernoise/graph"
	"github.com/layernoise/layernoise/internal/isnil"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Layer is a building block of a network, or a whole network. A program may define its own: any type with these two methods
// works in containers, files, a [Classifier] and a [LanguageModel] like the layers of this package.
type Layer interface {
	// Forward adds the layer's operations to the graph of x and returns their result, without computing anything. The nodes of
	// the parameters come from b, which also says whether the graph trains or evaluates. One layer may be built into any number
	// of graphs: they all share the same tensors.
	Forward(b *Builder, x *G.Node) (*G.Node, error)

	// Params returns the layer's parameters and running statistics, always in the same order: that of the computation, a weight
	// before its bias. They are the layer's own, not copies. A layer without parameters returns nil.
	Params() []*Param
}

// check returns the error of a layer's constructor, nil for a usable layer.
func check(l Layer) error {
	if isnil.Of(l) {
		return ErrNilLayer
	}
	if f, ok := l.(interface{ Err() error }); ok {
		return f.Err()
	}
	return nil
}

// fault is embedded in layers whose constructors can be given invalid arguments.
type fault struct{ err error }

// Err returns what is wrong with the arguments of the layer's constructor, or nil.
func (f fault) Err() error { return f.err }

// built returns the node of a layer's operation, or the operation's error with the layer's name.
func built(name string, y *G.Node, err error) (*G.Node, error) {
	if err != nil {
		return nil, errors.Wrapf(err, "layers: %s", name)
	}
	return y, nil
}

// misfit returns the error of a layer whose input has the wrong shape.
func misfit(name string, x *G.Node, want string) error {
	return errors.Wrapf(ErrShape, "layers: %s: input %v, want %s", name, x.Shape(), want)
}

// Param is a tensor owned by a layer: a learnt parameter or a running statistic.
type Param struct {
	// Name is unique in a network: the layer's name, a dot and the tensor's role, such as conv1.weight or bn1.running_mean, as
	// in PyTorch's state_dict.
	Name string

	// Value holds the numbers, float32 or float64. Every graph that the layer is built into shares it.
	Value *tensor.Dense

	// Buffer marks a running statistic: saved and loaded with the parameters, updated by training graphs, not learnt.
	Buffer bool
}

// NumParams returns how many numbers the network learns. Running statistics do not count.
func NumParams(net Layer) int {
	n := 0
	for _, p := range net.Params() {
		if !p.Buffer {
			n += p.Value.Size()
		}
	}
	return n
}

// collect returns the parameters of several layers in order. A parameter shared by two layers is listed once; two parameters
// of the same name are an error.
func collect(layers ...Layer) ([]*Param, error) {
	var all []*Param
	byName := make(map[string]*Param)
	for _, l := range layers {
		for _, p := range l.Params() {
			switch other, seen := byName[p.Name]; {
			case !seen:
				byName[p.Name] = p
				all = append(all, p)
			case other != p:
				return nil, errors.Wrapf(ErrDuplicateName, "layers: %s %v and %v", p.Name, other.Value.Shape(), p.Value.Shape())
			}
		}
	}
	return all, nil
}

// snapshot holds a copy of the running statistics of a network.
type snapshot []savedParam

type savedParam struct {
	param *Param
	copy  interface{} // a slice of the parameter's type
}

func newSnapshot(net Layer) snapshot {
	var s snapshot
	for _, p := range net.Params() {
		if p.Buffer {
			s = append(s, savedParam{param: p, copy: p.Value.Clone().(*tensor.Dense).Data()})
		}
	}
	return s
}

// take copies the statistics.
func (s snapshot) take() {
	for _, saved := range s {
		convert(saved.copy, saved.param.Value.Data())
	}
}

// putBack restores the statistics copied by take.
func (s snapshot) putBack() {
	for _, saved := range s {
		convert(saved.param.Value.Data(), saved.copy)
	}
}

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
