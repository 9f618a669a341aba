package optim

import (
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// exchanging is a machine that notes which of its evaluations are alone.
type exchanging struct {
	G.VM
	calls []string
}

func (e *exchanging) RunAll() error {
	e.calls = append(e.calls, "all")
	return e.VM.RunAll()
}

func (e *exchanging) RunAlone() error {
	e.calls = append(e.calls, "alone")
	return e.VM.RunAll()
}

// TestExchanger: gradients that Step takes as they are come from RunAll, and all others from RunAlone.
func TestExchanger(t *testing.T) {
	type guarding interface {
		Guard(vm G.VM, learnables ...*G.Node) (G.VM, error)
	}
	base := bases["sgd"]
	for _, test := range []struct {
		name   string
		solver guarding
		want   []string
	}{
		{"one draw", perturbed(t, base(), 0.1), []string{"all"}},
		{"SAM", newSAM(t, base(), 0.1), []string{"alone", "all"}},
		{"two draws", perturbed(t, base(), 0.1, WithSamples(2)), []string{"alone", "alone"}},
		{"both signs", perturbed(t, base(), 0.1, WithAntithetic()), []string{"alone", "alone"}},
		{"mixed", perturbed(t, base(), 0.1, WithMixing(0.5)), []string{"alone", "alone"}},
	} {
		n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
		e := &exchanging{VM: n.vm}
		vm := must(test.solver.Guard(e, n.learnables...))(t)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(e.calls, test.want) {
			t.Errorf("%s: %v, want %v", test.name, e.calls, test.want)
		}
	}
}
