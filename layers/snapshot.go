package layers

import "gorgonia.org/tensor"

// snapshot keeps a copy of the running statistics of a network.
type snapshot []savedParam

type savedParam struct {
	param *Param
	copy  interface{} // a slice like that of the parameter
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

// putBack sets the statistics to what they were when they were taken.
func (s snapshot) putBack() {
	for _, saved := range s {
		convert(saved.param.Value.Data(), saved.copy)
	}
}
