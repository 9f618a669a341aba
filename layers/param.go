package layers

import (
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Param is a tensor that a layer owns: a parameter that is learnt, or a running statistic.
type Param struct {
	// Name is unique in a network: the layer's name, a dot and the tensor's role, such as conv1.weight or
	// bn1.running_mean, as in PyTorch's state_dict.
	Name string

	// Value holds the numbers, float32 or float64. Every graph that the layer is built into shares it.
	Value *tensor.Dense

	// Buffer says that the tensor is a running statistic: saved and loaded with the parameters, written by training
	// graphs, not learnt.
	Buffer bool
}

// NumParams returns how many numbers of the network are learnt. Running statistics do not count.
func NumParams(net Layer) int {
	n := 0
	for _, p := range net.Params() {
		if !p.Buffer {
			n += p.Value.Size()
		}
	}
	return n
}

// collect returns the parameters of several layers one after the other. A parameter that two layers share is listed once;
// two parameters of one name are an error.
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
