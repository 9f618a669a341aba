package layers

import (
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
	if l == nil {
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
