package gradcheck

import (
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestCheckAcceptsACorrectGradient(t *testing.T) {
	Check(t, func(in []*G.Node) (*G.Node, error) { return G.Mul(in[0], in[1]) },
		Random(1, tensor.Float64, 2, 3), Random(2, tensor.Float64, 3, 4))
}

// failures counts what a test would have failed on.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Errorf(string, ...any) { f.n++ }

// Gorgonia's average pool has a wrong gradient.
func TestCheckRejectsAWrongGradient(t *testing.T) {
	f := &failures{TB: t}
	Check(f, func(in []*G.Node) (*G.Node, error) {
		return G.AveragePool2D(in[0], tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})
	}, Random(1, tensor.Float64, 1, 2, 4, 6))
	if f.n == 0 {
		t.Error("accepted")
	}
}
